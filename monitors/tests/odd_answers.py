"""Whole answers, made by hypothesis of what `odd_heads` and `odd_bodies` hold, some of them cut off; and for each key
of the table in docs/probe.md one that curl and a probe judge differently."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st

from monitors.tests.odd_bodies import CHUNKED, CODINGS, FRAMINGS, LANGUAGES, TEXT, Layer, chunked, members, zstd
from monitors.tests.odd_heads import (
    COOKIES,
    ELSEWHERE,
    END,
    HEADERS,
    INTERIM,
    LINE_ENDS,
    LOCATIONS,
    START,
    STATUS_LINES,
    STATUSES,
    Part,
)

FILL = "<p>.</p>\n"


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


class _Drawing:
    """Draws parts, and remembers the differences that they may make."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.keys: set[str] = set()

    def take(self, parts: st.SearchStrategy[Part]) -> bytes:
        found = self.draw(parts)
        self.keys |= found.keys
        return found.data

    def layer(self, layers: tuple[Layer, ...], plain: int) -> Layer:
        """The first is drawn `plain` times as often as another."""
        found = self.draw(st.sampled_from((*layers[:1] * plain, *layers)))
        self.keys |= found.keys
        return found

    def often(self) -> bool:
        return self.draw(st.sampled_from((True, True, True, False)))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    drawing = _Drawing(draw)
    language = draw(st.sampled_from(LANGUAGES))
    coding, framing = drawing.layer(CODINGS, 30), drawing.layer(FRAMINGS, 60)
    before = draw(st.sampled_from((0, 0, 1, 200, 8_000)))
    page = language.beginning + FILL * before + language.text * drawing.often() + FILL * 3
    body = coding.apply(page.encode(language.codec))
    lines = [language.lines, coding.lines, framing.lines.replace("LENGTH", str(len(body)))]
    elsewhere = "" if drawing.often() else draw(st.sampled_from(ELSEWHERE))
    end = drawing.take(LINE_ENDS)
    head = _head(drawing, [line.encode() for line in lines if line], elsewhere, end)
    final = head + framing.apply(body)
    if not drawing.often():
        final = final[: draw(st.integers(0, len(final)))]
        drawing.keys.add("after-the-text" if len(final) >= len(head) else "cut-head")
    expects = drawing.often()
    drawing.keys.update({"beyond-64-kib"} if before > 7_000 else (), () if expects else {"unread-body"})
    cookie = draw(st.sampled_from((b"", b"gate=1")))
    return Case(
        final=final,
        text=language.text if expects else "",
        needle=language.text.encode(language.codec),
        redirect=b"" if elsewhere or drawing.often() else _redirect(drawing, bool(cookie), end),
        cookie=cookie,
        follow=not elsewhere,
        keys=frozenset(drawing.keys),
    )


def _head(drawing: _Drawing, lines: list[bytes], elsewhere: str, end: bytes) -> bytes:
    """The head of the final answer with its interim ones; a redirect where it leads `elsewhere`."""
    draw = drawing.draw
    noise = [drawing.take(HEADERS) for _ in range(draw(st.integers(0, 3)))]
    lines = draw(st.permutations(lines + noise))
    status = drawing.take(STATUS_LINES)
    if elsewhere:
        status = f"HTTP/1.1 {draw(st.sampled_from(STATUSES))}".encode()
        lines = [line for line in lines if not line.startswith(b"Location:")]
        lines.append(f"Location: {elsewhere}".encode())
    interim = b"" if drawing.often() else b"".join(drawing.take(INTERIM) for _ in range(draw(st.integers(1, 2))))
    return interim + b"".join(line + end for line in (status, *lines, b""))


def _redirect(drawing: _Drawing, with_cookie: bool, end: bytes) -> bytes:
    """An answer that redirects, with a cookie to itself."""
    first = [drawing.take(COOKIES), f"Location: {START}".encode()] if with_cookie else [drawing.take(LOCATIONS)]
    status = f"HTTP/1.1 {drawing.draw(st.sampled_from(STATUSES))}".encode()
    return b"".join(line + end for line in (status, *first, b"Content-Length: 0", b"Connection: close", b""))


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
    "unneeded-length": _in_chunks(chunked(), "Content-Length: x\r\n"),
    "chunk-padding": _in_chunks(chunked("%020x")),
    "chunk-line": _in_chunks(chunked("%x;" + "a" * 5_000)),
    "gzip-members": _coded("gzip", members(TEXT.encode())),
    "repeated-coding": _coded("gzip\r\nContent-Encoding: gzip", gzip.compress(TEXT.encode())),
    "unknown-coding": _coded("utf-8", TEXT.encode()),
    "coding-not-asked-for": _coded("zstd", zstd(TEXT.encode())),
    "unread-body": _case(f"{OK}Content-Length: 99\r\n\r\n{TEXT}"),
    "after-the-text": _case(f"{OK}Content-Length: 99\r\n\r\n{TEXT}", text=TEXT),
    "beyond-64-kib": _case(f"{OK}\r\n{'.' * 70_000}{TEXT}", text=TEXT),
    "redirect-status": _case(PAGE.replace("200 OK", "404 Not Found"), redirect=_moved(END).replace("302", "300")),
    "fragment-only": _case(PAGE, redirect=_moved("#top")),
    "unreadable-location": _case(PAGE, redirect=_moved("http://127.0.0.2:99999/")),
    "userinfo": _case(PAGE, text=TEXT, redirect=_moved(f"http://user:password@HERE{END}")),
}
