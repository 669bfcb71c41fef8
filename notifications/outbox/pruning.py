"""Old deliveries go: what they told of has long ended, and `/metrics` counts the rest."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from monitors.models import Incident
from monitors.retention import CHUNK, MOST_CHUNKS
from notifications.models import OPEN_STATES, Delivery


def prune(now: datetime) -> int:
    """Delete settled deliveries that are older than the history by the hour, a chunk at a time, but none of an outage
    that goes on: who was told of it is still to be told its end. Returns how many there were."""
    old = Delivery.objects.filter(created_at__lt=now - timedelta(days=settings.HISTORY_HOURS_DAYS))
    settled = old.exclude(state__in=OPEN_STATES)
    ongoing = set(Incident.objects.filter(ended_at=None).values_list("pk", flat=True))
    deleted = 0
    for _ in range(MOST_CHUNKS):
        rows = settled.order_by("id").values_list("pk", "incident_id")[:CHUNK]
        ids = [pk for pk, incident_id in rows if incident_id not in ongoing]
        if not ids:
            break
        deleted += Delivery.objects.filter(pk__in=ids).delete()[0]
    return deleted
