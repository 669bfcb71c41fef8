"""Framings, codings and character sets of bodies as servers in the field use them, and odder ones.

Each knows in which ways curl and a probe may judge it differently: the keys of the table in docs/probe.md.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass

TEXT = "all systems operational"


@dataclass(frozen=True)
class Layer:
    """Header lines, with LENGTH for a body's length, and what they do to the body."""

    lines: str
    apply: Callable[[bytes], bytes]
    keys: frozenset[str]


def layer(lines: str, apply: Callable[[bytes], bytes] = bytes, *keys: str) -> Layer:
    return Layer(lines, apply, frozenset(keys))


def chunked(
    size: str = "%x", end: str = "\r\n", before: bytes = b"", after: str = "0\r\n\r\n"
) -> Callable[[bytes], bytes]:
    """A body in two chunks; `size` is the format of what stands before each, `end` what ends every line."""

    def frame(body: bytes) -> bytes:
        parts = [part for part in (body[:10], body[10:]) if part]
        line = end.encode()
        chunks = b"".join((size % len(part)).encode() + line + part + line for part in parts)
        return before + chunks + after.encode()

    return frame


CHUNKED = "Transfer-Encoding: chunked"
FRAMINGS = (
    layer("Content-Length: LENGTH"),
    layer("content-length:LENGTH"),
    layer("Content-Length: LENGTH\r\nContent-Length: LENGTH"),
    layer("Content-Length: LENGTH, LENGTH"),
    layer("Content-Length: 0000000000000000000000LENGTH"),
    layer("Content-Length: LENGTH", lambda body: body + b"and more"),
    layer("Content-Length: LENGTH9", bytes, "after-the-text"),
    layer("Content-Length: -1"),
    layer("Content-Length:"),
    layer("Content-Length: x"),
    layer('Content-Length: "LENGTH"'),
    layer(""),
    layer(CHUNKED, chunked()),
    layer(CHUNKED.lower(), chunked("%X")),
    layer(f"{CHUNKED}\r\n{CHUNKED}", chunked()),
    layer(f"{CHUNKED}, chunked", chunked()),
    layer(f"{CHUNKED}, identity", chunked()),
    layer(f"{CHUNKED}\r\nContent-Length: 1", chunked()),
    layer(f"Content-Length: 1\r\n{CHUNKED}", chunked()),
    layer("Transfer-Encoding: identity\r\nContent-Length: 1"),
    layer("Transfer-Encoding:"),
    layer("Transfer-Encoding: gzip, chunked", lambda body: chunked()(gzip.compress(body))),
    layer("Transfer-Encoding: chunked, gzip", lambda body: chunked()(gzip.compress(body))),
    layer("Transfer-Encoding: deflate", zlib.compress),
    layer("Transfer-Encoding: x-gzip", gzip.compress),
    layer("Transfer-Encoding: chunked;q=1", chunked()),
    layer('Transfer-Encoding: "chunked"', chunked()),
    layer("Transfer-Encoding: utf-8"),
    layer(CHUNKED, chunked("%016x")),
    layer(CHUNKED, chunked("%x ")),
    layer(CHUNKED, chunked("%x;a=b")),
    layer(CHUNKED, chunked("%x junk")),
    layer(CHUNKED, chunked("%xg")),
    layer(CHUNKED, chunked("%x;" + "a" * 3_000)),
    layer(CHUNKED, chunked(end="\n")),
    layer(CHUNKED, chunked(end="\r\r\n")),
    layer(CHUNKED, chunked(after="0\r\nX: y\r\n\r\n")),
    layer(CHUNKED, chunked(after="000;a=b\r\n\r\n")),
    layer(CHUNKED, chunked(" %x")),
    layer(CHUNKED, chunked("0x%x")),
    layer(CHUNKED, chunked("-%x")),
    layer(CHUNKED, chunked(before=b"\r\n")),
    layer(CHUNKED, chunked("fffffffffffffffff%x")),
    layer(CHUNKED, bytes),
    layer("Content-Length:\r\n LENGTH", bytes, "folded"),
    layer("Transfer-Encoding:\r\n chunked", chunked(), "folded"),
    layer("Content-Length: LENGTH\r\nContent-Length: 1LENGTH", bytes, "content-length"),
    layer("Content-Length: LENGTH, 1LENGTH", bytes, "content-length"),
    layer("Content-Length: +LENGTH", bytes, "content-length"),
    layer("Content-Length: LENGTHx", bytes, "content-length"),
    layer("Content-Length: 99999999999999999999999", bytes, "content-length"),
    layer(f"{CHUNKED}\r\nContent-Length: x", chunked(), "unneeded-length"),
    layer(CHUNKED, chunked("%020x"), "chunk-padding"),
    layer(CHUNKED, chunked("%x;" + "a" * 5_000), "chunk-line"),
    layer(CHUNKED, chunked(after="0\r\nnonsense\r\n\r\n"), "after-the-text"),
    layer(CHUNKED, chunked(after=""), "after-the-text"),
    layer(CHUNKED, chunked(after="0\r\n"), "after-the-text"),
)


