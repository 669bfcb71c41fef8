"""Time that nobody sets: for how long something takes, waits or stood still, within one machine. Pure."""

from __future__ import annotations

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def steady() -> float:
    """Seconds of a clock that is never set, and that goes on while the machine is suspended, where the system has one
    (Linux: CLOCK_BOOTTIME; `time.monotonic()` stands still meanwhile)."""
    return time.clock_gettime(_CLOCK)
