"""The clock that all hosts share: the database's.

Hosts whose own clocks differ plan, claim and lease by it together; how long something takes or waits is measured by the
steady clock of the machine that waits.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils import timezone

from monitors.steady import steady

MOST_SKEW = timedelta(seconds=5)
"""Clocks of two hosts may differ by so much without harm. More is told in /readyz and on the dashboard."""


def database_now() -> datetime:
    """What time it is for the database. A short query on MySQL; SQLite has no other clock than this machine's."""
    if connection.vendor != "mysql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT UTC_TIMESTAMP(6)")
        found: datetime = cursor.fetchone()[0]
    return found.replace(tzinfo=UTC)


def offset_of(now: datetime) -> float:
    """What to add to seconds since 1970, by the clock that says `now`, to have them by the steady one."""
    return steady() - now.timestamp()


def running(now: datetime) -> Callable[[], datetime]:
    """A clock that says `now` when it is first asked, and goes on from there: for work that takes a while."""
    began: float | None = None

    def read() -> datetime:
        nonlocal began
        if began is None:
            began = steady()
            return now
        return now + timedelta(seconds=steady() - began)

    return read


class SetBack:
    """Notices that the clock was set back between two readings, however little."""

    LEAST = timedelta(seconds=1)
    """What two readings may differ by for other reasons: they take time themselves."""

    def __init__(self) -> None:
        self._last: tuple[datetime, float] | None = None

    def by(self, now: datetime) -> timedelta:
        """How far the clock was set back since the last call; zero when it was not."""
        last, self._last = self._last, (now, steady())
        if last is None:
            return timedelta(0)
        missing = timedelta(seconds=self._last[1] - last[1]) - (now - last[0])
        return missing if missing >= self.LEAST else timedelta(0)
