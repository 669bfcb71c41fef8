"""The company's inventory as a source of servers: asked every ten minutes, it may add, change and pause, never delete.

Phases: ask (no transaction is open), compare and write (one transaction), keep the run.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models.functions import Greatest
from django.utils.translation import gettext as _

from monitors import audit, concealing, recording, seeding
from monitors.audit import Act, Item, Subject
from monitors.clock import database_now
from monitors.inventory.differences import VANISHED, Differences, differences, refuse_the_implausible, rows_of
from monitors.inventory.source import InventoryError, fetch
from monitors.models import InventoryRun, Server
from monitors.seeding import Action, Entry, Row
from monitors.transactions import retried_atomic
from monitors.validation import deny_list

__all__ = ["VANISHED", "InventoryError", "synchronise"]

logger = logging.getLogger(__name__)

ACTOR = "inventory"
RUNS_KEPT = 100
NAMES_KEPT = 1_000
"""Of each list of a run. The run that `synchronise` returns has them all."""
LONGEST_RUN = timedelta(minutes=2)
"""A run that has not finished after this long was killed; so was one that began so long after now, by another clock."""


def synchronise(*, dry_run: bool, force: bool, now: datetime, agreed: InventoryRun | None = None) -> InventoryRun:
    """Make the servers of the inventory ours. Returns the run, with the differences that were found and, unless
    `dry_run`, applied. Raises InventoryError, which is kept as the run's error, too: also when the differences are no
    longer those of the run `agreed`, which somebody has looked at."""
    if not settings.INVENTORY_URL:
        raise InventoryError(_("INVENTORY_URL is not set."))
    began = time.monotonic()
    run = _begin(dry_run, now)
    try:
        rows = rows_of(fetch(settings.INVENTORY_URL, token=settings.INVENTORY_TOKEN, deny=deny_list()))
        _compare_and_write(run, rows, force=force, agreed=agreed)
    except InventoryError as error:
        run.error, error.run = error.message, run
        raise
    except Exception as error:
        run.error = _("The monitor failed: %(error)s.") % {"error": type(error).__name__}
        raise
    finally:
        run.finished_at = now + timedelta(seconds=time.monotonic() - began)
        _keep(run)
    return run


def _begin(dry_run: bool, now: datetime) -> InventoryRun:
    """A run that is stored before it looks for another: of two that begin at once, at least one sees the other."""
    run = InventoryRun.objects.create(started_at=now, dry_run=dry_run)
    unfinished = InventoryRun.objects.filter(finished_at=None).exclude(pk=run.pk)
    killed = unfinished.exclude(started_at__gt=now - LONGEST_RUN, started_at__lte=now + LONGEST_RUN)
    killed.update(finished_at=Greatest("started_at", now), error=_("The run was interrupted."))
    if unfinished.exists():
        run.delete()
        raise InventoryError(_("A synchronisation is already running."))
    return run


@retried_atomic
def _compare_and_write(run: InventoryRun, rows: list[Row], *, force: bool, agreed: InventoryRun | None) -> None:
    managed_ids = Server.objects.filter(from_inventory=True).values_list("id", flat=True)
    stored = seeding.Stored.load(seeding.names_of(rows), also=managed_ids, lock=not run.dry_run)
    found = differences(rows, stored, {server.pk: server for server in stored if server.from_inventory})
    _describe(run, found)
    refuse_the_implausible(found, force=force)
    if agreed and _written(run) != _written(agreed):
        raise InventoryError(_("The differences are no longer those that you saw: nothing was changed."))
    if not run.dry_run:
        with audit.inventory(ACTOR):
            _describe(run, _apply(found, database_now()))  # not when it was asked: an inventory may be slow to answer


def _apply(found: Differences, now: datetime) -> Differences:
    """Write what was found; returns it with what the database refused."""
    entries = seeding.write(found.entries, actor=ACTOR, now=now, progress=lambda _done: None)
    Server.objects.filter(id__in=[server.pk for server in found.adopted]).update(from_inventory=True)
    adopted = [Item(server.pk, str(server), {"from_inventory": (False, True)}) for server in found.adopted]
    audit.record(Act.CHANGED, Subject.SERVER, adopted, at=now)
    recording.pause([server.pk for server in found.vanished], actor=ACTOR, reason=VANISHED, now=now)
    return replace(found, entries=entries)


def _describe(run: InventoryRun, found: Differences) -> None:
    run.created = [entry.name for entry in found.of(Action.CREATED)]
    run.changed = [_changed(entry.name, entry.changes) for entry in found.of(Action.UPDATED)]
    run.changed += [_changed(server.host_name, {"from_inventory": (False, True)}) for server in found.adopted]
    run.vanished = [server.host_name for server in found.vanished]
    run.rejected = [problem for entry in found.of(Action.REJECTED) for problem in _rejected(entry)]
    run.unchanged = len(found.of(Action.UNCHANGED)) - len(found.adopted)


def _changed(name: str, changes: Any) -> dict[str, Any]:
    """Without secrets, which an address may have: whoever sees the run may not see the server's settings."""
    shown = {
        key: [concealing.masked(key, value) for value in values] if key in concealing.COLUMNS else list(values)
        for key, values in changes.items()
    }
    return {"host_name": name, "changes": shown}


def _rejected(entry: Entry) -> list[dict[str, Any]]:
    name = seeding.printable(entry.name)[:255]
    return [
        {"row": entry.row.number, "host_name": name, "field": problem.field, "message": problem.message}
        for problem in entry.problems
    ]


def _written(run: InventoryRun) -> list[list[Any]]:
    """What the run writes, or would; as far as it is kept."""
    return [names[:NAMES_KEPT] for names in (run.created, run.changed, run.vanished)]


def _keep(run: InventoryRun) -> None:
    """Store the run, and no more than `RUNS_KEPT` in all."""
    InventoryRun.objects.filter(pk=run.pk).update(
        finished_at=run.finished_at,
        created=run.created[:NAMES_KEPT],
        changed=run.changed[:NAMES_KEPT],
        vanished=run.vanished[:NAMES_KEPT],
        rejected=run.rejected[:NAMES_KEPT],
        unchanged=run.unchanged,
        error=run.error[:500],
    )
    oldest_kept = InventoryRun.objects.order_by("-id").values_list("id", flat=True)[RUNS_KEPT - 1 : RUNS_KEPT].first()
    if oldest_kept is not None:
        InventoryRun.objects.filter(id__lt=oldest_kept).delete()
    logger.info(
        "inventory synchronised",
        extra={
            "run": run.pk,
            "failed": bool(run.error),
            "added": len(run.created),
            "changed": len(run.changed),
            "vanished": len(run.vanished),
            "rejected": len(run.rejected),
        },
    )
