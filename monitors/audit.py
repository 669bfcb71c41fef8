"""Who changed what: one entry for each thing that somebody changed, written by whoever writes the change, within the
same transaction, by one statement for all things that change at once. Signals would miss whatever is written in bulk.

Who acts, and from where, is not an argument of the writers but a variable of the context (of the thread, or of the task
of an event loop). None of them decides anything by it, and most are called by others that would only hand it through:
one that forgot to would write an entry without a name. It is set where a face begins: by the middleware for requests,
by commands, by the synchronisation with the inventory, by what listens to buttons. Whatever runs without it was
started from a command line.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model

from monitors import concealing
from monitors.bulk import insert
from monitors.fields import MASK
from monitors.models import Act, AuditEntry, Face, Subject
from monitors.models.audit import LONGEST_ACTOR, LONGEST_NAME

__all__ = [
    "Act",
    "Changes",
    "Face",
    "Item",
    "Origin",
    "Subject",
    "acting",
    "command",
    "created",
    "deleted",
    "differences",
    "inventory",
    "record",
    "set_origin",
    "shown",
    "values",
]

Changes = Mapping[str, tuple[Any, Any]]
"""Value before and after, by the name of the field."""
LONGEST_ADDRESS = 64
LONGEST_VALUE = 2_000
"""Of a text, in characters."""
SECRETS = frozenset({"hook_url", "password"})
"""Beside what servers have: see `monitors.concealing`."""
AUTOMATIC = frozenset(
    {"id", "created_at", "updated_at", "last_login", "date_joined", "last_used_at", "digest"}
    | {"guarantee", "lacks", "checked_at", "next_send_at", "planned_at"}
)
"""Columns that the monitor writes by itself, or by which nobody can tell anything."""
NOTHING: tuple[Any, ...] = (None, "", [], {})


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that changed, by its key and the name that it has now."""

    id: object
    name: str
    changes: Changes


@dataclass(frozen=True, slots=True)
class Origin:
    """Who acts, by which face and from where."""

    face: Face
    address: str = ""
    actor: str = ""
    user: Callable[[], User | AnonymousUser | None] | None = None
    """Of a request. Asked only when something was written: who sends a token is not known when the request begins."""

    def who(self, otherwise: str) -> tuple[str, int | None]:
        """Name and number of the user; without one, the `actor`, or else whoever the writer was told. Nobody's name
        is that of the account of a process that answers requests."""
        user = self.user() if self.user else None
        if user is not None and user.is_authenticated:
            return user.get_username(), user.pk
        return self.actor or otherwise or ("" if self.user else account()), None


def account() -> str:
    """Whose process this is. A container may run as a number that has no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def _by_command() -> Origin:
    return Origin(Face.COMMAND, socket.gethostname())


_origin: ContextVar[Origin | None] = ContextVar("origin", default=None)


def set_origin(origin: Origin | None) -> None:
    """For what begins and ends in two functions; anything else says `acting`."""
    _origin.set(origin)


@contextmanager
def acting(origin: Origin) -> Iterator[None]:
    """What is written inside was done by `origin`."""
    token = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(token)


@contextmanager
def command(name: str) -> Iterator[None]:
    """Decorates the `handle` of a command, whose name is shown beside that of the account that runs it."""
    with acting(replace(_by_command(), actor=f"{account()} ({name})")):
        yield


@contextmanager
def inventory(actor: str) -> Iterator[None]:
    """What is written inside, the inventory says; whoever asked it is the actor, and `actor` when nobody did."""
    known = _origin.get()
    with acting(replace(known, face=Face.INVENTORY) if known else Origin(Face.INVENTORY, actor=actor)):
        yield


def record(act: Act, subject: Subject, items: Iterable[Item], *, at: datetime, actor: str = "") -> None:
    """Write what was done to each of `items`, by one statement. To be called within the transaction of the change, so
    that both are kept or neither is. What says that nothing changed is left out of `Act.CHANGED`."""
    origin = _origin.get() or _by_command()
    worth_it = [item for item in items if item.changes or act is not Act.CHANGED]
    if not worth_it:
        return
    name, user_id = origin.who(actor)
    insert(
        [
            AuditEntry(
                at=at,
                actor=name[:LONGEST_ACTOR],
                user_id=user_id,
                face=origin.face,
                address=origin.address[:LONGEST_ADDRESS],
                action=act,
                subject_kind=subject,
                subject_id=str(item.id),
                subject_name=item.name[:LONGEST_NAME],
                changes={field: [shown(field, value) for value in pair] for field, pair in item.changes.items()},
            )
            for item in worth_it
        ]
    )


# what changed


def created(instance: Model) -> Changes:
    """Every value that a new row has."""
    return differences({}, values(instance))


def deleted(instance: Model) -> Changes:
    """Every value that a row had."""
    return differences(values(instance), {})


def values(instance: Model) -> dict[str, Any]:
    """What somebody decides about, by the name of the field; without what was not loaded."""
    deferred = instance.get_deferred_fields()
    return {
        field.name: field.value_from_object(instance)
        for field in instance._meta.concrete_fields
        if field.name not in AUTOMATIC and field.attname not in deferred and not field.primary_key
    }


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    """The fields whose value changed. Nothing, an empty text and an empty list mean the same."""
    pairs = {name: (before.get(name), after.get(name)) for name in {**before, **after}}
    return {name: pair for name, pair in pairs.items() if _meant(pair[0]) != _meant(pair[1])}


def _meant(value: Any) -> Any:
    return None if value in NOTHING else value


def shown(field: str, value: Any) -> Any:
    """`value` as JSON, without a secret."""
    if value is None:
        return None
    if field in SECRETS:
        return MASK if value else value
    if field in concealing.COLUMNS and isinstance(value, str | Mapping):
        return concealing.masked(field, value)
    if isinstance(value, str):
        return value[:LONGEST_VALUE]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple | set):
        return [shown(field, one) for one in value]
    return value if isinstance(value, bool | int | float) else str(value)
