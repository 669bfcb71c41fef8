"""What is kept of an answer that failed the probe, and what never is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.engine.base import MAX_ANSWER, Target
from monitors.engine.excerpt import HIDDEN, excerpt
from monitors.tests.failing import Failure
from monitors.tests.misbehaving import BRIEF, Farm, Visit, answer, hangs, says, see

TOKEN = "s3cr3t-t0k3n-of-the-monitor"


@pytest.fixture(scope="module")
def farm():
    with Farm() as farm, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(farm.authority.file))
        yield farm


CHUNKED = b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nout of o\r\n5\r\nrder!\r\n0\r\n\r\n"
ANSWERS = {  # sentence: (what the server says, what is kept)
    "an error page": (answer(503, b"<h1>Out of order</h1>"), "<h1>Out of order</h1>"),
    "no body": (answer(503), ""),
    "a body in chunks": (CHUNKED, "out of order!"),
    "a long body is cut": (answer(500, b"x" * 5_000), "x" * MAX_ANSWER),
    "an answer in another character set": (
        answer(500, "점검 중".encode("euc-kr"), "Content-Type: text/html; charset=euc-kr\r\n"),
        "점검 중",
    ),
    "a character set that nobody knows": (answer(500, b"down", "Content-Type: x; charset=hex\r\n"), "down"),
    "what is no text": (answer(500, b"GIF89a\0\0\0"), ""),
    "control characters go": (answer(500, b"a\x1b[31mb\nc"), "a[31mb\nc"),
    "something that is not HTTP": (b"SSH-2.0-OpenSSH_9.2p1\r\n", "SSH-2.0-OpenSSH_9.2p1"),
}


@pytest.mark.parametrize(("said", "kept"), ANSWERS.values(), ids=ANSWERS)
def test_the_beginning_of_an_answer_that_failed_is_kept(farm, said, kept):
    outcome = see(farm.serve(says(said)))
    assert outcome.failure
    assert outcome.answer == kept


def test_an_answer_that_is_as_expected_is_not_kept(farm):
    assert see(farm.serve(says(answer(body=b"fine"))), expected_text="fine").answer == ""


def test_the_page_in_which_the_text_is_missing_is_kept(farm):
    outcome = see(farm.serve(says(answer(body=b"we are closed"))), expected_text="welcome")
    assert (outcome.failure, outcome.answer) == (Failure.TEXT_MISSING, "we are closed")


def test_a_body_that_comes_after_its_head_is_waited_for_a_moment(farm):
    head, body = answer(500, b"later").split(b"\r\n\r\n")

    async def speaks_twice(visit: Visit) -> None:
        await visit.request()
        await visit.send(head + b"\r\n\r\n")
        await visit.send(body)

    assert see(farm.serve(speaks_twice)).answer == "later"


def test_a_body_that_never_comes_makes_no_other_failure(farm):
    head = b"HTTP/1.1 500 Oops\r\nContent-Length: 10\r\n\r\n"
    outcome = see(farm.serve(says(head, then=hangs)), timeout=BRIEF)
    assert (outcome.failure, outcome.answer) == (Failure.HTTP_5XX, "")


def test_a_refused_upgrade_keeps_the_reason(farm):
    outcome = see(farm.serve(says(answer(403, b"no seats left"))), scheme="ws")
    assert (outcome.failure, outcome.answer) == (Failure.WS_403, "no seats left")


def test_a_server_that_sends_back_what_it_was_asked_tells_no_secret(farm):
    """Debug pages print the request, with its headers and its query."""

    async def echoes(visit: Visit) -> None:
        await visit.send(answer(500, await visit.request()))

    server = farm.serve(echoes)
    outcome = see(
        server, path=f"/health?token={TOKEN}", headers=(("Authorization", f"Bearer {TOKEN}"), ("Cookie", TOKEN))
    )
    assert outcome.failure is Failure.HTTP_5XX
    assert "/health" in outcome.answer
    assert TOKEN not in outcome.answer


def test_an_echo_is_not_http_and_tells_no_secret(farm):
    async def echoes(visit: Visit) -> None:
        await visit.send(await visit.request())

    outcome = see(farm.serve(echoes), headers=(("X-Key", TOKEN),))
    assert outcome.failure is Failure.INVALID_RESPONSE
    assert outcome.answer.startswith("GET / HTTP/1.1")
    assert TOKEN not in outcome.answer


@given(st.text(max_size=400), st.integers(0, len(TOKEN)), st.booleans())
def test_no_part_of_a_secret_is_left_wherever_the_text_was_cut(before, cut, escaped):
    target = Target("http", "web", 80, headers=(("X-Key", f"<{TOKEN}>"),))
    spelled = f"&lt;{TOKEN}&gt;" if escaped else f"<{TOKEN}>"
    shown = excerpt(target, before + spelled[:cut])
    assert TOKEN[:8] not in shown
    assert len(shown) <= MAX_ANSWER


def test_a_value_that_is_in_every_text_is_no_secret():
    target = Target("http", "web", 80, headers=(("X-Debug", "1"), ("Accept", "*/*")))
    assert excerpt(target, "error 1 of 1, */*") == "error 1 of 1, */*"
    assert HIDDEN in excerpt(Target("http", "web", 80, path="/?key=abcdefgh"), "key abcdefgh")


# certificates


def test_the_end_of_the_certificate_is_noted(farm):
    server = farm.serve(says(answer()), tls=farm.authority.context("127.0.0.1", days=(-1, 9)))
    for verify in (True, False):
        expires_at = see(server, scheme="https", verify_tls=verify).certificate_expires_at
        assert expires_at is not None
        assert abs(expires_at - datetime.now(UTC) - timedelta(days=9)) < timedelta(minutes=5)


def test_without_tls_there_is_no_certificate(farm):
    assert see(farm.serve(says(answer()))).certificate_expires_at is None
