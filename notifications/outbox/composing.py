"""From rows to words: gathers the facts of a delivery for `notifications.wording`."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.utils import translation

from monitors.models import Incident
from notifications import wording
from notifications.models import Channel, Delivery, Kind, Storm, Workspace
from notifications.outbox.claiming import OF_STORM
from notifications.outbox.surveying import survey
from notifications.transports.slack.blocks import Message


def compose(delivery: Delivery, channel: Channel) -> Message:
    """The message of `delivery` as things are now, in the channel's language. Needs nothing of the server's row, so it
    can tell of a deleted one."""
    with translation.override(channel.language or settings.LANGUAGE_CODE):
        message = _compose(delivery, channel)
    return Message(message.text, []) if delivery.facts.get("refused") else message


def _compose(delivery: Delivery, channel: Channel) -> Message:
    repeat = delivery.possible_repeat
    match delivery.kind:
        case Kind.TEST:
            return wording.test_message(str(channel), possible_repeat=repeat)
        case Kind.EXPIRED:
            facts = delivery.facts
            oldest, newest = datetime.fromisoformat(facts["oldest"]), datetime.fromisoformat(facts["newest"])
            return wording.expired_summary(facts["count"], oldest, newest, possible_repeat=repeat)
    if delivery.kind in OF_STORM:
        return _of_storm(delivery, channel)
    outage = _outage(Incident.objects.get(pk=delivery.incident_id or 0))
    if delivery.kind in (Kind.FAILURE, Kind.ONGOING):
        return _telling(delivery, channel, outage)
    return _ending(delivery, outage)


def _of_storm(delivery: Delivery, channel: Channel) -> Message:
    storm = survey(Storm.objects.get(pk=delivery.storm_id or 0))
    repeat = delivery.possible_repeat
    if delivery.kind == Kind.STORM_END:
        return wording.storm_end_message(storm, late=bool(delivery.facts.get("late")), possible_repeat=repeat)
    return wording.storm_message(storm, edited=_is_of_bot(channel), possible_repeat=repeat)


def _telling(delivery: Delivery, channel: Channel, outage: wording.Outage) -> Message:
    """Of a failure; of its end too, when it has ended meanwhile."""
    repeat = delivery.possible_repeat
    if outage.ended_at is not None:
        return wording.over_message(outage, possible_repeat=repeat)
    tell = wording.failure_message if delivery.kind == Kind.FAILURE else wording.still_down_message
    return tell(outage, buttons=_has_buttons(channel), storm=_storm_address(delivery), possible_repeat=repeat)


def _storm_address(delivery: Delivery) -> str | None:
    """Of the message that tells of the storm which this one belongs to, as Slack's apps copy it; empty while it is not
    there, and of a workspace that is not known."""
    if delivery.storm_id is None:
        return None
    messages = Delivery.objects.filter(storm=delivery.storm_id, kind=Kind.STORM).exclude(slack_ts="")
    workspaces = Workspace.objects.exclude(url="")
    url, ts = workspaces.values_list("url", flat=True).first(), messages.values_list("slack_ts", flat=True).first()
    return f"{url.rstrip('/')}/archives/{delivery.channel_id}/p{ts.replace('.', '')}" if url and ts else ""


def _ending(delivery: Delivery, outage: wording.Outage) -> Message:
    repeat = delivery.possible_repeat
    transition = delivery.transition
    reason, actor = (transition.reason, transition.actor) if transition else (outage.end_reason, "")
    if delivery.facts.get("late"):
        return wording.late_message(outage, reason, actor, possible_repeat=repeat)
    if delivery.kind == Kind.RECOVERY:
        return wording.recovery_message(outage, possible_repeat=repeat)
    return wording.ended_message(outage, reason, actor, possible_repeat=repeat)


def _has_buttons(channel: Channel) -> bool:
    """What is pressed comes back to the app, by its own connection: not to a webhook."""
    return bool(settings.SLACK_APP_TOKEN) and _is_of_bot(channel)


def _is_of_bot(channel: Channel) -> bool:
    """And not of a webhook, whose messages can be neither edited nor answered."""
    return Channel.objects.filter(pk=channel.pk, hook_url=None).exists()


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
