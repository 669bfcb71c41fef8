"""When beat sends its ticks: by a clock that nobody sets, without spinning, and whatever the broker does."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from celery.beat import Scheduler, SchedulingError
from celery.schedules import schedule

logger = logging.getLogger(__name__)

_BEGAN = datetime.now(UTC), time.monotonic()


def _steady_now() -> datetime:
    """A clock that nobody sets: were the machine's set back by an hour, beat would send nothing for that hour."""
    return _BEGAN[0] + timedelta(seconds=time.monotonic() - _BEGAN[1])


def every(seconds: float) -> schedule:
    return schedule(timedelta(seconds=seconds), nowfun=_steady_now)


class SteadyScheduler(Scheduler):
    """Beat's own scheduler, without its habit of waking 10 ms early and spinning until the time has come: that was half
    of beat's CPU. The schedule that matters is in the database, so nothing of it is kept on disk.

    A tick that cannot be sent is lost, and the next one is tried with a connection of its own: after a failover another
    Redis may have taken the name."""

    def adjust(self, n: float, drift: float = 0.0) -> float:
        return n + drift

    @cached_property
    def producer(self) -> Any:
        """It connects when it sends something. Beat's own waits for a connection before it looks at what to send, and
        what Redis refuses then ends beat."""
        return self.Producer(self.connection, auto_declare=False)

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as error:
            logger.error("task not sent", extra={"task_name": entry.task}, exc_info=error)
            self.close()
