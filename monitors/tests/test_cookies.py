"""Cookies within one look: what a server sets while it redirects to itself comes back to it, and to nobody else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.engine.base import Target
from monitors.engine.cookies import MAX_COOKIE, MAX_SENT, Cookies
from monitors.tests import misbehaving as bad
from monitors.tests.failing import Failure
from monitors.tests.misbehaving import Farm, answer, says, see

NOW = 1_700_000_000.0
WEB = Target("https", "www.example.com", 443, "/shop/cart")


@pytest.fixture(scope="module")
def farm():
    with Farm() as farm, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(farm.authority.file))
        yield farm


def sent(*lines: str, at: Target = WEB, to: Target = WEB) -> str:
    """The Cookie header of a request `to`, once `at` has answered with these Set-Cookie lines."""
    cookies = Cookies()
    cookies.take(at, lines, NOW)
    return dict(cookies.added_to(to).headers).get("Cookie", "")


KEPT = {  # sentence: (Set-Cookie lines, Cookie)
    "one": (["a=1"], "a=1"),
    "several": (["a=1", "b=2"], "a=1; b=2"),
    "with attributes": (["a=1; Path=/; HttpOnly; SameSite=Lax; Secure; Priority=High"], "a=1"),
    "the later value of one name": (["a=1", "a=2"], "a=2"),
    "a value with equals signs": (["a=b=c=="], "a=b=c=="),
    "a value in quotes": (['a="b c"'], 'a="b c"'),
    "no value": (["a="], "a="),
    "blanks around": (["  a = 1 ;Path = /"], "a=1"),
    "no name": (["=1"], ""),
    "neither name nor value": (["", ";", "a", "; Path=/"], ""),
    "a control character": (["a=b\x01c", "d\x7f=1"], ""),
    "a value in UTF-8": (["a=값".encode().decode("latin-1")], "a=값"),
    "the longest": ([f"a={'v' * (MAX_COOKIE - 1)}"], f"a={'v' * (MAX_COOKIE - 1)}"),
    "one that is too long": ([f"a={'v' * MAX_COOKIE}"], ""),
    "as many as servers take": ([f"a{n}={'v' * 4000}" for n in range(9)], f"a0={'v' * 4000}; a1={'v' * 4000}"),
    "for the host": (["a=1; Domain=www.example.com"], "a=1"),
    "for the domain": (["a=1; Domain=.EXAMPLE.com"], "a=1"),
    "for a top-level domain": (["a=1; Domain=com"], ""),
    "for another host": (["a=1; Domain=api.example.com"], ""),
    "for a host below": (["a=1; Domain=x.www.example.com"], ""),
    "for a host that ends alike": (["a=1; Domain=w.example.com"], ""),
    "for its path": (["a=1; Path=/shop"], "a=1"),
    "for its path and below": (["a=1; Path=/shop/"], "a=1"),
    "for exactly its path": (["a=1; Path=/shop/cart"], "a=1"),
    "for a path that begins alike": (["a=1; Path=/sho", "b=1; Path=/shop/car"], ""),
    "for another path": (["a=1; Path=/admin"], ""),
    "for a path that is none": (["a=1; Path=shop"], "a=1"),
    "the longer path first": (["a=1; Path=/", "a=2; Path=/shop"], "a=2; a=1"),
    "ended at once": (["a=1; Max-Age=0", "b=1; Max-Age=-1"], ""),
    "ended by date": (["a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], ""),
    "ended by a date with hyphens": (["a=1; expires=Thu, 01-Jan-1970 00:00:00 GMT"], ""),
    "set and taken back": (["a=1", "b=2", "a=; Max-Age=0"], "b=2"),
    "taken back on another path": (["a=1; Path=/", "a=; Path=/shop; Max-Age=0"], "a=1"),
    "to last": (["a=1; Expires=Thu, 01 Jan 2099 00:00:00 GMT; Max-Age=9999999999999999999999"], "a=1"),
    "an age counts for more than a date": (["a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], "a=1"),
    "a date and an age that nobody can read": (["a=1; Expires=tomorrow; Max-Age=soon"], "a=1"),
    "the last of two attributes": (["a=1; Path=/admin; Path=/"], "a=1"),
}


@pytest.mark.parametrize(("lines", "header"), KEPT.values(), ids=KEPT)
def test_what_is_kept(lines, header):
    assert sent(*lines) == header


def plain(path: str = "/") -> Target:
    return Target("http", "www.example.com", 80, path)


def test_a_secure_cookie_goes_by_tls_only():
    assert sent("a=1; Secure; Path=/", to=plain()) == ""
    assert sent("a=1; Secure", at=plain(), to=plain()) == ""
    assert sent("a=1; Path=/", to=plain()) == "a=1"


def test_a_cookie_without_a_path_is_for_the_folder_of_the_page():
    assert sent("a=1", to=plain("/shop/pay?x=/")) == "a=1"
    assert sent("a=1", to=plain("/")) == ""
    assert sent("a=1", at=plain("/index.html?x=/y/z"), to=plain("/other")) == "a=1"


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7", "localhost"])
def test_an_address_has_no_domains(host):
    here = Target("http", host, 80)
    assert sent("a=1", f"b=1; Domain={host}", "c=1; Domain=2.7", "d=1; Domain=7", at=here, to=here) == "a=1; b=1"


def test_the_servers_own_cookies_stay_in_front():
    target = Target("https", WEB.host, 443, headers=(("cookie", "own=1"), ("X-Team", "web"), ("Cookie", "own=2")))
    cookies = Cookies()
    assert cookies.added_to(target) is target
    cookies.take(target, ["a=1"], NOW)
    assert cookies.added_to(target).headers == (("X-Team", "web"), ("Cookie", "own=1; own=2; a=1"))


@given(st.lists(st.text(st.characters(max_codepoint=255, exclude_characters="\n"), max_size=60), max_size=5))
def test_whatever_is_set_makes_one_safe_header(lines):
    header = sent(*lines)
    assert len(header) <= MAX_SENT
    assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", header)


# from redirect to redirect


def asks_for_cookie(cookie: str = "seen=1; Path=/", to: str = "/") -> bad.Behaviour:
    """Redirects until its cookie comes back."""

    async def behave(visit: bad.Visit) -> None:
        request = await visit.request()
        found = b"seen=1" in request
        location = f"Set-Cookie: {cookie}\r\nLocation: {to}\r\n"
        await visit.send(answer(body=b"welcome") if found else answer(302, headers=location))

    return behave


def test_a_redirect_to_itself_ends_once_the_cookie_comes_back(farm):
    server = farm.serve(asks_for_cookie())
    assert see(server, expected_text="welcome").ok
    assert [b"\r\nCookie: seen=1\r\n" in request for request in server.requests] == [False, True]


def test_without_its_cookie_it_would_never_end(farm):
    assert see(farm.serve(asks_for_cookie("seen=1; Path=/elsewhere"))).failure is Failure.TOO_MANY_REDIRECTS


def test_cookies_are_forgotten_after_the_look(farm):
    server = farm.serve(asks_for_cookie())
    for _ in range(2):
        assert see(server).ok
    assert [b"Cookie" in request for request in server.requests] == [False, True, False, True]


def test_cookies_of_every_redirect_go_along(farm):
    def choose(path):
        left = int(path[1:])
        return answer(302, headers=f"Set-Cookie: c{left}=x\r\nLocation: /{left - 1}\r\n") if left else answer()

    server = farm.serve(bad.replies(choose))
    assert see(server, path="/3", headers=(("Cookie", "own=1"),)).ok
    assert b"\r\nCookie: own=1; c3=x; c2=x; c1=x\r\n" in server.requests[-1]
    assert server.requests[-1].count(b"Cookie:") == 1


def test_cookies_go_along_to_another_port_of_the_host_and_to_tls(farm):
    """RFC 6265 8.5: cookies do not know ports."""
    gate = farm.serve(asks_for_cookie(), tls=farm.authority.context("127.0.0.1"))
    first = farm.serve(says(answer(302, headers=f"Set-Cookie: seen=1\r\nLocation: https://127.0.0.1:{gate.port}/\r\n")))
    assert see(first).ok
    assert len(gate.requests) == 1


def test_no_cookie_leaves_the_host(farm):
    other = farm.serve(says(answer()), host="127.0.0.2")
    server = farm.serve(says(answer(302, headers=f"Set-Cookie: a=1\r\nLocation: http://127.0.0.2:{other.port}/\r\n")))
    assert see(server).ok
    assert other.requests == []


def test_a_cookie_that_is_sent_back_is_not_shown(farm):
    async def behave(visit: bad.Visit) -> None:
        request = await visit.request()
        redirect = answer(302, headers="Set-Cookie: session=s3cr3t-s3ss10n\r\nLocation: /\r\n")
        await visit.send(answer(500, request) if b"s3cr3t" in request else redirect)

    outcome = see(farm.serve(behave))
    assert outcome.failure is Failure.HTTP_5XX
    assert "User-Agent" in outcome.answer
    assert "s3cr3t" not in outcome.answer
