"""The body of an answer, read only as far as needed: to find a text in it, or to show how it begins. Every size is
bounded."""

from __future__ import annotations

import asyncio
import codecs
from contextlib import suppress

from monitors.engine import failures
from monitors.engine.base import Target
from monitors.engine.charset import LONGEST_MARK, PRESCANNED, charset_of, declared
from monitors.engine.coding import codings_of
from monitors.engine.connection import Connection
from monitors.engine.excerpt import WINDOW, excerpt
from monitors.engine.framing import announces_nothing, framing_of
from monitors.engine.message import Head, closed_early, invalid
from monitors.engine.progress import BODY, ProbeFailed, Progress
from monitors.engine.sentences import _

MAX_TEXT = 64 * 1024
"""How much of the decoded body is searched, in bytes."""

MAX_WIRE = 4 * MAX_TEXT
"""Most bytes taken from the network for that, and at once from one coding to the next: chunk headers and empty
compressed blocks count too."""

PATIENCE = 0.2
"""Seconds to wait for the beginning of a body that did not come with its head and is only shown."""

MARGIN = 0.05
"""Seconds before the deadline at which nothing more is read: the failure that was found must not become a timeout."""


class _Body:
    """What is left of a body without its framing and its codings."""

    def __init__(self, head: Head) -> None:
        """Raises ProbeFailed for what cannot be read at all."""
        self.framing = framing_of(head)
        self._codings, self.coded_otherwise = codings_of(head)

    def feed(self, data: bytes, most: int) -> bytes:
        """The text in `data`, at most `most` bytes of it. Raises ProbeFailed."""
        data = self.framing.feed(data)
        for coding in self._codings[:-1]:
            data = coding.decode(data, MAX_WIRE)
            if len(data) == MAX_WIRE:
                raise _too_large()
        return self._codings[-1].decode(data, most) if self._codings else data[:most]


class _Search:
    """Looks for a text in a page that comes in pieces, in the page's character set and in UTF-8."""

    def __init__(self, text: str, head: Head) -> None:
        self.page = b""
        """What was added so far, and one byte more than `MAX_TEXT` at most."""
        self._head = head
        self._text = text
        self._needle = text.encode("utf-8", "replace")
        self._settled_at = LONGEST_MARK if declared(head) else PRESCANNED
        self._decoder: codecs.IncrementalDecoder | None = None
        self._in_utf_8 = False
        self._decoded = 0
        self._tail = ""

    @property
    def room(self) -> int:
        return MAX_TEXT + 1 - len(self.page)

    def add(self, data: bytes, *, last: bool) -> bool:
        """Go on by at most `room` bytes; True once the text is within the first `MAX_TEXT` bytes of the page."""
        start = max(0, len(self.page) - len(self._needle))
        self.page += data
        if self.page.find(self._needle, start, MAX_TEXT) >= 0:
            return True
        return (last or len(self.page) >= self._settled_at) and self._is_in_charset()

    def _is_in_charset(self) -> bool:
        if self._decoder is None:
            charset = charset_of(self._head, self.page)
            self._in_utf_8 = charset.name == "utf-8"
            self._decoder = charset.incrementaldecoder("replace")
        if self._in_utf_8:
            return False
        tail = self._tail + self._decoder.decode(self.page[self._decoded : MAX_TEXT])
        self._decoded = min(len(self.page), MAX_TEXT)
        self._tail = tail[-len(self._text) :]
        return self._text in tail


async def find_text(target: Target, head: Head, data: bytes, connection: Connection, progress: Progress) -> None:
    """Read until the expected text is found; `data` is what came with the head.

    Raises ProbeFailed: TEXT_MISSING, TOO_LARGE if there is more body than is searched, INVALID_RESPONSE; and
    ConnectionResetError for a body that is cut off.
    """
    progress.enter(BODY)
    body = _Body(head)
    search = _Search(target.expected_text, head)
    wire = 0
    closed = False
    while True:
        wire += len(data)
        data = body.feed(data, search.room)
        if search.add(data, last=closed or body.framing.done):
            return
        too_large = len(search.page) > MAX_TEXT or wire > MAX_WIRE
        if too_large or body.framing.done or closed:
            break
        data = await connection.read()
        closed = not data
    if closed and not body.framing.ends_by_closing:
        raise closed_early()
    if body.coded_otherwise:
        raise invalid(_("The server compresses its answer in a way that was not asked for."))
    progress.answer = excerpt(target, _text(head, search.page[:WINDOW]))
    if too_large:
        raise _too_large()
    raise ProbeFailed(failures.TEXT_MISSING, _("The answer does not contain the expected text."))


async def keep_beginning(target: Target, head: Head, data: bytes, connection: Connection, progress: Progress) -> None:
    """Note how the body of an answer begins that is not as expected; `data` is what came with its head."""
    room = min(PATIENCE, progress.deadline - MARGIN - asyncio.get_running_loop().time())
    if not data and room > 0 and not announces_nothing(head):
        with suppress(OSError):  # nothing came, or no longer: then there is nothing to show
            async with asyncio.timeout(room):
                data = await connection.read()
    progress.answer = excerpt(target, _text(head, _decoded(head, data[:WINDOW])))


def _decoded(head: Head, data: bytes) -> bytes:
    """The body in `data`, which is the beginning of it; as it came where it is not what the head announces."""
    try:
        return _Body(head).feed(data, MAX_TEXT)
    except ProbeFailed:
        return data


def _text(head: Head, body: bytes) -> str:
    text, _length = charset_of(head, body).decode(body, "replace")
    return text


def _too_large() -> ProbeFailed:
    return ProbeFailed(failures.TOO_LARGE, _("The expected text is not in the first 64 KiB of a longer answer."))
