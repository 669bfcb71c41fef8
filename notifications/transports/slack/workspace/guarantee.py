"""What a channel can be promised. A message whose answer was lost is looked for, and so told exactly once, where the
app is in the channel and may read it; anywhere else it is told at least once."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet

from notifications import outbox
from notifications.instants import ahead
from notifications.models import Channel
from notifications.outbox import EVERY
from notifications.transports.slack import RefusedError
from notifications.transports.slack import channels as slack
from notifications.transports.slack.channels import SlackChannel
from notifications.transports.slack.lacks import CANNOT_POST, CANNOT_WRITE, CUT_OFF, SEEN
from notifications.transports.slack.transport import account
from notifications.transports.slack.workspace.cache import as_lack, keep
from notifications.transports.slack.workspace.turns import Turn, may_pass
from notifications.validation import kept_name

logger = logging.getLogger(__name__)

BY_BOT = Q(kind="slack_bot") | Q(kind="", hook_url=None)
"""Channels that the bot posts to."""
PACE = timedelta(milliseconds=2500)
AT_ONCE = 2
"""Channels in one turn: some 40 a minute, where Slack allows 50 (tier 3). More take turns, the longest unseen first."""
CUT_OFF_EVERY = timedelta(minutes=2)
"""Between two looks at a channel that takes no message: whoever mends it waits for the alerts."""


def unsettled(now: datetime) -> QuerySet[Channel]:
    """The channels that Slack is to be asked about."""
    return Channel.objects.enabled().filter(BY_BOT, _due(now))


def _due(now: datetime) -> Q:
    """What shows only when a message is refused or taken is not looked for in between."""
    shows = Q(lacks__in=SEEN) | ~Q(lacks__in=CUT_OFF)
    cut_off = Q(lacks__in=SEEN, checked_at__lte=now - CUT_OFF_EVERY)
    passed = Q(checked_at__lte=now - EVERY) | ahead("checked_at", now)
    return Q(checked_at=None) | cut_off | (shows & passed)


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
        outbox.promise(channel_id, lacks, turn.now, BY_BOT & _due(turn.now))
        turn.write(inspect_at=turn.now + PACE)
    return True


def _lack_of(channel_id: str, turn: Turn) -> str:
    """What is missing for exactly once, as `Channel.lacks` says it; joins the channel if that is all. Raises
    RefusedError for what passes by itself."""
    scopes = turn.workspace.scopes
    try:
        channel = slack.show_channel(account(), channel_id)
        lacks = _lack(channel, scopes)
        if lacks in (CANNOT_POST, "not_in_channel") and not channel.is_private and _join(channel_id):
            channel = replace(channel, is_member=True)
            lacks = _lack(channel, scopes)
    except RefusedError as refused:
        if may_pass(refused.reply):
            raise
        return as_lack(refused.reply)
    keep([channel], turn.now)
    nameless = Channel.objects.filter(pk=channel_id, name=None)
    nameless.update(name=kept_name(channel.name), updated_at=F("updated_at"))
    return lacks


def _lack(channel: SlackChannel, scopes: Collection[str]) -> str:
    """What keeps messages out comes before what keeps them from being looked for."""
    if channel.is_archived:
        return "is_archived"
    if scopes and "chat:write" not in scopes:
        return CANNOT_WRITE
    if scopes and not channel.is_member and (channel.is_private or "chat:write.public" not in scopes):
        return CANNOT_POST
    scope = "groups:history" if channel.is_private else "channels:history"
    if scope not in scopes:
        return f"missing_scope:{scope}"
    return "" if channel.is_member else "not_in_channel"


def _join(channel_id: str) -> bool:
    """Without the scope to join, somebody can still invite the app."""
    try:
        slack.join_channel(account(), channel_id)
    except RefusedError as refused:
        if refused.reply.code == "missing_scope":
            return False
        raise
    return True
