"""What a file of servers is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from django.utils.translation import gettext as _

from monitors.settings_table import KEYS

KIND = "kind"
"""Says the type by a word. Read, but not exported."""

MAX_BYTES = 50 * 1024 * 1024
MAX_ROWS = 100_000


class SeedError(Exception):
    """The file as a whole cannot be read: there are no rows to speak of. `line` is None where no line is at fault."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one row; `field` is empty when it is the row as a whole."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Row:
    """One server as a file describes it."""

    number: int
    """1 for the first server of the file."""
    line: int | None
    """The line of the file on which it begins, 1 for the first; None where there are no lines."""
    values: Mapping[str, object]
    problems: tuple[Problem, ...] = ()

    @property
    def place(self) -> str:
        """`line 9, row 2`"""
        row = _("row %(number)d") % {"number": self.number}
        return row if self.line is None else _("line %(line)d, %(row)s") % {"line": self.line, "row": row}


class Repeating(dict[str, object]):
    """An object of a file that says `repeated` twice: which of the two is meant nobody knows."""

    def __init__(self, values: Mapping[str, object], repeated: str) -> None:
        super().__init__(values)
        self.repeated = repeated


def gathered(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The object that `pairs` make, a `Repeating` one where a key comes twice."""
    values: dict[str, object] = {}
    repeated = None
    for key, value in pairs:
        repeated = key if key in values else repeated
        values[key] = value
    return values if repeated is None else Repeating(values, repeated)


def closest(key: str, known: tuple[str, ...] = (*KEYS, KIND)) -> str | None:
    """The known key that a misspelt one was probably meant to be."""
    return next(iter(get_close_matches(key.strip().lower(), known, n=1, cutoff=0.6)), None)


def printable(text: str) -> str:
    """`text` for a terminal, which must not obey what a file or a stranger wrote: controls are shown, not sent."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
