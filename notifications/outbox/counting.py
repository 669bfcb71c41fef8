"""How many messages there were ever, for the metrics. Those that are kept are counted where they are; whatever of them
goes is added to a table in the same transaction. So no count ever sinks. Old deliveries go: what they told of has long
ended."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from monitors.models import Incident
from monitors.retention import CHUNK, MOST_CHUNKS
from monitors.transactions import retried_atomic
from notifications.models import OPEN_STATES, Delivery, DeliveryCount, State, Storm

FAR_AHEAD = timedelta(days=1)
"""No clock that is only set wrong by a zone, or by the hour of summer time, is further ahead."""


class Counted(StrEnum):
    """What is counted. Stored: values are for ever."""

    SENT = "sent"
    RETRIED = "retried"
    """Attempts beyond each message's first."""
    FOUND = "found"
    REPEATED = "repeated"
    FAILED = "failed"


SUMS: dict[Counted, Any] = {
    Counted.SENT: Count("id", filter=Q(sent_at__isnull=False)),
    Counted.RETRIED: Coalesce(Sum("attempts"), 0) - Count("id", filter=Q(attempts__gt=0)),
    Counted.FOUND: Count("id", filter=Q(found=True)),
    Counted.REPEATED: Count("id", filter=Q(possible_repeat=True)),
    Counted.FAILED: Count("id", filter=Q(state=State.FAILED)),
}


def by_state() -> dict[str, int]:
    """The deliveries that are kept, by state."""
    counted = Delivery.objects.order_by().values_list("state").annotate(count=Count("id"))
    return dict.fromkeys(State.values, 0) | dict(counted)


def ever() -> dict[Counted, int]:
    """From the beginning. One statement, so that what is deleted at the moment is counted once."""
    counts = Delivery.objects.aggregate(**{f"all_{name}": SUMS[name] + _gone(name) for name in Counted})
    return {name: counts[f"all_{name}"] for name in Counted}


def _gone(name: Counted) -> Coalesce:
    return Coalesce(Subquery(DeliveryCount.objects.filter(pk=name).values("count")), 0)


def forget(deliveries: QuerySet[Delivery]) -> None:
    """Go on counting deliveries that the same transaction deletes."""
    counts = deliveries.order_by().aggregate(**{f"all_{name}": SUMS[name] for name in Counted})
    for name in Counted:
        add(name, counts[f"all_{name}"])


def add(name: Counted, count: int = 1) -> None:
    """What no row tells any more: needs the transaction that changes the row."""
    row = DeliveryCount.objects.filter(pk=name)
    if not count or row.update(count=F("count") + count):
        return
    try:
        with transaction.atomic():
            DeliveryCount.objects.create(name=name, count=count)
    except IntegrityError:  # somebody was faster
        row.update(count=F("count") + count)


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
    forget(ours)
    return ours.delete()[0]
