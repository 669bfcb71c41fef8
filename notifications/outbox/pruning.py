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


def prune(now: datetime) -> int:
    """Delete settled deliveries that are older than the history by the hour, a chunk at a time, but none of an outage
    or a storm that goes on: who was told of it is still to be told its end. Then storms that ended before that and have
    no delivery left. Returns how many deliveries there were."""
    before = now - timedelta(days=settings.HISTORY_HOURS_DAYS)
    settled = Delivery.objects.filter(created_at__lt=before).exclude(state__in=OPEN_STATES)
    settled = settled.filter(Q(storm=None) | Q(storm__ended_at__isnull=False))
    ongoing = set(Incident.objects.filter(ended_at=None).values_list("pk", flat=True))
    deleted = 0
    for _ in range(MOST_CHUNKS):
        rows = settled.order_by("id").values_list("pk", "incident_id")[:CHUNK]
        ids = [pk for pk, incident_id in rows if incident_id not in ongoing]
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