def members(body: bytes) -> bytes:
    return b"".join(gzip.compress(body[at : at + 12]) for at in range(0, len(body), 12))


def _bare(body: bytes) -> bytes:
    return zlib.compress(body)[2:-4]


def _twice(body: bytes) -> bytes:
    return gzip.compress(gzip.compress(body))


def zstd(body: bytes) -> bytes:
    """A frame of blocks that repeat one byte each (RFC 8878 3.1.1.2): the text is nowhere in it as it is."""
    blocks = b"".join((1 << 3 | 1 << 1).to_bytes(3, "little") + body[at : at + 1] for at in range(len(body)))
    return b"\x28\xb5\x2f\xfd\x00\x58" + blocks + b"\x01\x00\x00"


CODINGS = (
    layer(""),
    layer("Content-Encoding: gzip", gzip.compress),
    layer("content-encoding:X-GZIP", gzip.compress),
    layer("Content-Encoding: gzip", zlib.compress),
    layer("Content-Encoding: deflate", zlib.compress),
    layer("Content-Encoding: deflate", _bare),
    layer("Content-Encoding: gzip, identity", gzip.compress),
    layer("Content-Encoding: identity,,gzip,", gzip.compress),
    layer("Content-Encoding: identity"),
    layer("Content-Encoding: none, identity", bytes, "unknown-coding"),
    layer("Content-Encoding:"),
    layer("Content-Encoding: gzip, gzip", _twice),
    layer("Content-Encoding: gzip\r\nContent-Encoding: gzip", _twice),
    layer("Content-Encoding: deflate, gzip", lambda body: gzip.compress(zlib.compress(body))),
    layer("Content-Encoding: gzip", lambda body: gzip.compress(body)[:-8]),
    layer("Content-Encoding: gzip", bytes),
    layer("Content-Encoding: deflate", gzip.compress),
    layer("Content-Encoding: gzip", lambda body: b"\x1f\x8b" + body),
    layer("Content-Encoding: gzip" + ", gzip" * 5, gzip.compress),
    layer("Content-Encoding: gzip", members, "gzip-members"),
    layer("Content-Encoding: gzip", lambda body: gzip.compress(body) + b"and more", "gzip-members"),
    layer("Content-Encoding: gzip\r\nContent-Encoding: gzip", gzip.compress, "repeated-coding"),
    layer("Content-Encoding: utf-8", bytes, "unknown-coding"),
    layer("Content-Encoding: none, gzip", gzip.compress, "unknown-coding"),
    layer("Content-Encoding: br", bytes, "unknown-coding"),
    layer("Content-Encoding: zstd", zstd, "coding-not-asked-for"),
)


@dataclass(frozen=True)
class Language:
    """How a page names its character set, Python's name of it, and what is looked for."""

    lines: str
    beginning: str
    codec: str
    text: str
    keys: frozenset[str] = frozenset()


def _typed(charset: str, codec: str, text: str) -> Language:
    return Language(f"Content-Type: text/html; charset={charset}", "<!doctype html>", codec, text)


def _untyped(beginning: str, codec: str, text: str) -> Language:
    return Language("Content-Type: text/html", beginning, codec, text)


LANGUAGES = (
    Language("", "", "utf-8", TEXT),
    _untyped("<!doctype html>", "utf-8", "정상 작동"),
    _typed("utf-8", "utf-8", "정상 작동"),
    _typed('"UTF8"', "utf-8", "정상 작동"),
    _typed("euc-kr", "cp949", "정상 똠방"),
    _typed("KS_C_5601-1987", "cp949", "정상 똠방"),
    _typed("ISO-8859-1", "cp1252", "5 € – “ok”"),
    _typed("us-ascii", "cp1252", "5 € – “ok”"),
    _typed("Shift_JIS", "cp932", "正常①髙"),
    _typed("gb2312", "gb18030", "正常镕㐀"),
    _typed("big5", "big5hkscs", "正常嘅"),
    _typed("iso-2022-jp", "iso2022_jp", "正常"),
    _typed("utf-16", "utf-16-le", "정상 작동"),
    _typed("utf-16be", "utf-16-be", "정상 작동"),
    _typed("euc-kr", "utf-8", "정상 작동"),
    _typed("klingon", "utf-8", "정상 작동"),
    _untyped('<meta charset="euc-kr">', "cp949", "정상 똠방"),
    _untyped("<meta http-equiv=Content-Type content='text/html; charset=windows-1252'>", "cp1252", "5 €"),
    _untyped("\ufeff", "utf-16-le", "정상 작동"),
    _untyped("\ufeff", "utf-16-be", "정상 작동"),
    _untyped("\ufeff", "utf-8", "정상 작동"),
)
