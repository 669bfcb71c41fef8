"""Storing what a plan says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from monitors import recording
from monitors.clock import running
from monitors.models import Server
from monitors.seeding.planning import Action, Entry
from monitors.seeding.rows import Problem

AT_ONCE = 500
"""Servers updated between two reports of progress."""


def write(entries: Sequence[Entry], *, actor: str, now: datetime, progress: Callable[[int], None]) -> list[Entry]:
    """Store what `entries` create and update, within the caller's transaction; `progress` is told how many are done.

    Returns the entries, with those rejected whose names the database takes for names that exist.
    """
    clock = running(now)
    entries = _create(entries, clock())
    done = sum(entry.action is Action.CREATED for entry in entries)
    progress(done)
    updated = list(_with(Action.UPDATED, entries))
    edited = [server for entry, server in updated if entry.changes.keys() - {"paused"}]
    for start in range(0, len(edited), AT_ONCE):
        recording.save_all(edited[start : start + AT_ONCE], actor=actor, now=clock())
        progress(done + min(start + AT_ONCE, len(edited)))
    pausing: dict[bool, list[int]] = {True: [], False: []}
    for entry, server in updated:
        if "paused" in entry.changes:
            pausing[entry.changes["paused"][1]].append(server.pk)
    recording.pause(pausing[True], actor=actor, now=clock())
    recording.resume(pausing[False], actor=actor, now=clock())
    return entries


def _with(action: Action, entries: Sequence[Entry]) -> list[tuple[Entry, Server]]:
    return [(entry, entry.server) for entry in entries if entry.action is action and entry.server]


def _create(entries: Sequence[Entry], now: datetime) -> list[Entry]:
    try:
        with transaction.atomic():
            recording.create([server for _entry, server in _with(Action.CREATED, entries)], now=now)
    except IntegrityError:
        return [_create_one(entry, now) for entry in entries]
    return list(entries)


def _create_one(entry: Entry, now: datetime) -> Entry:
    """Slow, and only after the database has refused the whole: finds out which name it refuses."""
    if entry.action is not Action.CREATED or entry.server is None:
        return entry
    try:
        with transaction.atomic():
            recording.create([entry.server], now=now)
    except IntegrityError:
        words = _("is the name of another server already, as the database compares names")
        return replace(entry, action=Action.REJECTED, server=None, problems=[Problem("host_name", words)])
    return entry
