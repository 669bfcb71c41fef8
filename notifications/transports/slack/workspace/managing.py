"""Making, renaming and archiving channels of the workspace for somebody who waits: within a bounded time, never with a
transaction open. What Slack did is kept at once, not only by the next list, and by the instant at which it answered.

When Slack's answer is lost it is looked at what is so. All of them raise `RefusedError` when Slack refuses, and when
its answer was lost and what was asked for is not to be seen: the list is read again, for whoever looks at it next.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from django.db import IntegrityError

from monitors import audit
from monitors.audit import Act, Item, Subject
from monitors.transactions import retried_atomic
from notifications import outbox
from notifications.models import Channel, WorkspaceChannel
from notifications.transports.slack import Reply, Verdict
from notifications.transports.slack import channels as slack
from notifications.transports.slack.channels import RefusedError, SlackChannel
from notifications.transports.slack.transport import account
from notifications.transports.slack.workspace.cache import keep, read_again, seen
from notifications.transports.slack.workspace.turns import Clock
from notifications.transports.slack.workspace.wording import MANAGE
from notifications.validation import kept_name

PATIENCE = 5.0
"""Seconds for what is asked of Slack."""
LOOKING = 4.0
"""Seconds more for looking what is so when its answer was lost."""
A_MOMENT = timedelta(minutes=5)


def create(name: str, clock: Clock, *, is_private: bool) -> WorkspaceChannel:
    """The name is Slack's to judge; the one kept is the one that Slack gave.

    Whoever tries again after a lost answer hears that the name is taken. It is by what was asked for when the bot has
    made it a moment ago and it is not in the list: what Slack is heard to make is there at once.
    """
    try:
        made = slack.create_channel(account(timeout=PATIENCE), name, is_private=is_private)
    except RefusedError as refused:
        _name_the_scope(refused, is_private=is_private)
        unheard = refused.reply.code == "name_taken" and not WorkspaceChannel.objects.filter(name=name).exists()
        if not (unheard or _is_lost(refused.reply)):
            raise
        read_again()
        found = _find_made(name, clock, is_private=is_private)
        if found is None:
            raise
        made = found
    return _kept(made, clock(), Act.CREATED, {"name": (None, made.name), "is_private": (None, made.is_private)})


def rename(channel: WorkspaceChannel, name: str, clock: Clock) -> WorkspaceChannel:
    try:
        renamed = slack.rename_channel(account(timeout=PATIENCE), channel.pk, name)
    except RefusedError as refused:
        _name_the_scope(refused, is_private=channel.is_private)
        # it may have taken the name itself, when an earlier answer was lost
        shown = _look(channel) if _is_lost(refused.reply) or refused.reply.code == "name_taken" else None
        if shown is None or shown.name != name:
            raise
        renamed = shown
    whole = replace(renamed, members=channel.members)  # of which the answer says nothing
    return _kept(whole, clock(), Act.RENAMED, {"name": (channel.name, renamed.name)})


def archive(channel: WorkspaceChannel, clock: Clock) -> bool:
    """Nothing can be posted there any more, so it receives no alerts from then on: True when it did."""
    try:
        slack.archive_channel(account(timeout=PATIENCE), channel.pk)
    except RefusedError as refused:
        _name_the_scope(refused, is_private=channel.is_private)
        shown = _look(channel) if _is_lost(refused.reply) else None
        if shown is None or not shown.is_archived:
            raise
    return _archived(channel, clock())


@retried_atomic
def _archived(channel: WorkspaceChannel, now: datetime) -> bool:
    WorkspaceChannel.objects.filter(pk=channel.pk).update(is_archived=True, seen_at=now)
    items = [Item(channel.pk, channel.name, {"is_archived": (channel.is_archived, True)})]
    audit.record(Act.ARCHIVED, Subject.WORKSPACE_CHANNEL, items, at=now)
    return bool(outbox.set_enabled([channel.pk], False, now))


def listen(channel_id: str, enabled: bool, now: datetime) -> bool:
    """Let the channel receive alerts, or no longer. One that is only known to the workspace is added. False when there
    is none of this id, or only an archived one."""
    try:
        if enabled and not Channel.objects.filter(pk=channel_id).exists():
            listed = WorkspaceChannel.objects.filter(pk=channel_id, is_archived=False).first()
            if listed is None:
                return False
            outbox.add_channel(Channel(channel_id=listed.pk, name=kept_name(listed.name)), now)
            return True
    except IntegrityError:  # somebody was faster
        pass
    outbox.set_enabled([channel_id], enabled, now)
    return Channel.objects.filter(pk=channel_id).exists()


def _name_the_scope(refused: RefusedError, *, is_private: bool) -> None:
    """Slack lists every scope with which the method can be used; a channel needs the one of its kind."""
    scope = MANAGE[is_private]
    if scope in refused.reply.detail.split(","):
        refused.reply = replace(refused.reply, detail=scope)


def _is_lost(reply: Reply) -> bool:
    """Whether Slack may have done it all the same."""
    return reply.verdict is Verdict.UNCERTAIN


def _find_made(name: str, clock: Clock, *, is_private: bool) -> SlackChannel | None:
    """What the bot has made, as far as Slack tells in the time there is."""
    maker = seen().user_id
    if not maker:  # nobody has asked yet whose token it is
        return None
    try:
        return slack.find_made(
            account(), name, is_private=is_private, maker=maker, within=A_MOMENT, clock=clock, seconds=LOOKING
        )
    except RefusedError:
        return None


def _look(channel: WorkspaceChannel) -> SlackChannel | None:
    """As Slack shows it now; None when it does not."""
    read_again()
    try:
        return slack.show_channel(account(timeout=LOOKING), channel.pk)
    except RefusedError:
        return None


@retried_atomic
def _kept(channel: SlackChannel, now: datetime, act: Act, changes: audit.Changes) -> WorkspaceChannel:
    keep([channel], now)
    audit.record(act, Subject.WORKSPACE_CHANNEL, [Item(channel.id, channel.name, changes)], at=now)
    return WorkspaceChannel.objects.get(pk=channel.id)
