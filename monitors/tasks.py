"""What the queues carry: ids and ISO instants. No logic, no try, no retry."""

from __future__ import annotations

import logging
from datetime import datetime

from celery import current_app, shared_task
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from kombu.exceptions import ChannelError

from monitors import claiming, inventory, recording, retention, skew, worker
from monitors.clock import SetBack, database_now, offset_of
from monitors.engine.loop import GRACE
from monitors.policy import Policies
from monitors.targets import policies

logger = logging.getLogger(__name__)

MOST_WAITING = 1_000
"""Batches in the queue beyond which nothing more is handed out: nobody probes, and Redis keeps what nobody takes."""
_planned_by: Policies | None = None
"""What this process last planned by."""
_set_back = SetBack()


@shared_task
def probe_due() -> None:
    """Hand out everything that is due before the next tick."""
    global _planned_by
    now = database_now()
    if _set_back.by(now):
        claiming.forget_the_future(now)
    if gap := claiming.beat(now):
        logger.warning("nothing was probed", extra={"seconds": gap.duration.total_seconds()})
    recording.ensure_statuses(now)
    if (in_force := policies()) != _planned_by:
        claiming.replan(now)
        _planned_by = in_force
    if (waiting := _waiting_batches()) > MOST_WAITING:
        logger.error("no worker takes the probes", extra={"batches": waiting})
        return
    claims = claiming.claim_due(now, in_force)
    for batch in claiming.batches(claims, settings.PROBE_BATCH_SIZE):
        probe_servers.apply_async([[(claim.server_id, claim.slot.isoformat()) for claim in batch]])
    skew.note("ticks")


def _waiting_batches() -> int:
    """How many batches no worker has taken yet. A queue that nobody has ever used does not exist."""
    with current_app.producer_pool.acquire(block=True) as producer:
        channel = producer.channel
        try:
            return int(channel.queue_declare("probes", passive=True).message_count)
        except ChannelError:
            return 0


@shared_task
def probe_servers(claims: list[tuple[int, str]]) -> None:
    """Probe each server at its slot, by the database's clock; returns when every outcome is recorded. Slots that are
    long past, in a message that waited for a worker, are given up."""
    now = database_now()
    offset = offset_of(now)
    slots = {server_id: datetime.fromisoformat(slot) for server_id, slot in claims}
    jobs = worker.load({server_id: slot for server_id, slot in slots.items() if slot > now - GRACE})
    connection.close()  # or every thread that waits for servers would hold one
    running = worker.running_worker()
    if running and jobs and not running.probe(jobs, offset).done.wait(worker.patience(jobs, now)):
        logger.error("a batch was not finished", extra={"servers": len(jobs)})


@shared_task
def prune_history() -> None:
    now = database_now()
    skew.forget_absent(now)
    claiming.date_back(now)
    while recording.reap_orphans(now):
        pass
    retention.prune(now)


@shared_task
def clear_sessions() -> None:
    """Those that have expired: nobody deletes them otherwise."""
    SessionStore.clear_expired()


@shared_task(throws=(inventory.InventoryError,))
def sync_inventory() -> None:
    inventory.synchronise(dry_run=False, force=False, now=database_now())
