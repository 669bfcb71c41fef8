"""Old deliveries go: what they told of has long ended. `/metrics` goes on counting them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from monitors.models import Incident
from monitors.retention import CHUNK, MOST_CHUNKS
from monitors.transactions import retried_atomic
from notifications.models import OPEN_STATES, Delivery, Storm
from notifications.outbox import counting

FAR_AHEAD = timedelta(days=1)
"""No clock that is only set wrong by a zone, or by the hour of summer time, is further ahead."""


def prune(now: datetime) -> int:
    """Delete settled deliveries that are older than the history by the hour, a chunk at a time, but none of an outage
    or a storm that goes on: who was told of it is still to be told its end. Then storms that ended before that and have
    no delivery left. What a clock ahead of ours has made grows old from now on. Returns how many deliveries there
    were."""
    before = now - timedelta(days=settings.HISTORY_HOURS_DAYS)
    closed = Delivery.objects.exclude(state__in=OPEN_STATES)
    closed.filter(created_at__gt=now + FAR_AHEAD).update(created_at=now)
    Storm.objects.filter(ended_at__gt=now + FAR_AHEAD).update(ended_at=now)
    settled = closed.filter(Q(storm=None) | Q(storm__ended_at__isnull=False), created_at__lt=before)
    settled = settled.exclude(incident_id__in=Incident.objects.filter(ended_at=None).values("pk"))
    deleted = 0
    for _ in range(MOST_CHUNKS):
        ids = list(settled.order_by("id").values_list("pk", flat=True)[:CHUNK])
        if not ids:
            break
        deleted += _delete(ids)
    over = Storm.objects.filter(~Exists(Delivery.objects.filter(storm=OuterRef("pk"))), ended_at__lt=before)
    Storm.objects.filter(pk__in=list(over.values_list("pk", flat=True)[:CHUNK])).delete()
    return deleted


@retried_atomic
def _delete(ids: Collection[int]) -> int:
    """Locked, so that whoever prunes at the same time counts none of them twice."""
    rows = Delivery.objects.select_for_update().filter(pk__in=ids).order_by("pk")
    ours = Delivery.objects.filter(pk__in=list(rows.values_list("pk", flat=True)))
    counting.forget(ours)
    return ours.delete()[0]
