"""`manage.py export_servers`: every server, in a file that `seed_servers` reads."""

from __future__ import annotations

import os
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitors import concealing
from monitors.exporting import described, rendered
from monitors.models import Server
from monitors.seeding import MASK, SUFFIXES, Format


class Command(BaseCommand):
    help = str(
        gettext_lazy(
            "Write every server as YAML, JSON or CSV, for seed_servers. The values of request headers and the queries "
            "of addresses may be secrets and are masked; a masked value that is read back changes nothing."
        )
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", default="-", help=_("where to write; standard output when left out"))
        parser.add_argument(
            "--format",
            choices=[str(format_) for format_ in Format],
            help=_("yaml unless the name of the file says otherwise"),
        )
        parser.add_argument(
            "--with-secrets", action="store_true", help=_("write request headers and queries in plain text")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name, secrets = options["file"], options["with_secrets"]
        format_ = Format(options["format"] or SUFFIXES.get(Path(name).suffix.lower(), Format.YAML))
        masked = 0

        def servers() -> Iterator[dict[str, Any]]:
            nonlocal masked
            for server in Server.objects.order_by("id").iterator(chunk_size=500):
                masked += concealing.has_secrets(server)
                yield described(server, secrets=secrets)

        pieces = rendered(servers(), format_)
        if name == "-":
            try:
                for piece in pieces:
                    self.stdout.write(piece, ending="")
            except BrokenPipeError:  # the reader has had enough, as in `export_servers | head`
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return
        else:
            _replace(Path(name), pieces, format_)
        self._mention(masked, secrets=secrets)

    def _mention(self, servers: int, *, secrets: bool) -> None:
        if servers and secrets:
            self.stderr.write(_("The output has secrets in plain text: keep it safe."))
        elif servers:
            words = _(
                "Secrets in addresses and request headers of %(count)d servers are masked (%(mask)s). Read back they "
                "change nothing; --with-secrets writes them in plain text."
            )
            self.stderr.write(words % {"count": servers, "mask": MASK})


def _replace(path: Path, pieces: Iterable[str], format_: Format) -> None:
    """Write beside `path` and swap at the end, so that a half-written file never takes the place of a good one.

    Readable by its owner alone, as `mkstemp` makes it: an inventory of servers is nobody else's business. CSV begins
    with a byte order mark, without which spreadsheets take UTF-8 for something else.
    """
    encoding = "utf-8-sig" if format_ is Format.CSV else "utf-8"
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding=encoding, newline="") as file:
                file.writelines(pieces)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink()
            raise
    except OSError as error:
        raise CommandError(
            _("%(file)s cannot be written: %(reason)s") % {"file": path, "reason": error.strerror}
        ) from None
