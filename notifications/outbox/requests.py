"""Deliveries that people ask for: a test, another try, and the present state for a channel that starts to listen."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from monitors.models import Incident, Server
from monitors.transactions import retried_atomic
from notifications.models import TOLD_STATES, Channel, Delivery, Kind, State


def request_test(channel_id: str, now: datetime) -> Delivery:
    """A test message for the channel, to be sent by `sending.deliver` like any other."""
    return Delivery.objects.create(
        kind=Kind.TEST, channel_id=channel_id, key=f"test:{uuid.uuid4()}", created_at=now, next_attempt_at=now
    )


@retried_atomic
def resend(delivery_id: int, now: datetime) -> bool:
    """Try a failed or skipped delivery again, or an uncertain one at once. False when there is nothing to resend."""
    again = Delivery.objects.filter(
        pk=delivery_id, channel__isnull=False, state__in=(State.FAILED, State.SKIPPED, State.UNCERTAIN)
    )
    return bool(again.update(state=State.PENDING, reason="", error="", next_attempt_at=now))


@retried_atomic
def set_enabled(channel_ids: Collection[str], enabled: bool, now: datetime) -> int:
    """Switch channels on or off. One that is switched on is told of what is down now, and of nothing older. Returns how
    many changed."""
    changing = list(Channel.objects.select_for_update().filter(pk__in=channel_ids, enabled=not enabled))
    Channel.objects.filter(pk__in=[channel.pk for channel in changing]).update(enabled=enabled, updated_at=now)
    if enabled:
        for channel in changing:
            tell_current(channel, now)
    return len(changing)


@retried_atomic
def tell_current(channel: Channel, now: datetime) -> int:
    """Tell `channel` of every outage that goes on and that it has not been told of. Returns how many there are."""
    open_incidents = Incident.objects.filter(ended_at=None).order_by("began_at")
    listening = Server.objects.filter(notification=True, pk__in=open_incidents.values("server_id"))
    audible = set(listening.values_list("pk", flat=True))
    told = Delivery.objects.filter(channel=channel.pk, state__in=TOLD_STATES, kind__in=(Kind.FAILURE, Kind.ONGOING))
    known = set(told.values_list("incident_id", flat=True))
    news = [
        incident
        for incident in open_incidents
        if incident.server_id in audible and incident.pk not in known and channel.wants(incident.environment)
    ]
    Delivery.objects.bulk_create(
        Delivery(
            kind=Kind.ONGOING,
            channel=channel,
            key=f"i:{incident.pk}:{uuid.uuid4()}",
            incident_id=incident.pk,
            created_at=now,
            next_attempt_at=now,
        )
        for incident in news
    )
    return len(news)
