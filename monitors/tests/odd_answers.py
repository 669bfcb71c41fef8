"""Answers as servers in the field give them, and odder ones, made by hypothesis: heads, framings, codings, character
sets, redirects and cookies, some of them cut off.

Each part knows in which ways curl and a probe may judge it differently: the keys of the table in docs/probe.md.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st

TEXT = "all systems operational"
START = "/shop/start"
END = "/shop/end"
FILL = b"<p>.</p>\n"


@dataclass(frozen=True)
class Part:
    """Bytes of an answer, and the differences that they may make."""

    data: bytes
    keys: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Case:
    """What a server answers."""

    final: bytes = field(repr=False)
    text: str = ""
    """The text expected, "" for none."""
    needle: bytes = b""
    """That text in the character set of the page."""
    redirect: bytes = b""
    """The answer at `START`, with HERE for host and port."""
    cookie: bytes = b""
    """With it in the request the answer at `START` is the final one, too."""
    follow: bool = True
    """False where the final answer is a redirect to another host, which is not followed."""
    keys: frozenset[str] = frozenset()

    def answer(self, request: bytes, here: bytes) -> bytes:
        path = request.split(b" ")[1].decode()
        passes = self.cookie and self.cookie in request
        return self.redirect.replace(b"HERE", here) if self.redirect and path == START and not passes else self.final


def part(data: bytes | str, *keys: str) -> Part:
    return Part(data.encode() if isinstance(data, str) else data, frozenset(keys))


def one_of(*parts: Part, plain: int = 1) -> st.SearchStrategy[Part]:
    """The first is drawn `plain` times as often as another."""
    return st.sampled_from((*parts[:1] * plain, *parts))


STATUS_LINES = one_of(
    part("HTTP/1.1 200 OK"),
    part("HTTP/1.1 200"),
    part("HTTP/1.1 200 "),
    part("HTTP/1.1 200\tOK"),
    part("HTTP/1.1 200 좋아요"),
    part(b"HTTP/1.1 200 \xff\x01"),
    part("HTTP/1.1 200 OK\r"),
    part("HTTP/1.0 200 OK"),
    part("HTTP/1.1 201 Created"),
    part("HTTP/1.1 204 No Content"),
    part("HTTP/1.1 205 Reset Content"),
    part("HTTP/1.1 206 Partial Content"),
    part("HTTP/1.1 299 Whatever"),
    part("HTTP/1.1 300 Multiple Choices", "redirect-status"),
    part("HTTP/1.1 304 Not Modified", "redirect-status"),
    part("HTTP/1.1 399 Whatever", "redirect-status"),
    part("HTTP/1.1 302 Found"),
    part("HTTP/1.1 404 Not Found"),
    part("HTTP/1.1 500 Oops"),
    part("HTTP/1.1 600 Whatever"),
    part("HTTP/1.1 101 Switching Protocols"),
    part("HTTP/1.1 099 Whatever"),
    part("HTTP/1.1 20 OK"),
    part("HTTP/1.1 OK"),
    part("HTTP/1.1"),
    part("HTTP/1 200 OK"),
    part("HTTP/3.0 200 OK"),
    part("HTTP/1.1\t200 OK"),
    part(" HTTP/1.1 200 OK"),
    part("\r\nHTTP/1.1 200 OK"),
    part("\nHTTP/1.1 200 OK"),
    part("ICY 200 OK"),
    part("SSH-2.0-OpenSSH_9.2"),
    part("<html>"),
    part(b"HTTP/1.1 200 O\0K"),
    part("HTTP/2 200 OK", "status-line"),
    part("http/1.1 200 OK", "status-line"),
    part("HTTP/1.1  200 OK", "status-line"),
    part("HTTP/1.1 200OK", "status-line"),
    part("HTTP/1.1 2000 OK", "status-line"),
    part("HTTP/1.2 200 OK", "http-version"),
    part("HTTP/1.9 200 OK", "http-version"),
    plain=120,
)

INTERIM = one_of(
    part("HTTP/1.1 100 Continue\r\n\r\n"),
    part("HTTP/1.0 100 Continue\n\n"),
    part("HTTP/1.1 102 Processing\r\n\r\n"),
    part("HTTP/1.1 103 Early Hints\r\nLink: </a.css>;\r\n rel=preload\r\n\r\n"),
    part("HTTP/1.1 199 Whatever\r\nLocation: /gone\r\n\r\n"),
    part("HTTP/1.1 103 Early Hints\r\nLink\r\n\r\n", "no-colon"),
    part("HTTP/1.1 100 Continue\r\n\r\n\r\n"),
    part("HTTP/1.1 100 Continue\r\n", "no-colon"),
    plain=4,
)

HEADERS = one_of(
    part("Server: odd"),
    part("X: a\r\n b\r\n\tc"),
    part("Content-Security-Policy: default-src 'self';\n   img-src *"),
    part("X: a\r\n  "),
    part("X : a"),
    part("Content-Length : 1"),
    part("Transfer-Encoding : chunked"),
    part("Location : /gone"),
    part("Strict Transport Security: max-age=1"),
    part(": a"),
    part("X:"),
    part("X::: a"),
    part("[X]: (a)"),
    part("이름: 값"),
    part(b"X: \xff\xfe\x80"),
    part(b"Set-Cookie: ___utmvaX=GJE\x01UbfT; path=/"),
    part(b"X: " + bytes({*range(1, 32), 127} - {10, 13})),
    part("X: a\rContent-Length: 1"),
    part("Location: /gone"),
    part("Connection: close\r\nConnection: close"),
    part("Connection: keep-alive"),
    part("Vary: *\r\nVary: *"),
    part("Refresh: 0; url=/gone"),
    part("X: " + "y" * 17_000),
    part("\r\n".join(f"Set-Cookie: c{n}={'v' * 680}" for n in range(25))),
    part(b"X: a\0b"),
    part("X", "no-colon"),
    part("X\r\n b", "no-colon"),
    part("X: " + "y" * 66_000, "head-size"),
    plain=2,
)

LINE_ENDS = one_of(part("\r\n"), part("\n"), part("\r\r\n"), plain=8)


# --- bodies ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """Header lines, with LENGTH for a body's length, and what they do to the body."""

    lines: str
    apply: Callable[[bytes], bytes]
    keys: frozenset[str]


