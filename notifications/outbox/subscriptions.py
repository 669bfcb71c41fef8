"""Channels that begin and cease to listen. Whoever begins is told of what is down now, once, and of nothing older; what
was told before is brought up to date."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from monitors import audit
from monitors.audit import Act, Item, Subject
from monitors.models import Incident, Outage, Server, StatusTransition
from monitors.transactions import retried_atomic
from notifications import transports
from notifications.audibility import Decision, Facts, Topic, may_tell
from notifications.models import (
    OPEN_STATES,
    TOLD_STATES,
    Channel,
    Delivery,
    Guarantee,
    Kind,
    SkipReason,
    State,
    WorkspaceChannel,
)
from notifications.outbox import grouping
from notifications.outbox.editing import wake
from notifications.outbox.fan_out import NEWS_LASTS
from notifications.outbox.grouping import News
from notifications.transports.settings import COLUMNS, masked
from notifications.validation import kept_name

WAITING = (State.PENDING, State.UNCERTAIN)
"""Open, and in nobody's hands."""
ANOTHER_WAY = {"guarantee": Guarantee.UNCHECKED, "lacks": "", "checked_at": None}
"""Of a channel that is reached otherwise than before."""


class UnknownChannelsError(Exception):
    """There are no channels of these ids."""

    def __init__(self, channel_ids: Sequence[str]) -> None:
        super().__init__(channel_ids)
        self.channel_ids = channel_ids


@retried_atomic
def add_channel(channel: Channel, now: datetime) -> None:
    """Store a new channel, which must be valid. Raises IntegrityError when its id exists."""
    channel.save(force_insert=True)
    _audit(Act.CREATED, channel, _concealed(None, channel), now)
    if channel.enabled:
        _tell_current([channel], now)


@retried_atomic
def change_channel(channel_id: str, changes: Mapping[str, Any], now: datetime) -> bool:
    """Write these columns, and no other: two changes at once are both kept. False when there is no such channel."""
    before = Channel.objects.select_for_update().filter(pk=channel_id).first()
    if before is None:
        return False
    changes = _with_kind(changes)
    unchecked = ANOTHER_WAY if "kind" in changes else {"checked_at": None} if changes.get("enabled") else {}
    Channel.objects.filter(pk=before.pk).update(**changes, **unchecked, updated_at=now)
    after = Channel.objects.get(pk=before.pk)
    if after.kind not in {one.kind for one in transports.family(before.kind)}:
        _forget_messages(after)
    _audit(Act.CHANGED, after, _concealed(before, after), now)
    if _hears_more(before, after):
        _tell_current([after], now)
    return True


def _forget_messages(channel: Channel) -> None:
    """Nothing that is there is known by another medium."""
    sent = Delivery.objects.filter(channel=channel.pk)
    sent.exclude(remote_id="").update(remote_id="", edit_due_at=None)
    sent.filter(state__in=OPEN_STATES).update(thread_id="", after_id="")


