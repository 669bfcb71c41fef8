"""When our own loop stood still, and whether that may be why a look failed. What we miss meanwhile is no fault of the
server: answers lie unread in their sockets, and servers give up waiting for what we did not send."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta

from monitors.engine.base import Outcome
from monitors.steady import steady

logger = logging.getLogger(__name__)

PERIOD_SECONDS = 0.25
LATE_SECONDS = 0.25
"""A timer that comes so late has met a stall. A loop that is busy is late by less, again and again."""
TOLD_SECONDS = 1.0
"""Stalls that are logged."""
MOST_KEPT = 1_000
REQUEST_TIMEOUT = 408


class Stalls:
    """Knows when the loop stood still, by a timer that goes on for as long as something is `in_flight`. To be used in
    the loop alone."""

    def __init__(self, loop: asyncio.AbstractEventLoop, in_flight: Callable[[], bool]) -> None:
        self._loop = loop
        self._in_flight = in_flight
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._suspended = 0.0
        self._past: deque[tuple[float, float]] = deque(maxlen=MOST_KEPT)
        """When each ended, by the monotonic clock, and how many seconds it took."""

    def watch(self) -> None:
        """To be called when something takes off."""
        if self._timer is None:
            self._suspended = _suspended()
            self._due = time.monotonic() + PERIOD_SECONDS
            self._timer = self._loop.call_later(PERIOD_SECONDS, self._beat)

    def since(self, began: float) -> float:
        """Seconds that the loop has stood still since `began`, an instant of the monotonic clock."""
        past = sum(seconds for ended, seconds in self._past if ended > began)
        return past + (self._pending() if self._timer else 0.0)

    def _pending(self) -> float:
        """Seconds by which the timer is late, the time that the machine was suspended included; 0 for a few."""
        late = time.monotonic() - self._due + _suspended() - self._suspended
        return late if late >= LATE_SECONDS else 0.0

    def _beat(self) -> None:
        if late := self._pending():
            self._past.append((time.monotonic(), late))
            if late >= TOLD_SECONDS:
                logger.warning("the loop stood still", extra={"seconds": round(late, 1)})
        self._timer = None
        if self._in_flight():
            self.watch()


def _suspended() -> float:
    """Seconds that this machine was suspended, ever."""
    return steady() - time.monotonic()


def may_be_ours(outcome: Outcome, stood_still: float, timeout: timedelta, *, again: bool) -> bool:
    """Whether `outcome` may come of our having stood still for so many seconds meanwhile.

    A tenth of the timeout is enough, or a second. Of a look that was repeated for that reason it takes half of the
    timeout, so that a machine that is always late still finds out which servers hang.
    """
    failure = outcome.failure
    if not (failure and failure.conclusive and (failure.by_stalls or outcome.status == REQUEST_TIMEOUT)):
        return False
    seconds = timeout.total_seconds()
    return stood_still >= (max(seconds / 2, 1.0) if again else min(max(seconds / 10, LATE_SECONDS), 1.0))
