"""From rows to words: gathers the facts of a delivery for `notifications.wording`."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from monitors.models import Incident
from notifications import wording
from notifications.blocks import Message
from notifications.models import Channel, Delivery, Kind


def compose(delivery: Delivery, channel: Channel) -> Message:
    """The message of `delivery`. Needs nothing of the server's row, so it can tell of a deleted one."""
    repeat = delivery.possible_repeat
    match delivery.kind:
        case Kind.TEST:
            return wording.test_message(str(channel), possible_repeat=repeat)
        case Kind.EXPIRED:
            facts = delivery.facts
            oldest, newest = datetime.fromisoformat(facts["oldest"]), datetime.fromisoformat(facts["newest"])
            return wording.expired_summary(facts["count"], oldest, newest, possible_repeat=repeat)
    outage = _outage(Incident.objects.get(pk=delivery.incident_id or 0))
    match delivery.kind:
        case Kind.FAILURE:
            return wording.failure_message(outage, possible_repeat=repeat)
        case Kind.ONGOING:
            return wording.still_down_message(outage, possible_repeat=repeat)
        case Kind.RECOVERY:
            return wording.recovery_message(outage, possible_repeat=repeat)
    transition = delivery.transition
    reason, actor = (transition.reason, transition.actor) if transition else ("", "")
    return wording.ended_message(outage, reason, actor, possible_repeat=repeat)


def _outage(incident: Incident) -> wording.Outage:
    return wording.Outage(
        host_name=incident.host_name,
        environment=incident.environment,
        address=incident.address,
        failure=incident.failure,
        detail=incident.detail,
        began_at=incident.began_at,
        confirmed_at=incident.confirmed_at,
        ended_at=incident.ended_at,
        acknowledged_by=incident.acknowledged_by,
        server_id=incident.server_id,
        link=f"{settings.SITE_URL}/servers/{incident.server_id}/",
    )