def _with_kind(changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """The kind follows from a column that only one kind has."""
    if "kind" in changes or not changes.keys() & COLUMNS.keys():
        return changes
    return {**changes, "kind": transports.kind_for(changes)}


def _concealed(before: Channel | None, after: Channel | None) -> audit.Changes:
    """What changed, with nothing of the settings but what people may see."""
    old, new = (audit.values(one) if one else {} for one in (before, after))
    changes = dict(audit.differences(old, new))
    if "settings" in changes:
        changes["settings"] = (before and masked(before), after and masked(after))
    return changes


def _audit(act: Act, channel: Channel, changes: audit.Changes, now: datetime) -> None:
    audit.record(act, Subject.CHANNEL, [Item(channel.pk, str(channel), changes)], at=now)


def _hears_more(before: Channel, after: Channel) -> bool:
    """Whether `after` listens to something that `before` did not, or can be told what `before` could not."""
    if not after.enabled or not before.enabled:
        return after.enabled
    if transports.is_cut_off(before) and not transports.is_cut_off(after):
        return True
    if not before.environments:
        return False
    return not after.environments or not set(after.environments) <= set(before.environments)


@retried_atomic
def remove_channels(channel_ids: Collection[str], now: datetime) -> int:
    """Delete channels; what was sent to them stays on record. What was waiting for them is settled; what is being sent
    is settled by whoever sends it. Returns how many there were."""
    found = list(Channel.objects.select_for_update().filter(pk__in=channel_ids).order_by("pk"))
    ids = [channel.pk for channel in found]
    waiting = Delivery.objects.filter(channel__in=ids, state__in=WAITING)
    waiting.update(state=State.SKIPPED, reason=SkipReason.CHANNEL_DISABLED)
    items = [Item(channel.pk, str(channel), _concealed(channel, None)) for channel in found]
    audit.record(Act.DELETED, Subject.CHANNEL, items, at=now)
    return Channel.objects.filter(pk__in=ids).delete()[0]


@retried_atomic
def select(channel_ids: Collection[str], now: datetime) -> None:
    """Let exactly these channels listen, or raise UnknownChannelsError and change nothing. Channels that only the
    workspace knows are added; no row is deleted.

    Ids are compared here: databases differ in what they take for equal.
    """
    rows = Channel.objects.select_for_update().order_by("pk").values_list("pk", "enabled")
    enabled = dict(rows)
    wanted = set(channel_ids)
    missing = wanted - enabled.keys()
    listed = WorkspaceChannel.objects.filter(is_archived=False).in_bulk(sorted(missing))
    if unknown := sorted(missing - listed.keys()):
        raise UnknownChannelsError(unknown)
    added = [Channel(channel_id=id_, name=kept_name(listed[id_].name)) for id_ in sorted(missing)]
    Channel.objects.bulk_create(added)
    items = [Item(channel.pk, str(channel), _concealed(None, channel)) for channel in added]
    audit.record(Act.CREATED, Subject.CHANNEL, items, at=now)
    if added:
        _tell_current(added, now)
    silent = _switch([pk for pk, on in enabled.items() if on and pk not in wanted], False, now)
    hearing = _switch([pk for pk, on in enabled.items() if not on and pk in wanted], True, now)
    audit.record(Act.CHANGED, Subject.CHANNEL, [*_switched(silent, False), *_switched(hearing, True)], at=now)


@retried_atomic
def set_enabled(channel_ids: Collection[str], enabled: bool, now: datetime) -> int:
    """Switch channels on or off. One that is switched on is told of what is down now, and of nothing older. Returns how
    many changed."""
    changed = _switch(channel_ids, enabled, now)
    audit.record(Act.CHANGED, Subject.CHANNEL, _switched(changed, enabled), at=now)
    return len(changed)


def _switched(channels: Sequence[Channel], enabled: bool) -> list[Item]:
    return [Item(channel.pk, str(channel), {"enabled": (not enabled, enabled)}) for channel in channels]


def _switch(channel_ids: Collection[str], enabled: bool, now: datetime) -> list[Channel]:
    """The channels that were changed."""
    asked = Channel.objects.filter(pk__in=channel_ids, enabled=not enabled)
    changing = list(asked.select_for_update().order_by("pk"))
    changes = {"enabled": enabled, "updated_at": now, **({"checked_at": None} if enabled else {})}
    Channel.objects.filter(pk__in=[channel.pk for channel in changing]).update(**changes)
    if enabled and changing:
        _tell_current(changing, now)
    return changing


@retried_atomic
def tell_current(channel: Channel, now: datetime) -> int:
    """Tell `channel`, which takes messages again, of every outage that goes on and that it was not told of. Returns how
    many there are."""
    list(Channel.objects.select_for_update().filter(pk=channel.pk).values_list("pk"))
    return _tell_current([channel], now)


def _tell_current(channels: Sequence[Channel], now: datetime) -> int:
    """A number of statements that depends on how many storms there are. Needs the lock on the channels."""
    channel_ids = [channel.pk for channel in channels]
    grouping.end_refused(channel_ids, now)
    open_incidents = Incident.objects.filter(ended_at=None)
    incidents = list(open_incidents.order_by("began_at").select_for_update())  # none of them ends before we commit
    told = _told_already(channels, _about_to_be_told(now))
    about = Server.objects.filter(pk__in=open_incidents.values("server_id"))
    servers = {pk: (environment, on) for pk, environment, on in about.values_list("pk", "environment", "notification")}
    told |= grouping.told_in_storms(channel_ids)
    news = [
        News(_ongoing(channel, incident, now), servers[incident.server_id][0], incident.server_id, now)
        for channel in channels
        for incident in incidents
        if may_tell(_facts(channel, incident, servers, told)).decision is Decision.SEND
    ]
    openings = grouping.absorb(news, now)
    Delivery.objects.bulk_create([*(one.delivery for one in news), *openings])
    wake(channel_ids, now)
    return len(news)


def _facts(channel: Channel, incident: Incident, servers: Mapping[int, Any], told: Collection[Any]) -> Facts:
    if incident.server_id not in servers:
        return Facts(Topic.FAILURE, server=False)
    environment, notification = servers[incident.server_id]
    known = (channel.pk, incident.pk) in told or (None, incident.pk) in told
    wanted = channel.wants(environment)
    return Facts(Topic.FAILURE, wanted=wanted, notification=notification, known=known)


def _about_to_be_told(now: datetime) -> set[int | None]:
    """Outages whose news wait to be handed over: that tells every channel which listens by then.

    Read after the outages themselves, which came with their news. Locked, or a hand-over that is under way, and did not
    see that the channel listens, would be relied on for telling it.
    """
    waiting = StatusTransition.objects.filter(handed_over_at=None, at__gt=now - NEWS_LASTS)
    telling = waiting.filter(outage__in=(Outage.BEGAN, Outage.ONGOING)).order_by("id")
    return set(telling.select_for_update().values_list("incident_id", flat=True))


def _told_already(channels: Sequence[Channel], coming: Collection[int | None]) -> set[tuple[str | None, int | None]]:
    """Who need not be told of which outage; None is everybody."""
    told = Delivery.objects.filter(
        channel__in=[channel.pk for channel in channels],
        state__in=TOLD_STATES,
        kind__in=(Kind.FAILURE, Kind.ONGOING),
        incident_id__in=Incident.objects.filter(ended_at=None).values("pk"),
    )
    return {(None, incident_id) for incident_id in coming} | set(told.values_list("channel_id", "incident_id"))


def _ongoing(channel: Channel, incident: Incident, now: datetime) -> Delivery:
    return Delivery(
        kind=Kind.ONGOING,
        channel_id=channel.pk,
        key=f"i:{incident.pk}:{uuid.uuid4()}",
        incident_id=incident.pk,
        created_at=now,
        next_attempt_at=now,
    )
