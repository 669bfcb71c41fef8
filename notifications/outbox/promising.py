"""What a channel can be promised, written down. A message whose answer was lost is sent exactly once where it can be
looked for or the medium knows it again; anywhere else it is sent at least once."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db.models import F, Q

from monitors.transactions import retried_atomic
from notifications import transports
from notifications.instants import is_ahead
from notifications.models import Channel, Guarantee
from notifications.outbox.subscriptions import tell_current

logger = logging.getLogger(__name__)

EVERY = timedelta(minutes=10)
"""Between two looks at the same channel, unless somebody asks."""


def promise_uninspected(now: datetime) -> None:
    """What can be told without asking anybody: by the kind of the channel, or by what this process lacks."""
    for channel in Channel.objects.all():
        transport = transports.of(channel)
        problem = transport.problem()
        if (problem or not transport.inspected) and _is_due(channel, problem, now):
            lacks = problem or transport.missing
            promise(channel.pk, lacks, now, Q(checked_at=channel.checked_at, kind__in=(channel.kind, "")))


def _is_due(channel: Channel, problem: str, now: datetime) -> bool:
    """What shows only when a message is refused or taken is not looked for in between."""
    at = channel.checked_at
    shows = channel.lacks == problem or not transports.is_cut_off(channel)
    return at is None or (shows and (at <= now - EVERY or is_ahead(at, now)))


@retried_atomic
def promise(channel_id: str, lacks: str, now: datetime, unchanged: Q) -> None:
    """Write down what was seen, unless a message was refused or the channel changed since. Where messages arrive again
    that did not, the channel is told of what is down now."""
    channel = Channel.objects.select_for_update().filter(unchanged, pk=channel_id).first()
    if channel is None:
        return
    transport = transports.of(channel)
    exactly = not lacks and transport.capabilities.exactly_once
    guarantee = Guarantee.EXACTLY_ONCE if exactly else Guarantee.AT_LEAST_ONCE
    changed = Channel.objects.filter(pk=channel_id)
    changed.update(guarantee=guarantee, lacks=lacks, checked_at=now, updated_at=F("updated_at"))
    was, cut_off = transport.is_cut_off(channel.lacks), transport.is_cut_off(lacks)
    if was and not cut_off and channel.enabled:
        logger.info("channel takes messages again", extra={"channel": channel_id})
        tell_current(channel, now)
    if cut_off and lacks != channel.lacks and channel.enabled:
        logger.error("alerts do not arrive", extra={"channel": channel_id, "lacks": lacks})
