"""A channel's pace, for messages that are no deliveries."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, Q

from notifications.models import Channel
from notifications.outbox.claiming import PACE


def take_turn(channel_id: str, now: datetime) -> bool:
    """Whether a message may be posted now; then no other may for a second. False for a channel that is not ours."""
    free = Channel.objects.filter(Q(next_send_at=None) | Q(next_send_at__lte=now), pk=channel_id)
    return bool(free.update(next_send_at=now + PACE, updated_at=F("updated_at")))
