"""Servers out of CSV, and texts that a spreadsheet would take for formulas.

Spreadsheets run a cell that begins with one of `= + - @`, a tab or a line break as a formula, and a server's name may
come from anybody. Such a cell gets an apostrophe in front when it is exported and loses it when it is read, so what
is exported and read again is the same; a text that begins with an apostrophe and would lose it is given a second one.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from django.utils.translation import gettext as _

from monitors.seeding.rows import KIND, Problem, SeedError
from monitors.settings_table import NEVER_NULL

FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
"""The wide ones are formulas in Korean and Japanese spreadsheets (OWASP, "CSV Injection")."""

DELIMITERS = ",;\t"
"""Spreadsheets of many countries write a semicolon, because the comma is in their numbers."""


SEPARATOR_LINE = re.compile(r'"?sep=(?P<sign>\\t|[^"\r\n\w])"?[ \t]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
"""The first line by which Excel says, and is told, what is between the cells."""


def guarded(text: str) -> str:
    """`text` as a cell that no spreadsheet runs."""
    first, second = text[:1], text[1:2]
    dangerous = first in FORMULA or (first == "'" and (second in FORMULA or second == "'"))
    return f"'{text}" if first and dangerous else text


def unguarded(cell: str) -> str:
    """The text that `guarded` made `cell` of."""
    return cell[1:] if cell[:1] == "'" and (cell[1:2] in FORMULA or cell[1:2] == "'") else cell


def read_csv(text: str) -> Iterator[tuple[int, object]]:
    """The line and the value of each server. Raises SeedError. Blank lines are skipped."""
    said = SEPARATOR_LINE.match(text)
    rest = text[said.end() :] if said else text
    reader = csv.reader(io.StringIO(rest, newline=""), delimiter=_delimiter(said, rest), strict=True)
    header: list[str] | None = None
    before = 1 if said else 0
    line = before + 1
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                pass
            elif header is None:
                header = _header(cells, line)
            else:
                yield line, _server(header, cells)
            line = before + reader.line_num + 1
    except csv.Error as error:
        raise SeedError(_("not valid CSV: %(problem)s") % {"problem": error}, line) from None


def _delimiter(said: re.Match[str] | None, text: str) -> str:
    """What the line of Excel names, else what is most often in the header."""
    if said:
        return said["sign"].replace("\\t", "\t")
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(DELIMITERS, key=header.count)


def _header(cells: list[str], line: int) -> list[str]:
    """The keys, which a spreadsheet may show in capitals and with blanks."""
    header = _trimmed(["_".join(cell.lower().split()) for cell in cells], 0)
    repeated = next((name for position, name in enumerate(header) if name in header[:position]), None)
    if repeated is not None:
        raise SeedError(_("the column %(column)s comes twice") % {"column": repeated or "''"}, line)
    return header


def _trimmed(cells: list[str], length: int) -> list[str]:
    """Without the empty cells at the end that spreadsheets write, down to `length`."""
    while len(cells) > length and not cells[-1]:
        cells = cells[:-1]
    return cells


def _server(header: list[str], cells: list[str]) -> object:
    """An empty cell is null, and for what cannot be null, nothing said."""
    cells = _trimmed(cells, len(header))
    if len(cells) != len(header):
        words = _("the row has %(cells)d cells and the header %(columns)d")
        return Problem("", words % {"cells": len(cells), "columns": len(header)})
    values = {name: unguarded(cell) or None for name, cell in zip(header, cells, strict=True)}
    return {name: value for name, value in values.items() if value is not None or name not in (*NEVER_NULL, KIND)}
