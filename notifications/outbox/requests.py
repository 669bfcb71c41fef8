"""Deliveries that people ask for: a test, and another try."""

from __future__ import annotations

from datetime import datetime

from monitors.models import Incident
from monitors.transactions import retried_atomic
from notifications.models import Channel, Delivery, Kind, State
from notifications.outbox.claiming import new_test

TRIED_AGAIN = (State.FAILED, State.SKIPPED, State.UNCERTAIN)


def request_test(channel_id: str, now: datetime) -> Delivery:
    """A test message for the channel, to be sent by `sending.deliver` like any other."""
    delivery = new_test(channel_id, now)
    delivery.save(force_insert=True)
    return delivery


@retried_atomic
def resend(delivery_id: int, now: datetime) -> bool:
    """Try a failed or skipped delivery again, or an uncertain one at once. False when there is nothing to resend: it is
    on its way or has arrived, nobody listens, or what it tells of is no longer kept."""
    again = Delivery.objects.filter(pk=delivery_id, state__in=TRIED_AGAIN)
    delivery = again.first()
    if delivery is None or not _listens(delivery) or not _is_known(delivery):
        return False
    if delivery.state == State.UNCERTAIN:  # it may be there: looked for first where that can be done
        return bool(again.update(next_attempt_at=now))
    return bool(again.update(state=State.PENDING, reason="", error="", next_attempt_at=now))


def _listens(delivery: Delivery) -> bool:
    channel = Channel.objects.filter(pk=delivery.channel_id or "")
    return (channel if delivery.kind == Kind.TEST else channel.enabled()).exists()


def _is_known(delivery: Delivery) -> bool:
    return delivery.incident_id is None or Incident.objects.filter(pk=delivery.incident_id).exists()