def layer(lines: str, apply: Callable[[bytes], bytes] = bytes, *keys: str) -> Layer:
    return Layer(lines, apply, frozenset(keys))


def _chunked(
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
    layer(CHUNKED, _chunked()),
    layer(CHUNKED.lower(), _chunked("%X")),
    layer(f"{CHUNKED}\r\n{CHUNKED}", _chunked()),
    layer(f"{CHUNKED}, chunked", _chunked()),
    layer(f"{CHUNKED}, identity", _chunked()),
    layer(f"{CHUNKED}\r\nContent-Length: 1", _chunked()),
    layer(f"Content-Length: 1\r\n{CHUNKED}", _chunked()),
    layer("Transfer-Encoding: identity\r\nContent-Length: 1"),
    layer("Transfer-Encoding:"),
    layer("Transfer-Encoding: gzip, chunked", lambda body: _chunked()(gzip.compress(body))),
    layer("Transfer-Encoding: chunked, gzip", lambda body: _chunked()(gzip.compress(body))),
    layer("Transfer-Encoding: deflate", zlib.compress),
    layer("Transfer-Encoding: x-gzip", gzip.compress),
    layer("Transfer-Encoding: chunked;q=1", _chunked()),
    layer('Transfer-Encoding: "chunked"', _chunked()),
    layer("Transfer-Encoding: utf-8"),
    layer(CHUNKED, _chunked("%016x")),
    layer(CHUNKED, _chunked("%x ")),
    layer(CHUNKED, _chunked("%x;a=b")),
    layer(CHUNKED, _chunked("%x junk")),
    layer(CHUNKED, _chunked("%xg")),
    layer(CHUNKED, _chunked("%x;" + "a" * 3_000)),
    layer(CHUNKED, _chunked(end="\n")),
    layer(CHUNKED, _chunked(end="\r\r\n")),
    layer(CHUNKED, _chunked(after="0\r\nX: y\r\n\r\n")),
    layer(CHUNKED, _chunked(after="000;a=b\r\n\r\n")),
    layer(CHUNKED, _chunked(" %x")),
    layer(CHUNKED, _chunked("0x%x")),
    layer(CHUNKED, _chunked("-%x")),
    layer(CHUNKED, _chunked(before=b"\r\n")),
    layer(CHUNKED, _chunked("fffffffffffffffff%x")),
    layer(CHUNKED, bytes),
    layer("Content-Length:\r\n LENGTH", bytes, "folded"),
    layer("Transfer-Encoding:\r\n chunked", _chunked(), "folded"),
    layer("Content-Length: LENGTH\r\nContent-Length: 1LENGTH", bytes, "content-length"),
    layer("Content-Length: LENGTH, 1LENGTH", bytes, "content-length"),
    layer("Content-Length: +LENGTH", bytes, "content-length"),
    layer("Content-Length: LENGTHx", bytes, "content-length"),
    layer("Content-Length: 99999999999999999999999", bytes, "content-length"),
    layer(f"{CHUNKED}\r\nContent-Length: x", _chunked(), "unneeded-length"),
    layer(CHUNKED, _chunked("%020x"), "chunk-padding"),
    layer(CHUNKED, _chunked("%x;" + "a" * 5_000), "chunk-line"),
    layer(CHUNKED, _chunked(after="0\r\nnonsense\r\n\r\n"), "after-the-text"),
    layer(CHUNKED, _chunked(after=""), "after-the-text"),
    layer(CHUNKED, _chunked(after="0\r\n"), "after-the-text"),
)


