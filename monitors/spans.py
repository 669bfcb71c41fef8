"""Spans of time: where the days, hours and months of a clock begin, and how much of a span was an outage. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

NONE = timedelta(0)

Outage = tuple[datetime, datetime | None]
"""When it began and ended; None while it lasts."""


def floor(at: datetime, seconds: int) -> datetime:
    """The last instant not after `at` at which a rollup of so many seconds begins."""
    whole = int(at.timestamp())
    return datetime.fromtimestamp(whole - whole % seconds, UTC)


def month_begins(now: datetime, count: int) -> list[datetime]:
    """Midnights of the first days of this month and those before it, newest first, in the zone of `now`."""
    months = (now.year * 12 + now.month - 1 - back for back in range(count))
    return [
        now.replace(year=month // 12, month=month % 12 + 1, day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)
        for month in months
    ]


def overlap(outage: Outage, begin: datetime, end: datetime) -> timedelta:
    """How much of `outage` lies between `begin` and `end`."""
    began_at, ended_at = outage
    return max(NONE, min(end, ended_at or end) - max(begin, began_at))


def downtime(outages: Iterable[Outage], begin: datetime, end: datetime) -> timedelta:
    """How long any of `outages` lasted between `begin` and `end`."""
    return sum((until - since for since, until in _merged(outages, begin, end)), NONE)


def _merged(outages: Iterable[Outage], begin: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Two outages of one server may touch or overlap where the monitor was blind in between: no time counts twice."""
    merged: list[tuple[datetime, datetime]] = []
    for began_at, ended_at in sorted(outages, key=lambda outage: outage[0]):
        since, until = max(begin, began_at), min(end, ended_at or end)
        if since >= until:
            continue
        if merged and since <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], until)
        else:
            merged.append((since, until))
    return merged
