"""History is bounded: outcomes in full detail for a day, then sums that grow coarser. See the HISTORY_ settings.

A clock that was wrong leaves rows with dates that are wrong. They hold up nothing: what is past its time is found
wherever it is stored. Details that are dated further ahead than any clock can be off are deleted as well. Hours, days
and news stay until their date comes: were it this machine's clock that is wrong now, years would be lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Max, Min, Model, Q

from monitors import attempts
from monitors.models import AuditEntry, Gap, Incident, PastOutcome, Rollup, StatusTransition, UnknownTime

CHUNK = 5_000
"""Rows deleted by one statement: writers wait for no longer than that takes."""
AUDIT_KEPT = timedelta(days=400)
"""More than a year, so that the same day of the year before can be looked up."""
MOST_CHUNKS = 100
"""Chunks of a table that one run looks at; the next run goes on."""
SAMPLES = 1_000
"""Rows of a table that are looked at on their own."""
AHEAD = timedelta(days=1)
"""What is dated further ahead comes from a clock that was wrong."""


def prune(now: datetime) -> int:
    """Delete what is past its time, a chunk at a time. Returns how many rows went."""
    years = now - timedelta(days=settings.HISTORY_DAYS_DAYS)
    kept = {
        Rollup.MINUTE: timedelta(days=settings.HISTORY_MINUTES_DAYS),
        Rollup.HOUR: timedelta(days=settings.HISTORY_HOURS_DAYS),
        Rollup.DAY: timedelta(days=settings.HISTORY_DAYS_DAYS),
    }
    deleted = _prune_outcomes(now - timedelta(hours=settings.HISTORY_OUTCOMES_HOURS), now + AHEAD)
    for resolution, age in kept.items():
        deleted += _prune(Rollup, resolution=resolution, start__lt=now - age)
    deleted += _prune(Rollup, resolution=Rollup.MINUTE, start__gt=now + AHEAD)
    deleted += _prune(StatusTransition, at__lt=years, handed_over_at__isnull=False)
    deleted += _prune(Incident, ended_at__lt=years)
    deleted += _prune(Gap, ended_at__lt=years)
    deleted += _prune(UnknownTime, ended_at__lt=years)
    deleted += _prune(AuditEntry, at__lt=now - AUDIT_KEPT)
    deleted += attempts.prune(now)
    return deleted


def _prune_outcomes(before: datetime, ahead: datetime) -> int:
    """Outcomes are stored in the order of their slots, give or take seconds, so their ids tell their age: no index on
    the slot alone is needed. A clock that was wrong breaks that order, and what can go may lie behind what cannot. So
    rows all over the table are looked at as well, and where one of them can go, those that follow it."""
    ends = PastOutcome.objects.aggregate(first=Min("id"), last=Max("id"))
    if ends["first"] is None:
        return 0
    budget = iter(range(MOST_CHUNKS))
    deleted, reached = _walk(ends["first"], before, ahead, budget)
    step = max(1, (ends["last"] - ends["first"]) // SAMPLES)
    samples = PastOutcome.objects.filter(id__in=range(ends["first"], ends["last"] + 1, step))
    out_of_order = samples.filter(Q(slot__lt=before) | Q(slot__gt=ahead)).order_by("id")
    for found in list(out_of_order.values_list("id", flat=True)):
        if found >= reached:
            more, reached = _walk(max(reached, found - step), before, ahead, budget)
            deleted += more
    return deleted


def _walk(start: int, before: datetime, ahead: datetime, budget: Iterator[int]) -> tuple[int, int]:
    """Delete what can go from the id `start` on, up to a chunk of which nothing can. Returns how many rows went, and
    from which id on none was looked at."""
    deleted = 0
    for _ in budget:
        chunk = list(PastOutcome.objects.filter(id__gte=start).order_by("id").values_list("id", "slot")[:CHUNK])
        ids = [id_ for id_, slot in chunk if not before <= slot <= ahead]
        start = chunk[-1][0] + 1 if chunk else start
        if not ids:
            break
        deleted += PastOutcome.objects.filter(id__in=ids).delete()[0]
    return deleted, start


def _prune(model: type[Model], **condition: Any) -> int:
    deleted = 0
    for _ in range(MOST_CHUNKS):
        ids = list(model._default_manager.filter(**condition).values_list("pk", flat=True)[:CHUNK])
        if not ids:
            break
        deleted += model._default_manager.filter(pk__in=ids).delete()[0]
    return deleted