def _members(body: bytes) -> bytes:
    return b"".join(gzip.compress(body[at : at + 12]) for at in range(0, len(body), 12))


def _bare(body: bytes) -> bytes:
    return zlib.compress(body)[2:-4]


def _twice(body: bytes) -> bytes:
    return gzip.compress(gzip.compress(body))


def _zstd(body: bytes) -> bytes:
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
    layer("Content-Encoding: gzip", _members, "gzip-members"),
    layer("Content-Encoding: gzip", lambda body: gzip.compress(body) + b"and more", "gzip-members"),
    layer("Content-Encoding: gzip\r\nContent-Encoding: gzip", gzip.compress, "repeated-coding"),
    layer("Content-Encoding: utf-8", bytes, "unknown-coding"),
    layer("Content-Encoding: none, gzip", gzip.compress, "unknown-coding"),
    layer("Content-Encoding: br", bytes, "unknown-coding"),
    layer("Content-Encoding: zstd", _zstd, "coding-not-asked-for"),
)


# --- pages -----------------------------------------------------------------------------------------------------------


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


# --- redirects -------------------------------------------------------------------------------------------------------

STATUSES = ("301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent")

LOCATIONS = one_of(
    part(f"Location: {END}"),
    part("Location: end"),
    part("location:./end"),
    part("Location: ../shop/./x/../end"),
    part("Location: ?page=end"),
    part(f"Location: {END}?a=b&c=/d"),
    part(f"Location: {END}#top"),
    part(f"Location: http://HERE{END}"),
    part(f"Location: HTTP://HERE{END}"),
    part(f"Location: //HERE{END}"),
    part("Location: http://HERE"),
    part("Location: http://HERE?page=end"),
    part("Location: /shop/the end"),
    part("Location: /shop/끝?이름=값"),
    part(b"Location: /shop/\xff"),
    part("Location: /shop/a,b"),
    part('Location: /shop/"<>|^`{}'),
    part("Location: /a//b"),
    part(f"Location: {END}\r\nLocation: {END}"),
    part(f"Location: {END}\r\nLocation: /other"),
    part("Location: #top"),
    part(f"Location: {START}"),
    part(f"Location:\r\n {END}", "folded"),
    part("Location: http://HERE:/end", "unreadable-location"),
    part("Location: http://127.0.0.2:99999/", "unreadable-location"),
    part(f"Location: http://user:password@HERE{END}", "userinfo"),
    plain=3,
)

