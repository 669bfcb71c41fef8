"""Status lines, headers, redirects and cookies as servers in the field send them, and odder ones.

Each part knows in which ways curl and a probe may judge it differently: the keys of the table in docs/probe.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

START = "/shop/start"
END = "/shop/end"


@dataclass(frozen=True)
class Part:
    """Bytes of an answer, and the differences that they may make."""

    data: bytes
    keys: frozenset[str] = frozenset()


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
    part("Location: #top", "fragment-only"),
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
