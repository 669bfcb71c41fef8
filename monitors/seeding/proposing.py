"""A plan that somebody looks at before it is carried out, and that holds only as long as it would come out the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.crypto import salted_hmac

from monitors.clock import running
from monitors.seeding.planning import Action, Entry, Stored, names_of, plan
from monitors.seeding.rows import Row
from monitors.seeding.writing import write
from monitors.settings_table import KEYS
from monitors.transactions import retried_atomic


@dataclass(frozen=True, slots=True)
class Proposal:
    """What becomes of each row, and whether it has been done."""

    entries: Sequence[Entry]
    mark: str
    """The same for two proposals that would do the same. Tells nothing about the secrets in them."""
    done: bool = False

    def of(self, action: Action) -> list[Entry]:
        return [entry for entry in self.entries if entry.action is action]


def propose(rows: Sequence[Row]) -> Proposal:
    """What `rows` would change now. Writes nothing."""
    return _proposed(plan(rows, Stored.load(names_of(rows))))


@retried_atomic
def carry_out(rows: Sequence[Row], mark: str, *, skip_rejected: bool, actor: str, now: datetime) -> Proposal:
    """Write what `rows` change, if that is still what the proposal with `mark` said; all of it or nothing.

    Returns what would have to be agreed to instead, not `done`, when the servers have changed meanwhile, or when rows
    are rejected and `skip_rejected` is not set.
    """
    clock = running(now)
    clock()  # it goes on while we wait for locks
    found = _proposed(plan(rows, Stored.load(names_of(rows), lock=True)))
    if found.mark != mark or (found.of(Action.REJECTED) and not skip_rejected):
        return found
    written = write(found.entries, actor=actor, now=clock(), progress=lambda _done: None)
    refused = sum(entry.action is Action.REJECTED for entry in written) > len(found.of(Action.REJECTED))
    if refused and not skip_rejected:  # by the database, which compares names by its own rules
        transaction.set_rollback(True)
        return Proposal(written, mark)
    return Proposal(written, mark, done=True)


def _proposed(entries: Sequence[Entry]) -> Proposal:
    said = [(entry.row.number, entry.action, entry.name, _meant(entry)) for entry in entries]
    return Proposal(entries, salted_hmac("monitors.seeding", repr(said)).hexdigest())


def _meant(entry: Entry) -> object:
    """What the entry writes: the changed keys of a server that exists, all keys of a new one."""
    if entry.action is Action.UPDATED and entry.server:
        return entry.server.pk, sorted(entry.changes.items())
    return [getattr(entry.server, key) for key in KEYS] if entry.action is Action.CREATED else None