ELSEWHERE = (
    "https://sso.example.com:/login",
    "http://sso.example.com/",
    "https://bücher.example.com/",
    "//sso.example.com/login",
    "https://user:password@sso.example.com/",
    "https://two words.example.com/",
    "https://a_b-.example.com/",
    "http://127.0.0.3/",
    "ftp://127.0.0.2/",
    "mailto:root@example.com",
    "javascript:alert(1)",
    "http://[",
    "http://",
    "//",
    "  ",
)

COOKIES = one_of(
    part("Set-Cookie: gate=1"),
    part("Set-Cookie: gate=1; Path=/"),
    part("set-cookie:gate=1;path=/shop;HttpOnly;SameSite=Lax"),
    part(f"Set-Cookie: a=b\r\nSet-Cookie: gate=1; Path={START}"),
    part("Set-Cookie: gate=1; Max-Age=60"),
    part("Set-Cookie: gate=1; Expires=Fri, 01 Jan 2100 00:00:00 GMT"),
    part("Set-Cookie: gate=1; Domain=127.0.0.2"),
    part("Set-Cookie: gate = 1 ; Path = /"),
    part("Set-Cookie: gate=1; Path=nowhere"),
    part("Set-Cookie: gate=1; Expires=tomorrow"),
    part("Set-Cookie: gate=1; Path=/shop/"),
    part("Set-Cookie: gate=1; Path=/sho"),
    part("Set-Cookie: gate=1; Path=/other"),
    part("Set-Cookie: gate=1; Max-Age=0"),
    part("Set-Cookie: gate=1; Max-Age=-5"),
    part("Set-Cookie: gate=1; Expires=Thu, 01-Jan-1970 00:00:00 GMT"),
    part("Set-Cookie: gate=1\r\nSet-Cookie: gate=; Max-Age=0"),
    part("Set-Cookie: gate=1; Domain=example.com"),
    part("Set-Cookie: gate=1; Domain=0.2"),
    part("Set-Cookie: gate=1; Secure"),
    part("Set-Cookie: gate=1\x01"),
    part("Set-Cookie: gate"),
    part("Set-Cookie: =gate=1"),
    plain=2,
)


# --- whole answers ---------------------------------------------------------------------------------------------------


def _plain(draw: st.DrawFn, choices: tuple[Layer, ...], times: int) -> Layer:
    return draw(st.sampled_from((*choices[:1] * times, *choices)))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    keys: set[str] = set()

    def take(strategy: st.SearchStrategy[Part]) -> bytes:
        found = draw(strategy)
        keys.update(found.keys)
        return found.data

    end = take(LINE_ENDS)
    language = draw(st.sampled_from(LANGUAGES))
    coding, framing = _plain(draw, CODINGS, 30), _plain(draw, FRAMINGS, 60)
    keys.update(coding.keys | framing.keys)
    before, present, after = draw(st.sampled_from((0, 0, 1, 200, 8_000))), draw(st.booleans() | st.just(True)), 3
    fill = FILL.decode()
    page = language.beginning + fill * before + language.text * present + fill * after
    body = coding.apply(page.encode(language.codec))
    keys.update({"beyond-64-kib"} if before > 7_000 else ())
    framed = framing.apply(body)

    elsewhere = draw(st.sampled_from(("", *["", *ELSEWHERE] * draw(st.booleans()))))
    lines = [line.encode() for line in (language.lines, coding.lines, framing.lines.replace("LENGTH", str(len(body))))]
    noise = [take(HEADERS) for _ in range(draw(st.integers(0, 3)))]
    lines += [line for line in noise if not (elsewhere and line.startswith(b"Location:"))]
    lines = [line for line in draw(st.permutations(lines)) if line]
    status = f"HTTP/1.1 {draw(st.sampled_from(STATUSES))}".encode() if elsewhere else take(STATUS_LINES)
    lines += [b"Location: " + elsewhere.encode()] if elsewhere else []
    interim = b"".join(take(INTERIM) for _ in range(draw(st.sampled_from((0, 0, 0, 1, 2)))))
    head = interim + b"".join(line + end for line in (status, *lines, b""))
    final = head + framed
    if draw(st.sampled_from((False, False, False, False, True))):
        final = final[: draw(st.integers(0, len(final)))]
        keys.update({"after-the-text"} if len(final) >= len(head) else {"cut-head"})

    expects = draw(st.booleans() | st.just(True))
    keys.update(() if expects else {"unread-body"})
    redirect = cookie = b""
    if not elsewhere and draw(st.sampled_from((False, False, True))):
        cookie = draw(st.sampled_from((b"", b"gate=1")))
        first = [take(COOKIES), b"Location: " + START.encode()] if cookie else [take(LOCATIONS)]
        answer = (
            b"HTTP/1.1 " + draw(st.sampled_from(STATUSES)).encode(),
            *first,
            b"Content-Length: 0",
            b"Connection: close",
        )
        redirect = b"".join(line + end for line in (*answer, b""))
    return Case(
        final=final,
        text=language.text if expects else "",
        needle=language.text.encode(language.codec),
        redirect=redirect,
        cookie=cookie,
        follow=not elsewhere,
        keys=frozenset(keys),
    )


