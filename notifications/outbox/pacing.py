"""A channel's pace: when it takes the next message."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F, QuerySet

from notifications.instants import over
from notifications.models import Channel

PACE = timedelta(seconds=1)
"""Slack: "generally allows posting one message per second per channel"."""


def hold_back(channel_id: str, until: datetime, now: datetime) -> None:
    """Let the channel take no message before `until`."""
    _plan(Channel.objects.filter(pk=channel_id), until, now)


def take_turn(channel_id: str, now: datetime) -> bool:
    """Whether a message that is no delivery may be posted now; then no other may for a second. False for a channel that
    is not ours."""
    return _plan(Channel.objects.filter(over("next_send_at", now), pk=channel_id), now + PACE, now)


def _plan(channels: QuerySet[Channel], until: datetime, now: datetime) -> bool:
    return bool(channels.update(next_send_at=until, planned_at=now, updated_at=F("updated_at")))
