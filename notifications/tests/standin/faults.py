"""What goes wrong on demand, and Slack's limit of one message a second and channel."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, replace
from enum import StrEnum


class Kind(StrEnum):
    RATE_LIMITED = "rate_limited"
    """429 with Retry-After: `seconds`."""
    STATUS = "status"
    """The HTTP `status`, with a page instead of an answer."""
    ERROR = "error"
    """`ok: false` with `code`; a webhook gets the bare code with the status that Slack gives it."""
    RECORD_THEN_ERROR = "record_then_error"
    """The message is posted, the answer is as with ERROR: what Slack says of `fatal_error`."""
    RECORD_THEN_CUT = "record_then_cut"
    RECORD_THEN_HANG = "record_then_hang"
    RECORD_LATE = "record_late"
    """Cut at once, and posted all the same, after `seconds`."""
    CUT_BEFORE_RECORD = "cut_before_record"
    SLOW = "slow"
    """A proper answer, after `seconds`."""


KEEPS = frozenset({Kind.RECORD_THEN_ERROR, Kind.RECORD_THEN_CUT, Kind.RECORD_THEN_HANG, Kind.RECORD_LATE, Kind.SLOW})
"""With these the message is posted."""


@dataclass(frozen=True, slots=True)
class Fault:
    kind: Kind
    channel: str = ""
    """Empty = every channel."""
    method: str = ""
    """Empty = every method."""
    times: int | None = None
    """For so many requests; None = until it is replaced or cleared."""
    code: str = ""
    needed: str = ""
    """The scope named with `missing_scope`."""
    status: int = 503
    seconds: float = 1.0

    def concerns(self, method: str, channel: str) -> bool:
        return self.channel in ("", channel) and self.method in ("", method)


class Faults:
    """At most one fault for each (channel, method); the one set last is looked at first."""

    def __init__(self) -> None:
        self._faults: dict[tuple[str, str], Fault] = {}
        self._lock = threading.Lock()

    def set(self, fault: Fault) -> None:
        with self._lock:
            self._faults.pop((fault.channel, fault.method), None)
            self._faults[fault.channel, fault.method] = fault

    def clear(self, channel: str = "", method: str = "") -> None:
        """All is well again: for this channel and method, or with neither for everything."""
        with self._lock:
            if channel or method:
                self._faults.pop((channel, method), None)
            else:
                self._faults.clear()

    def take(self, method: str, channel: str) -> Fault | None:
        """The fault that the next request meets, counted as met."""
        with self._lock:
            for key, fault in reversed(self._faults.items()):
                if fault.concerns(method, channel):
                    if fault.times == 1:
                        del self._faults[key]
                    elif fault.times is not None:
                        self._faults[key] = replace(fault, times=fault.times - 1)
                    return fault
        return None


class Pace(StrEnum):
    UNLIMITED = "unlimited"
    STRICT = "strict"
    """One message a second and channel, never two."""
    BURST = "burst"
    """One a second on average, and up to five at once after a rest: what Slack does, without promising it."""


CAPACITY = {Pace.STRICT: 1.0, Pace.BURST: 5.0}


class Limiter:
    """A bucket of permissions for each channel, filled at one a second. What is refused costs nothing."""

    def __init__(self, pace: Pace = Pace.UNLIMITED) -> None:
        self.pace = pace
        self._buckets: dict[str, tuple[float, float]] = {}  # channel: (permissions, when counted)

    def wait(self, channel: str) -> int:
        """Whole seconds until this channel may be posted to; 0 = now, which uses a permission up."""
        if self.pace is Pace.UNLIMITED:
            return 0
        now, capacity = time.monotonic(), CAPACITY[self.pace]
        permissions, counted = self._buckets.get(channel, (capacity, now))
        permissions = min(capacity, permissions + now - counted)
        if permissions < 1:
            return math.ceil(1 - permissions)
        self._buckets[channel] = (permissions - 1, now)
        return 0
