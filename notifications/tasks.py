"""What the queues carry: a channel's id. No logic, no try, no retry."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from notifications import outbox


@shared_task
def deliver_due() -> None:
    """Make deliveries of the news, and set one task to work for each channel that has something to send."""
    now = timezone.now()
    outbox.hand_over(now)
    for channel_id in outbox.due_channels(now):
        deliver.apply_async([channel_id], expires=5)


@shared_task
def prune_deliveries() -> None:
    outbox.prune(timezone.now())


@shared_task
def deliver(channel_id: str) -> None:
    outbox.deliver(channel_id, timezone.now)
