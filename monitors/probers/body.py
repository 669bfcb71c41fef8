"""The body of an answer, read only as far as needed: to find a text in it, or to show how it begins. Every size is
bounded."""

from __future__ import annotations

import asyncio
import re
import zlib
from contextlib import suppress
from typing import Protocol

from monitors.probers.base import Failure, Target
from monitors.probers.connection import Connection
from monitors.probers.excerpt import WINDOW, excerpt
from monitors.probers.failures import ProbeFailed, Progress, Stage
from monitors.probers.message import Head, closed_early, invalid
from monitors.probers.sentences import _

MAX_TEXT = 64 * 1024
"""How much of the decoded body is searched, in bytes."""

MAX_WIRE = 4 * MAX_TEXT
"""Most bytes taken from the network for that: chunk headers and empty compressed blocks count too."""

PATIENCE = 0.2
"""Seconds to wait for the beginning of a body that did not come with its head and is only shown."""

MARGIN = 0.05
"""Seconds before the deadline at which nothing more is read: the failure that was found must not become a timeout."""

_MAX_CHUNK_LINE = 256
_FIRST_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_NEXT_CHUNK = re.compile(rb"\r?\n" + _FIRST_CHUNK.pattern)
_CHARSET = re.compile(r"""charset=["']?([\w.:-]+)""", re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,15}")
_COMPRESSED = frozenset({"gzip", "x-gzip", "deflate"})


class _Framing(Protocol):
    """Takes bytes of the network, gives those of the body. `done` once the body is complete."""

    done: bool

    def feed(self, data: bytes) -> bytes: ...


class _UntilClose:
    """A body that ends when the server closes."""

    done = False

    def feed(self, data: bytes) -> bytes:
        return data


