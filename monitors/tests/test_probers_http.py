"""Looking at web servers that behave and misbehave, over loopback."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from monitors.probers.base import Failure
from monitors.probers.failures import ProbeFailed
from monitors.probers.message import parse_head
from monitors.tests import misbehaving as bad
from monitors.tests.misbehaving import AMPLE, BRIEF, Farm, answer, says, see

PAGE = b"<p>all systems operational</p>"


@pytest.fixture(scope="module")
def farm():
    with Farm() as farm, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(farm.authority.file))
        yield farm


BY_STATUS = {
    200: None, 204: None, 226: None, 299: None, 300: None, 304: None, 399: None, 301: None,
    400: Failure.HTTP_4XX, 401: Failure.HTTP_401, 403: Failure.HTTP_403, 404: Failure.HTTP_404, 429: Failure.HTTP_4XX,
    499: Failure.HTTP_4XX, 500: Failure.HTTP_5XX, 503: Failure.HTTP_5XX, 599: Failure.HTTP_5XX,
    101: Failure.UNEXPECTED_STATUS, 600: Failure.UNEXPECTED_STATUS, 999: Failure.UNEXPECTED_STATUS,
}  # fmt: skip


@pytest.mark.parametrize(("status", "failure"), BY_STATUS.items())
def test_status(farm, status, failure):
    outcome = see(farm.serve(says(answer(status))))
    assert (outcome.failure, outcome.status) == (failure, status)
    assert (str(status) in outcome.detail) is (failure is not None)


EXPECTED = {  # sentence: (ranges, status, failure)
    "an expected error is healthy": (((404, 404),), 404, None),
    "the end of a range counts": (((200, 299), (500, 503)), 503, None),
    "a success outside is unexpected": (((204, 204),), 200, Failure.UNEXPECTED_STATUS),
    "a redirect outside is unexpected": (((200, 299),), 300, Failure.UNEXPECTED_STATUS),
    "an error outside keeps its kind": (((200, 299),), 404, Failure.HTTP_404),
    "a server error outside keeps its kind": (((200, 299),), 502, Failure.HTTP_5XX),
}


@pytest.mark.parametrize(("ranges", "status", "failure"), EXPECTED.values(), ids=EXPECTED)
def test_expected_status(farm, ranges, status, failure):
    assert see(farm.serve(says(answer(status))), expected_status=ranges).failure is failure


def test_the_request_is_what_a_server_expects(farm):
    server = farm.serve(says(answer()))
    outcome = see(server, path="/health?deep=1", headers=(("X-Team", "süß"), ("accept", "text/html")))
    assert outcome.ok
    assert server.requests[0].decode().split("\r\n") == [
        "GET /health?deep=1 HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        "User-Agent: server-health-monitor",
        "accept: text/html",
        "X-Team: süß",
        "Accept-Encoding: identity",
        "Connection: close",
        "",
        "",
    ]


def test_the_host_header_can_be_replaced_but_not_the_framing(farm):
    server = farm.serve(says(answer()))
    headers = (("Host", "www.example.com"), ("Content-Length", "5"), ("Connection", "keep-alive"))
    assert see(server, headers=headers).ok
    request = server.requests[0].decode()
    assert "Host: www.example.com\r\n" in request
    assert request.count("Host:") == request.count("Connection:") == 1
    assert "Content-Length" not in request


@pytest.mark.parametrize("header", [("X", "a\r\nY: b"), ("X\r\nY", "a"), ("X Y", "a"), ("", "a"), ("X", "\x00")])
def test_a_header_that_would_split_the_request_is_never_sent(farm, header):
    server = farm.serve(says(answer()))
    assert see(server, headers=(header,)).failure is Failure.INVALID_ADDRESS
    assert server.arrivals == []


def test_stages_are_timed(farm):
    names = farm.names(web=["127.0.0.1"])
    server = farm.serve(says(answer()), tls=farm.authority.context("web.test"))
    outcome = see(server, scheme="https", host="web.test", nameservers=[names.server])
    assert (outcome.ok, outcome.address) == (True, "127.0.0.1")
    stages = outcome.stages
    timed = [seconds for seconds in (stages.resolve, stages.connect, stages.tls, stages.first_byte) if seconds]
    assert len(timed) == 4
    assert sum(timed, timedelta(0)) <= outcome.elapsed < AMPLE


def test_stages_that_were_not_needed_are_not_timed(farm):
    outcome = see(farm.serve(says(answer())))
    assert (outcome.stages.resolve, outcome.stages.tls) == (None, None)


DEADLINES = {  # sentence: (behaviour, what is expected, failure)
    "a silent server": (bad.hangs, {}, Failure.TIMEOUT_FIRST_BYTE),
    "a status line by drips": (bad.drips(answer()), {}, Failure.TIMEOUT_FIRST_BYTE),
    "endless headers by drips": (bad.drips(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 99), {}, Failure.TIMEOUT_FIRST_BYTE),
    "interim answers for ever": (bad.drips(b"HTTP/1.1 103 Early\r\n\r\n" * 99), {}, Failure.TIMEOUT_FIRST_BYTE),
    "a body by drips": (
        bad.drips(b"x" * 999, before=b"HTTP/1.1 200 OK\r\n\r\n"),
        {"expected_text": "up"},
        Failure.TIMEOUT_BODY,
    ),
    "a body that stops": (
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", then=bad.hangs),
        {"expected_text": "up"},
        Failure.TIMEOUT_BODY,
    ),
}


@pytest.mark.parametrize(("behaviour", "expectations", "failure"), DEADLINES.values(), ids=DEADLINES)
def test_seed_defect_1_one_deadline_covers_everything(farm, behaviour, expectations, failure):
    server = farm.serve(behaviour)
    began = time.monotonic()
    outcome = see(server, timeout=BRIEF, **expectations)
    assert outcome.failure is failure
    assert 0.28 <= time.monotonic() - began < 1.5
    assert 0.28 <= outcome.elapsed.total_seconds() < 1


INVALID = {
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/2": b"HTTP/2 200\r\n\r\n",
    "HTTP/0.9": b"<html></html>",
    "a status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "no status": b"HTTP/1.1\r\n\r\n",
    "two blanks": b"HTTP/1.1  200 OK\r\n\r\n",
    "a folded header": b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
    "a blank before the colon": b"HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
    "a header without a colon": b"HTTP/1.1 200 OK\r\nX\r\n\r\n",
    "a header without a name": b"HTTP/1.1 200 OK\r\n: a\r\n\r\n",
    "a control character": b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
    "a lone CR": b"HTTP/1.1 200 OK\r\nX: a\rY: b\r\n\r\n",
    "huge headers": b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 17_000 + b"\r\n\r\n",
    "huge headers without an end": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 4_000,
    "interim answers without an end": b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000,
}


@pytest.mark.parametrize("data", INVALID.values(), ids=INVALID)
def test_what_is_not_http_is_an_invalid_response(farm, data):
    assert see(farm.serve(says(data, then=bad.hangs))).failure is Failure.INVALID_RESPONSE


VALID = {
    "interim answers come first": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
    ),
    "no reason": b"HTTP/1.1 200\r\n\r\n",
    "an empty reason": b"HTTP/1.1 200 \r\n\r\n",
    "a Korean reason": "HTTP/1.1 200 좋아요\r\n\r\n".encode(),
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\n",
    "lines that end in LF": b"HTTP/1.1 200 OK\nX: y\n\n",
    "headers of 16 KiB": b"HTTP/1.1 200 OK\r\nX: " + b"y" * (16_384 - 24) + b"\r\n\r\n",
}


@pytest.mark.parametrize("data", VALID.values(), ids=VALID)
def test_what_is_http_is_understood(farm, data):
    assert see(farm.serve(says(data, then=bad.hangs))).ok


def test_an_answer_byte_by_byte_is_understood(farm):
    data = answer(body=PAGE)
    assert see(farm.serve(says(*(data[i : i + 1] for i in range(len(data))))), expected_text="operational").ok


def test_headers_of_one_name_are_joined():
    head = parse_head(b"HTTP/1.1 200 OK\r\nVia: a\r\nvia:b \r\nX:")
    assert (head.status, head.headers) == (200, {"via": "a, b", "x": ""})


def test_a_malformed_head_is_told_as_such():
    with pytest.raises(ProbeFailed, match="malformed header") as caught:
        parse_head(b"HTTP/1.1 200 OK\r\nno colon")
    assert caught.value.failure is Failure.INVALID_RESPONSE


BROKEN_OFF = {
    "closes before a byte": (bad.hangs_up, {}),
    "resets": (bad.resets, {}),
    "closes within the headers": (says(b"HTTP/1.1 200 OK\r\nX:"), {}),
    "closes within the body": (says(answer(body=PAGE)[:-9]), {"expected_text": "up"}),
    "closes within a chunk": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nx"),
        {"expected_text": "up"},
    ),
}


@pytest.mark.parametrize(("behaviour", "expectations"), BROKEN_OFF.values(), ids=BROKEN_OFF)
def test_an_answer_that_is_broken_off_is_a_reset(farm, behaviour, expectations):
    assert see(farm.serve(behaviour), **expectations).failure is Failure.RESET
