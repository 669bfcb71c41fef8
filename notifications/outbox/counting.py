"""How many messages there were ever, for the metrics. Those that are kept are counted where they are; whatever of them
goes is added to a table in the same transaction. So no count ever sinks."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from notifications.models import Delivery, DeliveryCount, State


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
