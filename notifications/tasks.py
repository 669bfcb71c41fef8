"""What the queues carry: a channel's id. No logic, no try, no retry."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from celery.signals import worker_ready

from monitors.clock import database_now
from notifications import outbox
from notifications.bell import ring_in
from notifications.models import Channel
from notifications.transports.base import Verdict
from notifications.transports.slack import workspace

EXPIRES = 30
"""Seconds. The clocks of who asks and of who works may differ by five; what comes late, or twice, finds nothing due."""


@shared_task
def deliver_due() -> None:
    """Make deliveries of the news, and set one task to work for each channel that has something to send or to edit."""
    outbox.show_acknowledged(database_now())
    for _part in outbox.fan_out_in_parts(database_now):
        for channel_id in outbox.due_channels(database_now()):
            deliver.apply_async([channel_id], expires=EXPIRES)


@shared_task
def prune_deliveries() -> None:
    outbox.prune(database_now())


@shared_task
def deliver(channel_id: str) -> None:
    reply = outbox.deliver(channel_id, database_now)
    channel = Channel.objects.filter(pk=channel_id).first()
    if channel and reply and reply.verdict is Verdict.SENT:  # whoever has trouble waits for the tick, and for a place
        pace = outbox.pace_of(channel).total_seconds()
        ring_in(pace, lambda: deliver.apply_async([channel_id], expires=EXPIRES, retry=False))


@shared_task
def watch_workspace() -> None:
    workspace.watch(database_now)


@shared_task
def ask_workspace_again() -> None:
    workspace.ask_again(database_now())


@worker_ready.connect
def ask_at_start(**_: Any) -> None:
    """Whoever starts the monitor again may have given the app another scope."""
    ask_workspace_again.apply_async(expires=60)
