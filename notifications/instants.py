"""Instants that were stored, read by a clock that may have been set since.

A wait is two instants: until when, and when it was planned. It holds as long as now is not before the moment at which
it was planned; a clock that is behind that moment was set back, and nobody knows how much of the wait is left. So it is
over: whoever waited for no reason finds out by trying. A wait without the second instant is trusted for seconds.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from notifications.transports.base import LONGEST_RETRY_AFTER

SKEW = timedelta(seconds=10)
"""What one process calls now may be so much earlier than what another has just written: the clocks of two machines
differ by up to five seconds, and a hand-over takes its time."""
LONGEST_WAIT = LONGEST_RETRY_AFTER
"""No wait is planned for longer."""


def is_ahead(instant: datetime | None, now: datetime) -> bool:
    """Whether a clock wrote it that was ahead of ours."""
    return instant is not None and instant > now + SKEW


def ahead(column: str, now: datetime) -> Q:
    return Q(**{f"{column}__gt": now + SKEW})


def no_later(instant: datetime | None, now: datetime) -> datetime | None:
    """Of something that has happened: now at the latest."""
    return instant if instant is None or instant <= now else now


def is_over(until: datetime | None, planned_at: datetime | None, now: datetime) -> bool:
    if until is None or until <= now:
        return True
    if planned_at is None:
        return is_ahead(until, now)
    return is_ahead(planned_at, now) or is_ahead(until, now + LONGEST_WAIT)


def over(until: str, now: datetime) -> Q:
    """`is_over` of a column, in a table that has `planned_at`."""
    passed = Q(**{until: None}) | Q(**{f"{until}__lte": now})
    void = Q(planned_at=None) & ahead(until, now) | ahead("planned_at", now) | ahead(until, now + LONGEST_WAIT)
    return passed | (Q(**{f"{until}__gt": now}) & void)  # so that each side of an OR has a range for the index
