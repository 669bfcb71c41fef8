"""What the body of an answer was coded with (RFC 9110 8.4, RFC 9112 7), undone within bounds. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from monitors.engine.message import Head, invalid
from monitors.engine.sentences import _

MAX_CODINGS = 5
"""Codings on top of each other that are undone, as many as curl undoes."""

_PIECE = 4 * 1024
"""Bytes given to zlib at once: it copies what follows a member each time that one ends."""
_GZIP_MAGIC = 0x1F
_GZIP = frozenset({"gzip", "x-gzip"})
_KNOWN = _GZIP | {"deflate"}


class Coding:
    """Undoes gzip (RFC 1952), of any number of members, or deflate (RFC 1950, or the bare RFC 1951 that some send).

    What follows the last member is ignored. Where `repeated`, gzip is named once more than it may have been applied:
    what is no gzip passes as it is.
    """

    def __init__(self, name: str, *, repeated: bool = False) -> None:
        self._gzip = name in _GZIP
        self._may_pass = repeated and self._gzip
        self._passes = False
        self._zlib: zlib._Decompress | None = None
        self._members = 0
        self._ended = False

    def decode(self, data: bytes, most: int) -> bytes:
        """What `data` holds, `most` bytes of it: the rest is dropped. Raises ProbeFailed."""
        if self._may_pass and data:
            self._passes = data[0] != _GZIP_MAGIC
            self._may_pass = False
        if self._passes:
            return data[:most]
        text = bytearray()
        for at in range(0, len(data), _PIECE):
            piece = data[at : at + _PIECE]
            while piece and len(text) < most and not self._ended:
                more, piece = self._inflate(piece, most - len(text))
                text += more
        return bytes(text)

    def _inflate(self, data: bytes, most: int) -> tuple[bytes, bytes]:
        """What is in `data`, and what follows there once a member has ended."""
        if self._zlib is None:
            self._zlib = zlib.decompressobj(self._window(data[0]))
        try:
            text = self._zlib.decompress(data, most)
        except zlib.error:
            if not self._members:
                raise invalid(_("The server sent a compressed body that cannot be decoded.")) from None
            self._ended = True
            return b"", b""
        if not self._zlib.eof:
            return text, b""
        rest = self._zlib.unused_data
        self._zlib = None
        self._members += 1
        self._ended = not self._gzip
        return text, rest

    def _window(self, first: int) -> int:
        """zlib's word for the format, which for deflate the first byte tells."""
        if self._gzip:
            return zlib.MAX_WBITS | 32
        return zlib.MAX_WBITS if first & 0x0F == zlib.DEFLATED else -zlib.MAX_WBITS


def codings_of(head: Head) -> tuple[list[Coding], bool]:
    """The codings to undo, in that order, and whether there is one among them that nobody can undo here.

    An unknown content coding is passed over, as browsers do. Raises ProbeFailed for an unknown transfer coding.
    """
    transfer, content = head.tokens("transfer-encoding"), head.tokens("content-encoding")
    if not transfer and not content:
        return [], False
    transfer = [name for name in transfer if name not in ("chunked", "identity")]
    content = [name for name in content if name != "identity"]
    if not _KNOWN.issuperset(transfer):
        raise invalid(_("The server uses a transfer coding that was not asked for."))
    known = [name for name in content if name in _KNOWN]
    if max(len(transfer), len(known)) > MAX_CODINGS:
        raise invalid(_("The server compresses its answer in a way that was not asked for."))
    return [*_undone(transfer), *_undone(known)], len(known) < len(content)


def _undone(names: Sequence[str]) -> list[Coding]:
    """The last that was applied comes first."""
    return [Coding(name, repeated=name in names[at + 1 :]) for at, name in reversed(list(enumerate(names)))]
