"""Where the body of an answer ends (RFC 9112 6.3), as it comes from the network. Pure."""

from __future__ import annotations

import re
from typing import Protocol

from monitors.engine.message import Head, invalid
from monitors.engine.sentences import _

MAX_CHUNK_LINE = 4 * 1024
"""Longest line before a chunk, in bytes: its size, extensions and the end of the chunk before it."""

_CHUNK_LINE = rb"0*([0-9a-fA-F]{1,15})(?![0-9a-fA-F])[^\n]*\n"
_BEGINNING = rb"(?:[0-9a-fA-F][^\n]*)?"
_FIRST = re.compile(_CHUNK_LINE), re.compile(_BEGINNING)
_NEXT = re.compile(rb"\r*\n" + _CHUNK_LINE), re.compile(rb"\r*(?:\n" + _BEGINNING + rb")?")
"""What stands before a chunk, with the end of the chunk before it, and how it begins where not all has come."""
_LENGTH = re.compile(r"0*([0-9]{1,18})")


class Framing(Protocol):
    """Takes bytes of the network, gives those of the body."""

    done: bool
    """The body is complete."""
    ends_by_closing: bool

    def feed(self, data: bytes) -> bytes: ...


class _UntilClose:
    """A body that ends when the server closes."""

    done = False
    ends_by_closing = True

    def feed(self, data: bytes) -> bytes:
        return data


class _Sized:
    """A body of a known number of bytes."""

    ends_by_closing = False

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0

    def feed(self, data: bytes) -> bytes:
        data = data[: self._left]
        self._left -= len(data)
        self.done = self._left == 0
        return data


class _Chunked:
    """A body in chunks (RFC 9112 7.1). What follows a chunk's size in its line is ignored; trailers are not read."""

    ends_by_closing = False

    def __init__(self) -> None:
        self._buffer = b""
        self._lines = _FIRST
        self._left = 0
        self.done = False

    def feed(self, data: bytes) -> bytes:
        data = self._buffer + data
        body = []
        at = 0
        while not self.done:
            if self._left:
                part = data[at : at + self._left]
                body.append(part)
                self._left -= len(part)
                at += len(part)
                if self._left:
                    break
            elif (end := self._begin_chunk(data, at)) > at:
                at = end
            else:
                break
        self._buffer = data[at:]
        return b"".join(body)

    def _begin_chunk(self, data: bytes, at: int) -> int:
        """Where the chunk begins whose line is at `at`; `at` if that line is not complete yet. Raises ProbeFailed."""
        whole, beginning = self._lines
        line = whole.match(data, at)
        end = line.end() if line else len(data)
        if end - at > MAX_CHUNK_LINE or not (line or beginning.fullmatch(data, at)):
            raise invalid(_("The server sent a malformed chunk."))
        if line is None:
            return at
        self._lines = _NEXT
        self._left = int(line[1], 16)
        self.done = self._left == 0
        return end


def framing_of(head: Head) -> Framing:
    """How the end of the body is found. Raises ProbeFailed for a length that is no number."""
    if head.status in (204, 304):
        return _Sized(0)
    if codings := head.tokens("transfer-encoding"):
        return _Chunked() if "chunked" in codings else _UntilClose()
    announced = head.parts("content-length")
    if not announced and not head.values("content-length"):
        return _UntilClose()
    lengths = {int(number[1]) if (number := _LENGTH.fullmatch(part)) else -1 for part in announced}
    if len(lengths) != 1 or -1 in lengths:
        raise invalid(_("The server announced a length that is no number."))
    return _Sized(lengths.pop())


def announces_nothing(head: Head) -> bool:
    """Whether the head says that there is no body."""
    return head.status in (204, 304) or head.values("content-length") == ("0",)
