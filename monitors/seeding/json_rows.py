"""Servers out of JSON, each with the line on which it begins, which the `json` module alone does not tell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from django.utils.translation import gettext as _

from monitors.seeding.rows import SeedError, gathered

_BLANK = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder(
    object_pairs_hook=gathered,
    parse_constant=str,  # NaN and Infinity are not JSON; as words they are refused where a number is wanted
)


class _Cursor:
    """A place in the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = self._counted_to = 0
        self._lines = 1

    @property
    def line(self) -> int:
        self._lines += self.text.count("\n", self._counted_to, self.at)
        self._counted_to = self.at
        return self._lines

    def peek(self) -> str:
        """The next character that is not blank; empty at the end."""
        match = _BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.text[self.at : self.at + 1]

    def expect(self, characters: str) -> str:
        char = self.peek()
        if not char or char not in characters:
            wanted = _(" or ").join(characters)
            raise SeedError(_("not valid JSON: %(wanted)s is expected here") % {"wanted": wanted}, self.line)
        self.at += 1
        return char

    def value(self) -> object:
        self.peek()
        try:
            value, self.at = _DECODER.raw_decode(self.text, self.at)
        except json.JSONDecodeError as error:
            raise SeedError(_("not valid JSON: %(problem)s") % {"problem": error.msg}, error.lineno) from None
        except RecursionError:
            raise SeedError(_("nested too deeply"), self.line) from None
        except ValueError:  # a number with thousands of digits
            raise SeedError(_("not valid JSON: a number is too long"), self.line) from None
        return value


def read_json(text: str) -> Iterator[tuple[int, object]]:
    """The line and the value of each server. Raises SeedError."""
    cursor = _Cursor(text)
    wrapped = cursor.peek() == "{"
    if wrapped:
        cursor.at += 1
        if cursor.value() != "servers":
            raise SeedError(_('a list of servers or {"servers": [...]} is expected'), cursor.line)
        cursor.expect(":")
    if cursor.peek() != "[":
        raise SeedError(_('a list of servers or {"servers": [...]} is expected'), cursor.line)
    cursor.at += 1
    yield from _items(cursor)
    if wrapped:
        cursor.expect("}")
    if cursor.peek():
        raise SeedError(_("not valid JSON: something follows the end"), cursor.line)


def _items(cursor: _Cursor) -> Iterator[tuple[int, object]]:
    """The values up to the closing bracket; the opening one has been read."""
    if cursor.peek() == "]":
        cursor.at += 1
        return
    separator = ","
    while separator == ",":
        cursor.peek()
        line = cursor.line
        yield line, cursor.value()
        separator = cursor.expect(",]")
