"""From rows to words: gathers the facts of a delivery for `notifications.wording`."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.utils import translation

from monitors.models import Incident
from notifications import transports, wording
from notifications.models import OF_STORM, TELLING, Channel, Delivery, Kind, Storm
from notifications.notice import Notice
from notifications.outbox.summary import survey
from notifications.transports.base import Transport


def compose(delivery: Delivery, channel: Channel) -> Notice:
    """What `delivery` tells as things are now, in the channel's language. Needs nothing of the server's row, so it can
    tell of a deleted one."""
    with translation.override(channel.language or settings.LANGUAGE_CODE):
        transport = transports.of(channel)
        notice = _compose(delivery, channel, transport)
        return wording.repeated(notice, transport.medium) if delivery.possible_repeat else notice


def _compose(delivery: Delivery, channel: Channel, transport: Transport) -> Notice:
    match delivery.kind:
        case Kind.TEST:
            return wording.test_notice(str(channel))
        case Kind.EXPIRED:
            facts = delivery.facts
            oldest, newest = datetime.fromisoformat(facts["oldest"]), datetime.fromisoformat(facts["newest"])
            return wording.expired_notice(facts["count"], oldest, newest)
    if delivery.kind in OF_STORM:
        storm = survey(Storm.objects.get(pk=delivery.storm_id or 0))
        if delivery.kind == Kind.STORM_END:
            return wording.storm_end_notice(storm, late=bool(delivery.facts.get("late")))
        return wording.storm_notice(storm, edited=transport.capabilities.edit)
    outage = _outage(Incident.objects.get(pk=delivery.incident_id or 0))
    if delivery.kind in TELLING:
        return _telling(delivery, transport, outage)
    return _ending(delivery, outage)


def _telling(delivery: Delivery, transport: Transport, outage: wording.Outage) -> Notice:
    """Of a failure; of its end too, when it has ended meanwhile."""
    if outage.ended_at is not None:
        return wording.over_notice(outage)
    tell = wording.failure_notice if delivery.kind == Kind.FAILURE else wording.still_down_notice
    buttons = transport.capabilities.buttons
    return tell(outage, buttons=buttons, storm=_storm_address(delivery, transport))


def _storm_address(delivery: Delivery, transport: Transport) -> str | None:
    """Of the message that tells of the storm which this one belongs to; empty while it is not there, or where that is
    not known."""
    if delivery.storm_id is None:
        return None
    messages = Delivery.objects.filter(storm=delivery.storm_id, kind=Kind.STORM).exclude(remote_id="")
    remote_id = messages.values_list("remote_id", flat=True).first()
    return transport.address(delivery.channel_id or "", remote_id) if remote_id else ""


def _ending(delivery: Delivery, outage: wording.Outage) -> Notice:
    transition = delivery.transition
    reason, actor = (transition.reason, transition.actor) if transition else (outage.end_reason, "")
    if delivery.facts.get("late"):
        return wording.late_notice(outage, reason, actor)
    if delivery.kind == Kind.RECOVERY:
        return wording.recovery_notice(outage)
    return wording.ended_notice(outage, reason, actor)


def _outage(incident: Incident) -> wording.Outage:
    return wording.Outage(
        incident_id=incident.pk,
        server_id=incident.server_id,
        host_name=incident.host_name,
        environment=incident.environment,
        address=incident.address,
        failure=incident.failure,
        detail=incident.detail,
        began_at=incident.began_at,
        confirmed_at=incident.confirmed_at,
        ended_at=incident.ended_at,
        end_reason=incident.end_reason,
        acknowledged_by=incident.acknowledged_by,
        link=f"{settings.SITE_URL}/servers/{incident.server_id}/",
    )
