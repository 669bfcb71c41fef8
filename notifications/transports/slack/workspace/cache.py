"""What is kept of the workspace: the only writer of its rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import F
from django.utils.crypto import salted_hmac

from monitors.transactions import retried_atomic
from notifications.models import Channel, Workspace, WorkspaceChannel
from notifications.transports.base import Reply
from notifications.transports.slack.channels import SlackChannel
from notifications.validation import kept_name


def token_mark() -> str:
    """Tells tokens, and where they are used, apart; nothing leads back to the token."""
    return salted_hmac("workspace", f"{settings.SLACK_API_URL} {settings.SLACK_BOT_TOKEN}").hexdigest()[:32]


def seen() -> Workspace:
    """The workspace as it was seen last; all empty before that, and when it was seen by another token."""
    if not settings.SLACK_BOT_TOKEN:
        return Workspace(error="not_authed")
    workspace = Workspace.objects.filter(pk=Workspace.THE_ONE).first()
    return workspace if workspace and workspace.token_mark == token_mark() else Workspace()


def ask_again(now: datetime) -> None:
    """Let the next ticks ask Slack everything again, because somebody may have mended something. A list that is being
    read is read on, at Slack's pace."""
    Workspace.objects.update(identify_at=None)
    read_again()
    look_again(now)


def read_again() -> None:
    """Let the next ticks read the list of channels, unless it is being read."""
    Workspace.objects.filter(began_at=None).update(page_at=None)


def look_again(now: datetime) -> None:
    """Let what every channel can be promised be looked at again."""
    Channel.objects.filter(checked_at__lte=now).update(checked_at=None, updated_at=F("updated_at"))


def as_lack(reply: Reply) -> str:
    """Slack's code, and the missing scope after a colon."""
    return ":".join(filter(None, (reply.code, reply.detail)))[:100]


@retried_atomic
def keep(channels: Iterable[SlackChannel], seen_at: datetime) -> None:
    """Store what Slack showed. What did not change is only marked as seen."""
    shown = {channel.id: channel for channel in channels}
    known = WorkspaceChannel.objects.in_bulk(list(shown))
    new = [row(channel, seen_at) for channel in shown.values() if channel.id not in known]
    WorkspaceChannel.objects.bulk_create(new, ignore_conflicts=True)
    for slack_id, before in known.items():
        _change(before, shown[slack_id])
    WorkspaceChannel.objects.filter(pk__in=list(known)).update(seen_at=seen_at)


def row(channel: SlackChannel, seen_at: datetime) -> WorkspaceChannel:
    return WorkspaceChannel(slack_id=channel.id, seen_at=seen_at, **_columns(channel))


def _columns(channel: SlackChannel) -> dict[str, Any]:
    columns = asdict(channel)
    del columns["id"]
    return columns


def _change(before: WorkspaceChannel, now: SlackChannel) -> None:
    """A channel that bears the name it has in Slack is renamed with it; one that was given another keeps that."""
    changes = {name: value for name, value in _columns(now).items() if getattr(before, name) != value}
    if changes:
        WorkspaceChannel.objects.filter(pk=before.pk).update(**changes)
    if "name" in changes:
        named_so = Channel.objects.filter(pk=before.pk, name=kept_name(before.name))
        named_so.update(name=kept_name(now.name), updated_at=F("updated_at"))
