"""Which redirects are followed, how far, and what goes along."""

from __future__ import annotations

import pytest

from monitors.engine.base import Target
from monitors.engine.redirect import redirected
from monitors.tests import misbehaving as bad
from monitors.tests.failing import Failure
from monitors.tests.misbehaving import Farm, answer, says, see

PAGE = b"<p>all systems operational</p>"


@pytest.fixture(scope="module")
def farm():
    with Farm() as farm, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(farm.authority.file))
        yield farm


def countdown(path: str) -> bytes:
    """/5 redirects to /4 and so on; / is the end."""
    left = int(path[1:] or 0)
    return answer(302, headers=f"Location: /{left - 1 or ''}\r\n") if left else answer(body=PAGE)


def test_five_redirects_are_followed(farm):
    server = farm.serve(bad.replies(countdown))
    outcome = see(server, path="/5", expected_text="operational")
    assert (outcome.failure, outcome.status) == (None, 200)
    assert server.paths == ["/5", "/4", "/3", "/2", "/1", "/"]


def test_the_sixth_redirect_is_too_many(farm):
    server = farm.serve(bad.replies(countdown))
    outcome = see(server, path="/6")
    assert outcome.failure is Failure.TOO_MANY_REDIRECTS
    assert len(server.paths) == 6


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_every_kind_of_redirect_is_followed(farm, status):
    server = farm.serve(
        bad.replies(lambda path: answer(status, headers="Location: /x\r\n") if path == "/" else answer())
    )
    assert see(server).status == 200


LOCATIONS = {  # Location as a format of the port: (path asked for next, None if not followed)
    "http://127.0.0.1:{port}/a": "/a",
    "HTTP://127.0.0.1:{port}/a#top": "/a",
    "http://127.0.0.1:{port}": "/",
    "http://127.0.0.1:{port}?x=1": "/?x=1",
    "//127.0.0.1:{port}/a": "/a",
    "/a?x=%20y": "/a?x=%20y",
    "a/../b": "/dir/b",
    "../../b": "/b",
    "..": "/",
    "./": "/dir/",
    "/a//./b/..": "/a//",
    "?x=1": "/dir/page?x=1",
    "/two words": "/two%20words",
    "/a?two words": "/a?two%20words",
    "/상태": "/%EC%83%81%ED%83%9C",
    "/a?이름=값": "/a?%EC%9D%B4%EB%A6%84=%EA%B0%92",
    '/a"<>|^`': "/a%22%3C%3E%7C%5E%60",
    "/a\\b": "/a%5Cb",
    "/a:b@c": "/a:b@c",
    "http://2130706433:{port}/a": "/a",
    "http://%31%32%37.0.0.1:{port}/a": "/a",
    "http://127.0.0.2:{port}/a": None,
    "http://127.0.0.2:{port}/a b#c": None,
    "http://example.invalid/": None,
    "http://169.254.169.254/latest/meta-data/": None,
    "https://sso.example.com:/login": None,
    "https://bücher.example.com/": None,
    "https://user:password@sso.example.com/": None,
    "http://user:password@127.0.0.1:{port}/": None,
    "https://two words.example.com/": None,
    "https://a_b-.example.com/": None,
    "https://" + "a" * 300 + ".example.com/": None,
    "http://[": None,
    "http://[::1%25eth0]/": None,
    "http://127.0.0.1:99999/": None,
    "http://127.0.0.1:port/": None,
    "http://127.0.0.1:{port}:{port}/": None,
    "http://": None,
    "//": None,
    "http:": None,
    "http:/a": None,
    "///a": None,
    "https:///login": None,
    "://": "/dir/://",
    "ftp://127.0.0.1/": None,
    "mailto:root@example.com": None,
    "javascript:alert(1)": None,
    "about:blank": None,
    "": None,
    "  ": None,
}


@pytest.mark.parametrize(("location", "path"), LOCATIONS.items(), ids=LOCATIONS)
def test_redirects_stay_on_the_host(farm, location, path):
    def choose(asked):
        if asked != "/dir/page":
            return answer(204)
        return b"HTTP/1.1 302 Found\r\nLocation: " + location.format(port=server.port).encode() + b"\r\n\r\n"

    server = farm.serve(bad.replies(choose))
    outcome = see(server, path="/dir/page")
    assert (outcome.failure, outcome.status) == (None, 302 if path is None else 204)
    assert server.paths == ["/dir/page", *([path] if path else [])]
    assert ("not followed" in outcome.detail) is (path is None)


LINES = {  # sentence: (header lines, paths asked for)
    "twice the same": (b"Location: /end\r\nLocation: /end", ["/", "/end"]),
    "two different, of which the first counts": (b"Location: /end\r\nLocation: /other", ["/", "/end"]),
    "folded": (b"Location:\r\n /end", ["/", "/end"]),
    "folded by LF alone": (b"Location:\n\t/end", ["/", "/end"]),
    "in bytes of no character set": (b"Location: /\xff", ["/", "/%FF"]),
    "with a control character": (b"Location: /a\x01b", ["/", "/a%01b"]),
    "with a comma": (b"Location: /end,/other", ["/", "/end,/other"]),
    "with a blank before the colon": (b"Location : /end", ["/"]),
    "without a value": (b"Location:", ["/"]),
    "not at all": (b"X: /end", ["/"]),
    "only a place inside the page": (b"Location: #top", ["/"] * 6),
}