# --- one answer for each key -----------------------------------------------------------------------------------------


def _case(data: str | bytes, *, text: str = "", redirect: str = "", needle: bytes = b"") -> Case:
    final = data.encode() if isinstance(data, str) else data
    return Case(final, text, needle or text.encode(), redirect.encode())


OK = "HTTP/1.1 200 OK\r\n"
LENGTH = f"Content-Length: {len(TEXT)}\r\n"
PAGE = f"{OK}{LENGTH}\r\n{TEXT}"


def _coded(coding: str, body: bytes) -> Case:
    return _case(f"{OK}Content-Encoding: {coding}\r\n\r\n".encode() + body, text=TEXT)


def _in_chunks(frame: Callable[[bytes], bytes], lines: str = "") -> Case:
    return _case(f"{OK}{CHUNKED}\r\n{lines}\r\n".encode() + frame(TEXT.encode()), text=TEXT)


def _moved(location: str) -> str:
    return f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


SAMPLES = {
    "status-line": _case(PAGE.replace("1.1 200", "1.1  200")),
    "http-version": _case(PAGE.replace("1.1", "1.2")),
    "no-colon": _case(f"{OK}nonsense\r\n{LENGTH}\r\n{TEXT}"),
    "head-size": _case(f"{OK}X: {'y' * 66_000}\r\n{LENGTH}\r\n{TEXT}"),
    "folded": _case(f"{OK}Content-Length:\r\n {len(TEXT)}\r\n\r\n{TEXT}", text=TEXT),
    "cut-head": _case(f"{OK}Content-Length: 0\r\n"),
    "content-length": _case(f"{OK}Content-Length: {len(TEXT)}, 1\r\n\r\n{TEXT}", text=TEXT),
    "unneeded-length": _in_chunks(_chunked(), "Content-Length: x\r\n"),
    "chunk-padding": _in_chunks(_chunked("%020x")),
    "chunk-line": _in_chunks(_chunked("%x;" + "a" * 5_000)),
    "gzip-members": _coded("gzip", _members(TEXT.encode())),
    "repeated-coding": _coded("gzip\r\nContent-Encoding: gzip", gzip.compress(TEXT.encode())),
    "unknown-coding": _coded("utf-8", TEXT.encode()),
    "coding-not-asked-for": _coded("zstd", _zstd(TEXT.encode())),
    "unread-body": _case(f"{OK}Content-Length: 99\r\n\r\n{TEXT}"),
    "after-the-text": _case(f"{OK}Content-Length: 99\r\n\r\n{TEXT}", text=TEXT),
    "beyond-64-kib": _case(f"{OK}\r\n{'.' * 70_000}{TEXT}", text=TEXT),
    "redirect-status": _case(PAGE.replace("200 OK", "404 Not Found"), redirect=_moved(END).replace("302", "300")),
    "unreadable-location": _case(PAGE, redirect=_moved("http://127.0.0.2:99999/")),
    "userinfo": _case(PAGE, text=TEXT, redirect=_moved(f"http://user:password@HERE{END}")),
}
