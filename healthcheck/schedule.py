"""When beat sends its ticks: by a clock that nobody sets, and without spinning."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from celery.beat import Scheduler
from celery.schedules import schedule

_BEGAN = datetime.now(UTC), time.monotonic()


def _steady_now() -> datetime:
    """A clock that nobody sets: were the machine's set back by an hour, beat would send nothing for that hour."""
    return _BEGAN[0] + timedelta(seconds=time.monotonic() - _BEGAN[1])


def every(seconds: float) -> schedule:
    return schedule(timedelta(seconds=seconds), nowfun=_steady_now)


class SteadyScheduler(Scheduler):
    """Beat's own scheduler, without its habit of waking 10 ms early and spinning until the time has come: that was half
    of beat's CPU. The schedule that matters is in the database, so nothing of it is kept on disk."""

    def adjust(self, n: float, drift: float = 0.0) -> float:
        return n + drift
