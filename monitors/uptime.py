"""How much of the time servers were up, and how long they were down.

Uptime is the share of the conclusive probes that succeeded. A probe stands for the time until the next one, so that is
the share of the time in which somebody looked: what was paused, not probed or inconclusive counts for neither side.
Downtime is the time of confirmed outages, from the first failed probe to the first success.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from django.conf import settings
from django.db.models import CharField, Q, QuerySet, Sum, Value

from monitors.models import Incident, Rollup
from monitors.spans import NONE, Outage, downtime, floor, month_begins, overlap

DAY = timedelta(days=1)
PERIODS = {"24h": (DAY, Rollup.HOUR), "7d": (7 * DAY, Rollup.HOUR), "30d": (30 * DAY, Rollup.DAY)}
"""Length, and the seconds that a rollup covers which it is summed up from: few rows, whatever the interval."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Conclusive outcomes of some time."""

    succeeded: int = 0
    failed: int = 0

    @property
    def uptime(self) -> float | None:
        """0 to 1; None when nobody looked."""
        seen = self.succeeded + self.failed
        return self.succeeded / seen if seen else None


@dataclass(frozen=True, slots=True)
class Month:
    began_at: datetime
    """Midnight of its first day, in the zone that was asked for."""
    tally: Tally
    downtime: timedelta
    outages: int
    """Those that began in it, or went on in it."""


def tallies(server_ids: Collection[int], now: datetime) -> dict[int, dict[str, Tally]]:
    """Of each server that was probed, its tally of each of `PERIODS`, to the hour or day. One query."""
    return _sums(
        server_ids,
        [
            (period, Q(resolution=resolution, start__gte=floor(now - length, resolution)))
            for period, (length, resolution) in PERIODS.items()
        ],
    )


def months(server_id: int, now: datetime, zone: tzinfo, known: Sequence[Outage], count: int = 3) -> list[Month]:
    """This month so far and those before it, newest first, as `zone` has them; `known` are the outages of that time.
    One query."""
    begins = month_begins(now.astimezone(zone), count)
    spans = list(zip(begins, [now, *begins], strict=False))
    rows = [(str(i), part) for i, (begin, end) in enumerate(spans) for part in _rollups(begin, end, now)]
    sums = _sums([server_id], rows).get(server_id, {})
    return [
        Month(
            begin,
            sums.get(str(i), Tally()),
            downtime(known, begin, end),
            sum(overlap(outage, begin, end) > NONE for outage in known),
        )
        for i, (begin, end) in enumerate(spans)
    ]


def outages(server_id: int, since: datetime) -> list[Outage]:
    """Those of the server that did not end before `since`, oldest first."""
    lasted = Q(ended_at=None) | Q(ended_at__gt=since)
    found = Incident.objects.filter(lasted, server=server_id).order_by("began_at")
    return list(found.values_list("began_at", "ended_at"))


def _sums(server_ids: Collection[int], rows: Sequence[tuple[str, Q]]) -> dict[int, dict[str, Tally]]:
    """What the rollups of each name come to. Each part of the union is a range of the table's key."""
    if not server_ids:
        return {}
    first, *others = (_sum(server_ids, name, part) for name, part in rows)
    result: dict[int, dict[str, Tally]] = {}
    for server_id, name, succeeded, failed in first.union(*others, all=True):
        tallies = result.setdefault(server_id, {})
        before = tallies.get(name, Tally())
        tallies[name] = Tally(before.succeeded + int(succeeded), before.failed + int(failed))
    return result


def _sum(server_ids: Collection[int], name: str, part: Q) -> QuerySet[Rollup, Any]:
    return (
        Rollup.objects.filter(part, server__in=server_ids)
        .values("server_id")
        .annotate(name=Value(name, CharField(max_length=5)), ok=Sum("succeeded"), bad=Sum("failed"))
        .values_list("server_id", "name", "ok", "bad")
        .order_by()
    )


def _rollups(begin: datetime, end: datetime, now: datetime) -> list[Q]:
    """The rollups of a span: by the hour, which fits any zone, where hours are kept; before that, days of UTC that lie
    in it for the most part."""
    kept = floor(now - timedelta(days=settings.HISTORY_HOURS_DAYS), Rollup.DAY) + DAY
    parts = [Q(resolution=Rollup.HOUR, start__gte=max(begin, kept), start__lt=end)]
    if begin < kept:
        parts.append(Q(resolution=Rollup.DAY, start__gte=begin - DAY / 2, start__lt=min(end - DAY / 2, kept)))
    return parts
