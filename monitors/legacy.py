"""What sums tell of the time before unknown time was stored (`UnknownTime`): an estimate, for as long as that time is
asked for. An hour in which anything conclusive was counted counts as known, of older history a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from monitors.models import Rollup
from monitors.spans import Span, floor, merged

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BY_THE_HOUR = 8
"""Days of which hours are read. Further back a page of servers would be ten thousands of rows."""


def known(
    ends: Mapping[int, datetime], named: Collection[int] | None, since: datetime, now: datetime
) -> dict[int, list[Span]]:
    """Of each server in `ends`, when something was known between `since` and the end of that time. One query; by
    servers where they are `named`."""
    border = floor(now - min(BY_THE_HOUR, settings.HISTORY_HOURS_DAYS) * DAY, Rollup.DAY) + DAY
    latest = max(ends.values())
    hours = Q(resolution=Rollup.HOUR, start__gte=max(border, since - HOUR), start__lt=latest)
    days = Q(resolution=Rollup.DAY, start__gte=since - DAY, start__lt=min(border, latest))
    counted = Rollup.objects.filter(hours | days).filter(Q(succeeded__gt=0) | Q(failed__gt=0))
    if named is not None:
        counted = counted.filter(server__in=[server_id for server_id in named if server_id in ends])
    found: dict[int, list[Span]] = defaultdict(list)
    for server_id, start, resolution in counted.values_list("server_id", "start", "resolution"):
        end = start + timedelta(seconds=resolution)
        if server_id in ends and end <= ends[server_id]:  # what the end lies in, later outcomes may have counted
            found[server_id].append((start, end))
    return {server_id: merged(spans, since, now) for server_id, spans in found.items()}
