"""History is bounded: outcomes in full detail for a day, then sums that grow coarser. See the HISTORY_ settings."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Model

from monitors import attempts
from monitors.models import Gap, Incident, PastOutcome, Rollup, StatusTransition

CHUNK = 5_000
"""Rows deleted by one statement: writers wait for no longer than that takes."""
MOST_CHUNKS = 100
"""Chunks deleted by one run; the next run goes on."""


def prune(now: datetime) -> int:
    """Delete what is past its time, a chunk at a time. Returns how many rows went."""
    years = now - timedelta(days=settings.HISTORY_DAYS_DAYS)
    kept = {
        Rollup.MINUTE: timedelta(days=settings.HISTORY_MINUTES_DAYS),
        Rollup.HOUR: timedelta(days=settings.HISTORY_HOURS_DAYS),
        Rollup.DAY: timedelta(days=settings.HISTORY_DAYS_DAYS),
    }
    deleted = _prune_outcomes(now - timedelta(hours=settings.HISTORY_OUTCOMES_HOURS))
    for resolution, age in kept.items():
        deleted += _prune(Rollup, resolution=resolution, start__lt=now - age)
    deleted += _prune(StatusTransition, at__lt=years, handed_over_at__isnull=False)
    deleted += _prune(Incident, ended_at__lt=years)
    deleted += _prune(Gap, ended_at__lt=years)
    deleted += attempts.prune(now)
    return deleted


def _prune_outcomes(before: datetime) -> int:
    """Outcomes are stored in the order of their slots, give or take seconds, so their ids tell their age: no index on
    the slot alone is needed."""
    deleted = 0
    for _ in range(MOST_CHUNKS):
        oldest = PastOutcome.objects.order_by("id").values_list("id", "slot")[:CHUNK]
        ids = [id_ for id_, slot in oldest if slot < before]
        if not ids:
            break
        deleted += PastOutcome.objects.filter(id__lte=ids[-1]).delete()[0]
        if len(ids) < CHUNK:
            break
    return deleted


def _prune(model: type[Model], **condition: object) -> int:
    deleted = 0
    for _ in range(MOST_CHUNKS):
        ids = list(model._default_manager.filter(**condition).values_list("pk", flat=True)[:CHUNK])
        if not ids:
            break
        deleted += model._default_manager.filter(pk__in=ids).delete()[0]
    return deleted
