"""Which redirects are followed, how far, and what goes along."""

from __future__ import annotations

import pytest

from monitors.probers.base import Failure
from monitors.tests import misbehaving as bad
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
    "//127.0.0.1:{port}/a": "/a",
    "/a?x=%20y": "/a?x=%20y",
    "a/../b": "/dir/b",
    "?x=1": "/dir/page?x=1",
    "/two words": "/two%20words",
    "/상태": "/%EC%83%81%ED%83%9C",
    "http://2130706433:{port}/a": "/a",
    "http://127.0.0.2:{port}/a": None,
    "http://example.invalid/": None,
    "http://169.254.169.254/latest/meta-data/": None,
    "ftp://127.0.0.1/": None,
    "mailto:root@example.com": None,
    "": None,
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


@pytest.mark.parametrize("location", ["http://[", "http://127.0.0.1:99999/", "http://user:pw@127.0.0.1/"])
def test_a_redirect_to_no_address_is_an_invalid_response(farm, location):
    outcome = see(farm.serve(says(answer(302, headers=f"Location: {location}\r\n"))))
    assert outcome.failure is Failure.INVALID_RESPONSE


def test_an_expected_redirect_is_the_final_answer(farm):
    server = farm.serve(bad.replies(countdown))
    assert see(server, path="/5", expected_status=((302, 302),)).status == 302
    assert server.paths == ["/5"]


def test_an_unexpected_redirect_to_another_host_is_unexpected(farm):
    server = farm.serve(says(answer(302, headers="Location: http://example.invalid/\r\n")))
    assert see(server, expected_status=((200, 200),)).failure is Failure.UNEXPECTED_STATUS


def test_secret_headers_go_along_to_the_same_place_and_up_to_tls_only(farm):
    plain = farm.serve(bad.replies(lambda path: answer()))
    onward = f"http://127.0.0.1:{plain.port}/"
    secure = farm.serve(
        bad.replies(lambda path: answer(302, headers=f"Location: {onward if path == '/down' else '/down'}\r\n")),
        tls=farm.authority.context("127.0.0.1"),
    )
    upward = f"https://127.0.0.1:{secure.port}/"
    first = farm.serve(says(answer(302, headers=f"Location: {upward}\r\n")))
    assert see(first, headers=(("X-Secret", "s3cret"),)).ok
    assert [b"s3cret" in request for server in (first, secure, plain) for request in server.requests] == [
        True,
        True,
        True,
        False,
    ]
