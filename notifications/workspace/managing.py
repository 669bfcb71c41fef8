"""Making, renaming and archiving channels of the workspace for somebody who waits: each is one call of bounded length,
never with a transaction open, and raises `RefusedError`. What Slack did is kept at once, not only by the next list."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.db import IntegrityError

from notifications import outbox
from notifications.models import Channel, WorkspaceChannel
from notifications.slack import channels as slack
from notifications.slack.channels import SlackChannel
from notifications.workspace.cache import account, keep

PATIENCE = 5.0
"""Seconds that whoever waits is kept waiting at most."""


def create(name: str, now: datetime, *, is_private: bool) -> WorkspaceChannel:
    """The name is Slack's to judge; the one kept is the one that Slack gave."""
    return _kept(slack.create_channel(account(timeout=PATIENCE), name, is_private=is_private), now)


def rename(channel: WorkspaceChannel, name: str, now: datetime) -> WorkspaceChannel:
    renamed = slack.rename_channel(account(timeout=PATIENCE), channel.pk, name)
    return _kept(replace(renamed, members=channel.members), now)  # of which this answer says nothing


def archive(channel: WorkspaceChannel, now: datetime) -> bool:
    """Nothing can be posted there any more, so it receives no alerts from then on: True when it did."""
    slack.archive_channel(account(timeout=PATIENCE), channel.pk)
    WorkspaceChannel.objects.filter(pk=channel.pk).update(is_archived=True, seen_at=now)
    return bool(outbox.set_enabled([channel.pk], False, now))


def listen(channel_id: str, enabled: bool, now: datetime) -> bool:
    """Let the channel receive alerts, or no longer. One that is only known to the workspace is added. False when there
    is none of this id, or only an archived one."""
    try:
        if enabled and not Channel.objects.filter(pk=channel_id).exists():
            listed = WorkspaceChannel.objects.filter(pk=channel_id, is_archived=False).first()
            if listed is None:
                return False
            outbox.add_channel(Channel(channel_id=listed.pk, name=listed.name[:80]), now)
            return True
    except IntegrityError:  # somebody was faster
        pass
    outbox.set_enabled([channel_id], enabled, now)
    return Channel.objects.filter(pk=channel_id).exists()


def _kept(channel: SlackChannel, now: datetime) -> WorkspaceChannel:
    keep([channel], now)
    return WorkspaceChannel.objects.get(pk=channel.id)