class _Sized:
    """A body of a known number of bytes."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0

    def feed(self, data: bytes) -> bytes:
        data = data[: self._left]
        self._left -= len(data)
        self.done = self._left == 0
        return data


class _Chunked:
    """A body in chunks (RFC 9112 7.1). Trailers are of no interest."""

    def __init__(self) -> None:
        self._buffer = b""
        self._line = _FIRST_CHUNK
        self._left = 0
        self.done = False

    def feed(self, data: bytes) -> bytes:
        self._buffer += data
        body = []
        while not self.done and (self._left or self._begin_chunk()):
            part, self._buffer = self._buffer[: self._left], self._buffer[self._left :]
            self._left -= len(part)
            body.append(part)
            if self._left:
                break
        return b"".join(body)

    def _begin_chunk(self) -> bool:
        """Take the line before a chunk, with the end of the chunk before it; False if it is not complete yet."""
        line = self._line.match(self._buffer)
        if line is None:
            if len(self._buffer) > _MAX_CHUNK_LINE or b"\n" in self._buffer[2:]:
                raise invalid(_("The server sent a malformed chunk."))
            return False
        self._buffer = self._buffer[line.end() :]
        self._line = _NEXT_CHUNK
        self._left = int(line[1], 16)
        self.done = self._left == 0
        return True


class _Inflater:
    """Undoes gzip (RFC 1952) and deflate (RFC 1950, or the bare RFC 1951 that some servers send) within a bound."""

    def __init__(self) -> None:
        self._zlib: zlib._Decompress | None = None

    def decode(self, data: bytes, most: int) -> bytes:
        """At most `most` bytes of text; the rest is dropped."""
        if not data:
            return b""
        if self._zlib is None:
            wrapped = data[0] == 0x1F or data[0] & 0x0F == zlib.DEFLATED
            self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32 if wrapped else -zlib.MAX_WBITS)
        try:
            return self._zlib.decompress(data, most)
        except zlib.error:
            raise invalid(_("The server sent a compressed body that cannot be decoded.")) from None


async def find_text(target: Target, head: Head, data: bytes, connection: Connection, progress: Progress) -> None:
    """Read until the expected text is found; `data` is what came with the head.

    Raises ProbeFailed: TEXT_MISSING, TOO_LARGE if there is more body than is searched, INVALID_RESPONSE; and
    ConnectionResetError for a body that is cut off.
    """
    progress.enter(Stage.BODY)
    needles = _needles(target.expected_text, head)
    framing = _framing(head)
    inflater = _inflater(head)
    page = b""
    wire = 0
    while True:
        wire += len(data)
        data = framing.feed(data)
        page += inflater.decode(data, MAX_TEXT + 1 - len(page)) if inflater else data
        if any(needle in page[:MAX_TEXT] for needle in needles):
            return
        if len(page) > MAX_TEXT or wire > MAX_WIRE:
            progress.answer = excerpt(target, _text(head, page[:WINDOW]))
            raise ProbeFailed(Failure.TOO_LARGE, _("The expected text is not in the first 64 KiB of a longer answer."))
        if framing.done:
            break
        data = await connection.read()
        if not data and isinstance(framing, _UntilClose):
            break
        if not data:
            raise closed_early()
    progress.answer = excerpt(target, _text(head, page[:WINDOW]))
    raise ProbeFailed(Failure.TEXT_MISSING, _("The answer does not contain the expected text."))


async def keep_beginning(target: Target, head: Head, data: bytes, connection: Connection, progress: Progress) -> None:
    """Note how the body of an answer begins that is not as expected; `data` is what came with its head."""
    room = min(PATIENCE, progress.deadline - MARGIN - asyncio.get_running_loop().time())
    if not data and room > 0 and not _is_empty(head):
        with suppress(OSError):  # nothing came, or no longer: then there is nothing to show
            async with asyncio.timeout(room):
                data = await connection.read()
    progress.answer = excerpt(target, _text(head, _decoded(head, data[:WINDOW])))


def _is_empty(head: Head) -> bool:
    """Whether the head announces that there is no body."""
    return head.status in (204, 304) or head.headers.get("content-length") == "0"


def _decoded(head: Head, data: bytes) -> bytes:
    """The body in `data`, which is the beginning of it; as it came where it is not what the head announces."""
    try:
        body = _framing(head).feed(data)
        inflater = _inflater(head)
        return inflater.decode(body, MAX_TEXT) if inflater else body
    except ProbeFailed:
        return data


def _text(head: Head, body: bytes) -> str:
    """`body` as text, in the character set that the head names or in UTF-8."""
    named = _CHARSET.search(head.headers.get("content-type", ""))
    try:
        return body.decode(named[1] if named else "utf-8", "replace")
    except (LookupError, ValueError):  # a set that Python does not know, or that is none of texts
        return body.decode("utf-8", "replace")


def _needles(text: str, head: Head) -> set[bytes]:
    """The text in UTF-8 and, where the server names another character set, in that one."""
    needles = {text.encode("utf-8", "replace")}
    named = _CHARSET.search(head.headers.get("content-type", ""))
    if named:
        try:
            needles.add(text.encode(named[1]))
        except (LookupError, UnicodeError):  # a set that Python does not know, or that cannot hold the text
            return needles
    return needles


def _framing(head: Head) -> _Framing:
    """How the end of the body is found (RFC 9112 6.3)."""
    if head.status in (204, 304):
        return _Sized(0)
    coding = head.headers.get("transfer-encoding")
    if coding is not None:
        if coding.lower() != "chunked":
            raise invalid(_("The server uses a transfer coding that was not asked for."))
        return _Chunked()
    lengths = {length.strip() for length in head.headers.get("content-length", "").split(",")}
    if lengths == {""}:
        return _UntilClose()
    length = lengths.pop()
    if lengths or not _LENGTH.fullmatch(length):
        raise invalid(_("The server announced a length that is no number."))
    return _Sized(int(length))


def _inflater(head: Head) -> _Inflater | None:
    coding = head.headers.get("content-encoding", "identity").lower()
    if coding in _COMPRESSED:
        return _Inflater()
    if coding in ("identity", ""):
        return None
    raise invalid(_("The server compresses its answer in a way that was not asked for."))