@pytest.mark.parametrize(("lines", "paths"), LINES.values(), ids=LINES)
def test_location_is_read_as_it_comes(farm, lines, paths):
    redirect = b"HTTP/1.1 302 Found\r\n" + lines + b"\r\nContent-Length: 0\r\n\r\n"
    server = farm.serve(bad.replies(lambda path: redirect if path == "/" else answer(204)))
    outcome = see(server)
    assert server.paths == paths
    assert outcome.failure is (Failure.TOO_MANY_REDIRECTS if len(paths) > 5 else None)


SAME_HOST = {  # sentence: (host, Location, where to ask next)
    "an empty port is the usual one": ("web.test", "http://web.test:/a", ("http", 80, "/a")),
    "an empty port of TLS": ("web.test", "https://web.test:", ("https", 443, "/")),
    "an empty port of an address": ("2001:db8::1", "http://[2001:DB8:0::1]:/a", ("http", 80, "/a")),
    "no port": ("web.test", "https://web.test/a", ("https", 443, "/a")),
    "another port": ("web.test", "//web.test:81?x", ("http", 81, "/?x")),
    "large letters": ("web.test", "http://WEB.Test/a", ("http", 80, "/a")),
    "a final dot": ("web.test", "http://web.test./a", ("http", 80, "/a")),
    "an international name": ("xn--bcher-kva.test", "http://bücher.test/a", ("http", 80, "/a")),
    "an international name in percent": ("xn--bcher-kva.test", "http://b%C3%BCcher.test/a", ("http", 80, "/a")),
}


@pytest.mark.parametrize(("host", "location", "following"), SAME_HOST.values(), ids=SAME_HOST)
def test_the_same_host_is_recognised(host, location, following):
    target = redirected(Target("http", host, 8080, "/dir/page"), [location.encode().decode("latin-1")])
    assert target is not None
    assert (target.host, target.scheme, target.port, target.path) == (host, *following)


@pytest.mark.parametrize("status", [300, 304, 305, 306, 309, 399])
def test_no_other_status_is_a_redirect(farm, status):
    server = farm.serve(says(answer(status, headers="Location: /gone\r\n")))
    assert see(server).status == status
    assert server.paths == ["/"]


def test_the_text_may_be_in_a_redirect_to_another_host(farm):
    page = answer(302, b"sign in elsewhere", "Location: https://sso.example.com:/login\r\n")
    assert see(farm.serve(says(page)), expected_text="sign in").ok


def test_an_expected_redirect_is_the_final_answer(farm):
    server = farm.serve(bad.replies(countdown))
    assert see(server, path="/5", expected_status=((302, 302),)).status == 302
    assert server.paths == ["/5"]


def test_an_unexpected_redirect_to_another_host_is_unexpected(farm):
    server = farm.serve(says(answer(302, headers="Location: http://example.invalid/\r\n")))
    assert see(server, expected_status=((200, 200),)).failure is Failure.UNEXPECTED_STATUS


def test_secret_headers_go_to_the_same_place_only_and_do_not_come_back(farm):
    def onward(path):
        place = f"https://127.0.0.1:{secure.port}/" if path == "/same" else "/same"
        return answer() if path == "/back" else answer(302, headers=f"Location: {place}\r\n")

    first = farm.serve(bad.replies(onward))
    back = answer(302, headers=f"Location: http://127.0.0.1:{first.port}/back\r\n")
    secure = farm.serve(says(back), tls=farm.authority.context("127.0.0.1"))
    assert see(first, headers=(("X-Secret", "s3cret"),)).ok
    assert first.paths == ["/", "/same", "/back"]
    assert [b"s3cret" in request for request in first.requests] == [True, True, False]
    assert [b"s3cret" in request for request in secure.requests] == [False]


ONWARD = {  # sentence: (scheme and port that were asked, Location, whether the headers go along)
    "a path": (("http", 8080), "/a", True),
    "the same in full": (("http", 8080), "http://web.test:8080/a", True),
    "the same in other letters and with a final dot": (("https", 443), "HTTPS://WEB.Test.:443/a", True),
    "the same scheme, left out": (("https", 443), "//web.test/a", True),
    "from port 80 up to TLS on 443": (("http", 80), "https://web.test/a", True),
    "the same, written out": (("http", 80), "https://web.test:443/a", True),
    "from port 80 to TLS on another port": (("http", 80), "https://web.test:8443/a", False),
    "from another port to TLS on 443": (("http", 8080), "https://web.test/a", False),
    "from another port to TLS on the same": (("http", 8443), "https://web.test:8443/a", False),
    "down from TLS": (("https", 443), "http://web.test/a", False),
    "down from TLS on the same port": (("https", 443), "http://web.test:443/a", False),
    "another port": (("http", 80), "http://web.test:81/a", False),
    "another port with TLS": (("https", 443), "https://web.test:8443/a", False),
}


@pytest.mark.parametrize(("asked", "location", "kept"), ONWARD.values(), ids=ONWARD)
def test_headers_go_along_to_the_same_origin_and_from_80_up_to_443(asked, location, kept):
    scheme, port = asked
    target = redirected(Target(scheme, "web.test", port, headers=(("X-Secret", "s3cret"),)), [location])
    assert target is not None
    assert bool(target.headers) is kept
