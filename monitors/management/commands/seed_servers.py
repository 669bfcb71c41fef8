"""`manage.py seed_servers FILE`: make the servers of a file exist as it says."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from monitors import audit, seeding
from monitors.clock import database_now
from monitors.seeding import Action, Entry, Format
from monitors.seeding.wording import ACTIONS, details_of, name_of
from monitors.transactions import retried_atomic

ACTOR = "seed_servers"
REPORT_FROM = 500
"""Rows that take long enough for somebody to wonder."""


class Command(BaseCommand):
    help = str(
        gettext_lazy(
            "Create and update servers from a YAML, JSON or CSV file. Servers are found by host_name; a key that the "
            "file does not mention keeps its value; nothing is deleted. All rows are written, or none."
        )
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help=_("the file; - reads standard input"))
        parser.add_argument(
            "--format",
            choices=[str(format_) for format_ in Format],
            help=_("what the file is, when neither its name nor its beginning tells"),
        )
        parser.add_argument(
            "--skip-invalid", action="store_true", help=_("write the good rows even when others are rejected")
        )
        parser.add_argument("--dry-run", action="store_true", help=_("say what would happen and write nothing"))

    @audit.command(ACTOR)
    def handle(self, *args: Any, **options: Any) -> None:
        rows = self._read(options["file"], options["format"])
        try:
            if options["dry_run"]:
                stored = seeding.Stored.load(seeding.names_of(rows))
                entries = seeding.plan(rows, stored)
            else:
                entries = self._write(rows, skip_invalid=options["skip_invalid"])
        except DatabaseError as error:
            raise CommandError(_("Nothing was written: the database refused: %(error)s") % {"error": error}) from error
        refused = bool(_rejected(entries)) and not options["skip_invalid"]
        self._report(entries, options["verbosity"], only_rejected=refused)
        if refused:
            raise CommandError(_("Nothing was written. Correct these rows, or use --skip-invalid to leave them out."))
        if options["dry_run"]:
            self.stdout.write(_("Dry run: nothing was written."))

    def _read(self, name: str, format_: str | None) -> list[seeding.Row]:
        try:
            known = Format(format_) if format_ else seeding.SUFFIXES.get(Path(name).suffix.lower())
            return seeding.read(_content(name), known)
        except seeding.SeedError as error:
            file = _("standard input") if name == "-" else name
            place = file if error.line is None else _("%(file)s, line %(line)d") % {"file": file, "line": error.line}
            raise CommandError(f"{place}: {error.message}") from None

    @retried_atomic
    def _write(self, rows: Sequence[seeding.Row], *, skip_invalid: bool) -> list[Entry]:
        """The plan, made and carried out in one transaction, so that it holds."""
        entries = seeding.plan(rows, seeding.Stored.load(seeding.names_of(rows), lock=True))
        if skip_invalid or not _rejected(entries):
            total = sum(entry.action in (Action.CREATED, Action.UPDATED) for entry in entries)
            entries = seeding.write(
                entries, actor=ACTOR, now=database_now(), progress=lambda done: self._progress(done, total)
            )
        if not skip_invalid and _rejected(entries):
            transaction.set_rollback(True)
        return entries

    def _progress(self, done: int, total: int) -> None:
        if total >= REPORT_FROM and done:
            self.stderr.write(_("%(done)d of %(total)d written") % {"done": done, "total": total}, str)

    def _report(self, entries: Sequence[Entry], verbosity: int, *, only_rejected: bool) -> None:
        for entry in entries:
            if entry.action is Action.REJECTED:
                self.stderr.write(_line(entry))
            elif verbosity and not only_rejected:
                self.stdout.write(_line(entry))
        if not only_rejected:
            counts = {action: sum(entry.action is action for entry in entries) for action in Action}
            self.stdout.write(", ".join(f"{count} {ACTIONS[action]}" for action, count in counts.items()))
            return
        count = len(_rejected(entries))
        words = ngettext("%(count)d of %(total)d rows is rejected.", "%(count)d of %(total)d rows are rejected.", count)
        self.stderr.write(words % {"count": count, "total": len(entries)})


def _content(name: str) -> bytes:
    """At most one byte more than is allowed, so that an endless pipe is refused and not read."""
    if name == "-":
        return sys.stdin.buffer.read(seeding.MAX_BYTES + 1)
    try:
        with Path(name).open("rb") as file:
            return file.read(seeding.MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CommandError(_("%(file)s cannot be read: %(reason)s") % {"file": name, "reason": reason}) from None


def _rejected(entries: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.action is Action.REJECTED]


def _line(entry: Entry) -> str:
    """`line 9, row 2: updated chat-1: port 80 → 443`"""
    details = "; ".join(details_of(entry))
    return f"{entry.row.place}: {ACTIONS[entry.action]} {name_of(entry)}" + (f": {details}" if details else "")
