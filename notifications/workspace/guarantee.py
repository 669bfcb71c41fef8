"""What a channel can be promised. A message whose answer was lost is looked for, and so told exactly once, where the
app is in the channel and may read it; anywhere else it is told at least once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Q, QuerySet

from notifications.models import Channel, Guarantee
from notifications.slack import RefusedError
from notifications.slack import channels as slack
from notifications.slack.channels import SlackChannel
from notifications.workspace.cache import EVERY, account, as_lack, keep
from notifications.workspace.turns import FURTHEST, Turn, may_pass

PACE = timedelta(milliseconds=2500)
AT_ONCE = 2
"""Channels in one turn: some 40 a minute, where Slack allows 50 (tier 3). More take turns, the longest unseen first."""


def settle_unasked(now: datetime) -> None:
    """What can be told without Slack: nobody can look for what a webhook posted, or without a token."""
    unsettled = Channel.objects.filter(_due(now))
    by_hook = unsettled.filter(hook_url__isnull=False)
    if by_hook.exists():
        _settle(by_hook, "webhook", now)
    if not settings.SLACK_BOT_TOKEN:
        by_bot = unsettled.filter(hook_url__isnull=True)
        if by_bot.exists():
            _settle(by_bot, "not_authed", now)


def unsettled(now: datetime) -> QuerySet[Channel]:
    """The channels that Slack is to be asked about."""
    return Channel.objects.enabled().filter(_due(now), hook_url__isnull=True)


def _due(now: datetime) -> Q:
    return Q(checked_at=None) | Q(checked_at__lte=now - EVERY) | Q(checked_at__gt=now + FURTHEST)


def _settle(channels: QuerySet[Channel], lacks: str, now: datetime) -> None:
    guarantee = Guarantee.AT_LEAST_ONCE if lacks else Guarantee.EXACTLY_ONCE
    channels.update(guarantee=guarantee, lacks=lacks, checked_at=now, updated_at=F("updated_at"))


def inspect(turn: Turn) -> bool:
    """Ask Slack about the next channels. False when Slack is not to be asked more now."""
    if not turn.is_due(turn.workspace.inspect_at):
        return True
    waiting = unsettled(turn.now).order_by("?")  # so that one that Slack stumbles over holds up no other
    for channel_id in list(waiting.values_list("pk", flat=True)[:AT_ONCE]):
        try:
            lacks = _lack_of(channel_id, turn)
        except RefusedError as refused:
            turn.write(inspect_at=turn.after(refused.reply))
            return False
        _settle(Channel.objects.filter(pk=channel_id, hook_url__isnull=True), lacks, turn.now)
        turn.write(inspect_at=turn.now + PACE)
    return True


def _lack_of(channel_id: str, turn: Turn) -> str:
    """What is missing for exactly once, as `Channel.lacks` says it; joins the channel if that is all. Raises
    RefusedError for what passes by itself."""
    try:
        channel = slack.show_channel(account(), channel_id)
        lacks = _lack(channel, turn.workspace.scopes)
        if lacks == "not_in_channel" and not channel.is_private:
            lacks = _join(channel_id)
    except RefusedError as refused:
        if may_pass(refused.reply):
            raise
        return as_lack(refused.reply)
    keep([replace(channel, is_member=channel.is_member or not lacks)], turn.now)
    nameless = Channel.objects.filter(pk=channel_id, name=None)
    nameless.update(name=channel.name[:80], updated_at=F("updated_at"))
    return lacks


def _lack(channel: SlackChannel, scopes: Collection[str]) -> str:
    if channel.is_archived:
        return "is_archived"
    scope = "groups:history" if channel.is_private else "channels:history"
    if scope not in scopes:
        return f"missing_scope:{scope}"
    return "" if channel.is_member else "not_in_channel"


def _join(channel_id: str) -> str:
    """What is missing after that. Without the scope to join, somebody can still invite the app."""
    try:
        slack.join_channel(account(), channel_id)
    except RefusedError as refused:
        if refused.reply.code == "missing_scope":
            return "not_in_channel"
        raise
    return ""
