"""`manage.py sync_inventory`: take over what the company's inventory says."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitors import audit
from monitors.clock import database_now
from monitors.inventory import InventoryError, synchronise
from monitors.models import InventoryRun
from monitors.seeding import printable


class Command(BaseCommand):
    help = str(
        gettext_lazy(
            "Ask INVENTORY_URL for the servers, add those that are new, correct host, port, type and environment of "
            "those that changed and pause those that vanished. Nothing is deleted, and nothing is written when more "
            "than 20 % would change or vanish."
        )
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help=_("say what would happen and write nothing"))
        parser.add_argument("--force", action="store_true", help=_("write however much would change or vanish"))

    @audit.command("sync_inventory")
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = synchronise(dry_run=options["dry_run"], force=options["force"], now=database_now())
        except InventoryError as error:
            if isinstance(error.run, InventoryRun):
                self._show(error.run)
            raise CommandError(error.message) from None
        self._show(run)
        words = _(
            "%(created)d created, %(changed)d changed, %(vanished)d vanished, %(unchanged)d unchanged, "
            "%(rejected)d rejected"
        )
        self.stdout.write(
            words
            % {
                "created": len(run.created),
                "changed": len(run.changed),
                "vanished": len(run.vanished),
                "unchanged": run.unchanged,
                "rejected": len({problem["row"] for problem in run.rejected}),
            }
        )
        if run.dry_run:
            self.stdout.write(_("Dry run: nothing was written."))

    def _show(self, run: InventoryRun) -> None:
        for name in run.created:
            self.stdout.write(_("created %(name)s") % {"name": printable(name)})
        for change in run.changed:
            details = "; ".join(_change(key, *values) for key, values in change["changes"].items())
            words = _("changed %(name)s: %(details)s")
            self.stdout.write(words % {"name": printable(change["host_name"]), "details": details})
        for name in run.vanished:
            self.stdout.write(_("vanished %(name)s: paused, not deleted") % {"name": printable(name)})
        for problem in run.rejected:
            self.stderr.write(_rejected(problem))


def _change(key: str, old: object, new: object) -> str:
    return f"{key} {printable(str(old))} → {printable(str(new))}"


def _rejected(problem: Mapping[str, Any]) -> str:
    """`rejected row 7, web-9: port: ...`"""
    place = _("row %(number)d") % {"number": problem["row"]}
    subject = ", ".join(filter(None, (place, problem["host_name"])))
    return _("rejected %(row)s: %(problem)s") % {
        "row": subject,
        "problem": ": ".join(filter(None, (problem["field"], problem["message"]))),
    }
