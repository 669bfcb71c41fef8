"""Spans of time: where the days, hours and months of a clock begin, and how much of a span was an outage. Pure.

Two aware datetimes of one zone are compared and subtracted by the clock on the wall (Python's datetime documentation,
"Supported operations"), which is an hour off across a change of summer time. So instants may be given in any zone, and
everything is worked out in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

NONE = timedelta(0)

Span = tuple[datetime, datetime]
"""Begin and end."""
Outage = tuple[datetime, datetime | None]
"""When it began and ended; None while it lasts."""


def floor(at: datetime, seconds: int) -> datetime:
    """The last instant not after `at` at which a rollup of so many seconds begins."""
    whole = int(at.timestamp())
    return datetime.fromtimestamp(whole - whole % seconds, UTC)


def month_begins(now: datetime, count: int) -> list[datetime]:
    """Midnights of the first days of this month and those before it, newest first, in the zone of `now`. A midnight
    that the clock shows twice is the first one; of one that it skips, the instant at which it skips."""
    months = (now.year * 12 + now.month - 1 - back for back in range(count))
    return [
        now.replace(year=month // 12, month=month % 12 + 1, day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)
        for month in months
    ]


def overlap(outage: Outage, begin: datetime, end: datetime) -> timedelta:
    """How much of `outage` lies between `begin` and `end`; never negative."""
    return length(merged([outage], begin, end))


def downtime(outages: Iterable[Outage], begin: datetime, end: datetime) -> timedelta:
    """How long any of `outages` lasted between `begin` and `end`; never negative."""
    return length(merged(outages, begin, end))


def merged(spans: Iterable[Outage], begin: datetime, end: datetime) -> list[Span]:
    """What of `spans` lies between `begin` and `end`: in the order of time, no two of them touching, in UTC. One that
    ends before it begins, as a clock that is set back leaves it, is none."""
    first, last = begin.astimezone(UTC), end.astimezone(UTC)
    clipped = [
        (max(first, since.astimezone(UTC)), last if until is None else min(last, until.astimezone(UTC)))
        for since, until in spans
    ]
    found: list[Span] = []
    for since, until in sorted(clipped):
        if since >= until:
            continue
        if found and since <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], until)
        else:
            found.append((since, until))
    return found


def without(spans: Sequence[Span], cut: Sequence[Span]) -> list[Span]:
    """What of `spans` lies in none of `cut`; both as `merged` returns them."""
    found: list[Span] = []
    cuts = iter(cut)
    hole = next(cuts, None)
    for since, until in spans:
        begin = since
        while hole is not None and hole[0] < until:
            if begin < hole[0]:
                found.append((begin, hole[0]))
            begin = max(begin, hole[1])
            if hole[1] > until:
                break  # it may reach into the next span
            hole = next(cuts, None)
        if begin < until:
            found.append((begin, until))
    return found


def length(spans: Iterable[Span]) -> timedelta:
    """How long `spans`, as `merged` returns them, last together."""
    return sum((until - since for since, until in spans), NONE)
