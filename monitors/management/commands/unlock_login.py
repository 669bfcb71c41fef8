"""`manage.py unlock_login`: lets those log in again who failed too often."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from monitors import attempts, audit


class Command(BaseCommand):
    help = str(gettext_lazy("Forget failed log-ins: those of a name, those from an address, or all of them."))

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", default="", help=_("of whoever is locked out"))
        parser.add_argument("--address", default="", help=_("from which too many log-ins failed"))

    @audit.command("unlock_login")
    def handle(self, *args: Any, **options: Any) -> None:
        forgotten = attempts.unlock(options["name"], options["address"])
        words = ngettext(
            "%(count)d count of failures is forgotten.", "%(count)d counts of failures are forgotten.", forgotten
        )
        self.stdout.write(words % {"count": forgotten})
