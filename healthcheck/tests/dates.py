"""Dates on which the tests have to pass as on any other, and how a process is made to believe in one."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path

from healthcheck.tests import clock

DATES = (  # (what is special, when the tests begin: an instant or a number of days from now, the zone of the process)
    ("tomorrow", "+1", "UTC"),
    ("in 100 days", "+100", "Asia/Seoul"),
    ("into the 29th of February", "2028-02-28T23:58:00+00:00", "UTC"),
    ("the night in which summer time ends", "2027-10-31T02:58:30+02:00", "Europe/Berlin"),
    ("the night in which summer time begins", "2027-03-14T01:58:30-05:00", "America/New_York"),
    ("the end of a year", "2026-12-31T23:59:50+00:00", "UTC"),
)


def name(number: int) -> str:
    return DATES[number % len(DATES)][0]


def environment(number: int, directory: Path) -> dict[str, str]:
    """The variables under which a process takes it for the date `number` (counted round and round); what they name is
    made in `directory`. Raises MissingError where there is no C compiler."""
    _, when, zone = DATES[number % len(DATES)]
    return {"LD_PRELOAD": str(clock.library(directory)), **clock.of_a_process(_ahead(when)), "TZ": zone}


def _ahead(when: str) -> float:
    if when.startswith("+"):
        return timedelta(days=int(when)).total_seconds()
    return datetime.fromisoformat(when).timestamp() - time.time()
