"""What the inventory's answer would change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _

from monitors import seeding
from monitors.inventory.source import InventoryError
from monitors.models import Server
from monitors.seeding import Action, Entry, Row
from monitors.settings_table import REQUIRED

KEYS = (*REQUIRED, "kind")
"""What the inventory decides. Everything else about a server is ours: notification, thresholds, pauses, tags."""

VANISHED = "vanished from the inventory"
"""Why a server is paused. Stored and compared, so it is not translated."""

TOLERATED = 0.2
FEW = 5
"""With fewer servers than this, a share says nothing: one of four is 25 %."""


@dataclass(frozen=True, slots=True)
class Differences:
    """What a synchronisation writes."""

    entries: list[Entry]
    adopted: list[Server] = field(default_factory=list)
    """Made by hand, otherwise as the inventory says; from now on the inventory's."""
    vanished: list[Server] = field(default_factory=list)
    affected: int = 0
    """How many of the `managed` would change or vanish."""
    managed: int = 0

    def of(self, action: Action) -> list[Entry]:
        return [entry for entry in self.entries if entry.action is action]


def rows_of(items: Sequence[Any]) -> list[Row]:
    """The rows of the inventory's list. It may say more of a server than concerns us."""
    return [seeding.typed(number, None, _known(item)) for number, item in enumerate(items, 1)]


def _known(item: Any) -> Any:
    """Whoever gives a `type` may mean something else by `kind`."""
    if not isinstance(item, dict):
        return item
    return {key: item[key] for key in KEYS if key in item and not (key == "kind" and "type" in item)}


def differences(rows: Sequence[Row], stored: seeding.Stored, managed: Mapping[int, Server]) -> Differences:
    """Compare; `stored` holds the servers that the rows name and `managed`, by id, those that are the inventory's."""
    present: set[int] = set()
    adopted: list[Server] = []
    entries: list[Entry] = []
    affected = 0
    for entry in seeding.plan(rows, stored):
        server = stored.find(entry.name)  # a row that is rejected still says that its server exists
        if server is not None:
            present.add(server.pk)
            affected += entry.action is Action.UPDATED and _watched(managed.get(server.pk))
            if entry.action is Action.UNCHANGED and server.pk not in managed:
                adopted.append(server)
        entries.append(_claimed(entry))
    vanished = [server for server in managed.values() if server.pk not in present and not server.paused]
    watched = sum(map(_watched, managed.values()))
    return Differences(entries, adopted, vanished, affected + len(vanished), watched)


def _watched(server: Server | None) -> bool:
    """Whether `server` is the inventory's and was there when we last looked."""
    return server is not None and server.paused_reason != VANISHED


def _claimed(entry: Entry) -> Entry:
    """`entry` with what makes its server the inventory's, and with the end of the pause that its absence was."""
    server = entry.server
    if server is None:
        return entry
    if server.pk and server.paused and server.paused_reason == VANISHED:
        entry = replace(entry, action=Action.UPDATED, changes={**entry.changes, "paused": (True, False)})
    if entry.action is Action.UPDATED and not server.from_inventory:
        entry = replace(entry, changes={**entry.changes, "from_inventory": (False, True)})
    server.from_inventory = True
    return entry


def refuse_the_implausible(found: Differences, *, force: bool) -> None:
    """Raises InventoryError for an answer that is more likely the inventory's failure than the truth."""
    if found.managed and not found.entries:
        raise InventoryError(_("The inventory's answer is empty: nothing was changed."))
    rejected = found.of(Action.REJECTED)
    if found.entries and len(rejected) == len(found.entries):
        raise InventoryError(_("None of the servers in the inventory's answer is valid: nothing was changed."))
    if not force and found.managed >= FEW and found.affected > TOLERATED * found.managed:
        words = _(
            "%(affected)d of the inventory's %(managed)d servers would change or vanish, more than %(percent)d %%: "
            "nothing was changed. If that is right, use --force."
        )
        raise InventoryError(words % {"affected": found.affected, "managed": found.managed, "percent": TOLERATED * 100})
