"""What `notifications.audibility` wants to know of a delivery that is stored."""

from __future__ import annotations

from monitors.models import Incident, Server
from notifications.audibility import Facts, Topic
from notifications.models import ENDING, TELLING, Delivery, Kind, State

CHANGED_MEANWHILE = ("facts", "possible_repeat")
"""What a claim may have changed of an end since it was read: it lets it tell of the beginning too."""


def facts_of(delivery: Delivery) -> Facts:
    """Apart from its channel. What was tried already may have arrived, and is not asked of its server again."""
    if delivery.kind in TELLING:
        return _of_failure(delivery) if delivery.attempts == 0 else Facts(Topic.FAILURE)
    if delivery.kind in (*ENDING, Kind.STORM_END):
        return Facts(Topic.END, untold=_reason_untold(delivery))
    return Facts(Topic.TEST if delivery.kind == Kind.TEST else Topic.OTHER)


def _of_failure(delivery: Delivery) -> Facts:
    about = Server.objects.filter(pk__in=Incident.objects.filter(pk=delivery.incident_id or 0).values("server_id"))
    notification = about.values_list("notification", flat=True).first()
    return Facts(Topic.FAILURE, server=notification is not None, notification=bool(notification))


def _reason_untold(delivery: Delivery) -> str:
    """Why the channel was never told of what has ended; empty when it was, or is told of it by the end."""
    if delivery.kind == Kind.STORM_END:
        earlier = Delivery.objects.filter(storm=delivery.storm_id, kind=Kind.STORM)
    else:
        to_channel = Delivery.objects.filter(channel=delivery.channel_id)
        earlier = to_channel.filter(incident_id=delivery.incident_id, kind__in=TELLING)
    delivery.refresh_from_db(fields=CHANGED_MEANWHILE)
    skipped = earlier.filter(state=State.SKIPPED).order_by("id").last()
    if skipped is None or delivery.facts.get("late") or earlier.exclude(state=State.SKIPPED).exists():
        return ""
    return skipped.reason
