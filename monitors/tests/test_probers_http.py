"""Looking at web servers that behave and misbehave, over loopback."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.engine.message import parse_head
from monitors.engine.progress import ProbeFailed
from monitors.tests import misbehaving as bad
from monitors.tests.failing import Failure
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
    "letters after the status": b"HTTP/1.1 200OK\r\n\r\n",
    "a tab before the status": b"HTTP/1.1\t200 OK\r\n\r\n",
    "small letters": b"http/1.1 200 OK\r\n\r\n",
    "an empty line before the status line": b"\r\nHTTP/1.1 200 OK\r\n\r\n",
    "an empty line after an interim answer": b"HTTP/1.1 103 Early\r\n\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    "a NUL in a header": b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
    "a NUL in the reason": b"HTTP/1.1 200 O\x00K\r\n\r\n",
    "huge headers": b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 66_000 + b"\r\n\r\n",
    "huge headers without an end": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 11_000,
    "interim answers without an end": b"HTTP/1.1 100 Continue\r\n\r\n" * 3_000,
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
    "a control character in the reason": b"HTTP/1.1 200 O\x01K\r\n\r\n",
    "headers of 64 KiB": b"HTTP/1.1 200 OK\r\nX: " + b"y" * (65_536 - 24) + b"\r\n\r\n",
    "25 cookies of 680 bytes": b"HTTP/1.1 200 OK\r\n" + b"Set-Cookie: c=%s\r\n" % (b"v" * 680) * 25 + b"\r\n",
    "lines that end in CR CR LF": b"HTTP/1.1 200 OK\r\r\nX: y\r\r\n\r\r\n",
}


@pytest.mark.parametrize("data", VALID.values(), ids=VALID)
def test_what_is_http_is_understood(farm, data):
    assert see(farm.serve(says(data, then=bad.hangs))).ok


def test_an_answer_byte_by_byte_is_understood(farm):
    data = answer(body=PAGE)
    assert see(farm.serve(says(*(data[i : i + 1] for i in range(len(data))))), expected_text="operational").ok


ODD_LINES = {  # sentence: a header line that nobody needs
    "folded": b"X: a\r\n b\r\n\tc",
    "folded by LF alone": b"X: a;\n   b",
    "folded onto nothing": b" b: c",
    "folded onto nothing, without a colon": b" b",
    "a fold of blanks": b"X: a\r\n  ",
    "no colon": b"X",
    "no colon, and folded": b"X\r\n b",
    "no name": b": a",
    "a blank before the colon": b"X : a",
    "a blank inside the name": b"Strict Transport Security: max-age=1",
    "a colon inside the name": b"X::: a",
    "brackets in the name": b"[X]: a",
    "a name in Korean": "이름: 값".encode(),
    "a value in Korean": "X: 값".encode(),
    "a value in no character set": b"X: \xff\xfe\x80",
    "a control character in the value": b"Set-Cookie: ___utmvaX=GJE\x01UbfT; path=/",
    "a control character in the name": b"X\x1b: a",
    "every other control character": b"X: " + bytes({*range(1, 32), 127} - {10, 13}),
    "a CR inside the line": b"X: a\rContent-Length: 9",
    "a CR inside the name": b"X\rY: a",
    "no value": b"X:",
}
HEAD = b"HTTP/1.1 200 OK\r\n%s\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize("line", ODD_LINES.values(), ids=ODD_LINES)
@pytest.mark.parametrize("text", ["", "ok"])
def test_a_line_that_nobody_needs_decides_nothing(farm, line, text):
    assert see(farm.serve(says(HEAD % line)), expected_text=text).ok


@pytest.mark.parametrize("line", ODD_LINES.values(), ids=ODD_LINES)
def test_the_headers_around_an_odd_line_are_read(line):
    head = parse_head(b"HTTP/1.1 200 OK\r\nBefore: 1\r\n" + line + b"\r\nAfter: 2")
    assert (head.status, head.values("before")[0][0], head.values("after")) == (200, "1", ("2",))


VALUES = {  # sentence: (header lines, values of X)
    "none": (b"Y: x", ()),
    "in their order": (b"X: b\r\nY: y\r\nx: a", ("b", "a")),
    "equal ones count once": (b"X: a\r\nx:a \r\nX: b\r\nX:\ta", ("a", "b")),
    "a fold is a blank": (b"X: a;\r\n  b\n\tc", ("a; b c",)),
    "a value that is folded from its beginning": (b"X:\r\n a", ("a",)),
    "empty": (b"X:", ("",)),
    "what is folded onto another header": (b"X: a\r\nY\r\n X: b", ("a",)),
    "a CR is part of the value": (b"X: a\rX: b", ("a\rX: b",)),
    "Latin-1 keeps every byte": (b"X: \xff", ("\xff",)),
}


@pytest.mark.parametrize(("lines", "values"), VALUES.values(), ids=VALUES)
def test_the_values_of_a_header(lines, values):
    assert parse_head(b"HTTP/1.1 200 OK\r\n" + lines).values("x") == values


def test_the_parts_of_a_list():
    assert parse_head(b"HTTP/1.1 200 OK\nX: A, ,b\nX:c,").tokens("x") == ["a", "b", "c"]


def slowly_read(lines: bytes) -> list[str]:
    """The values of X, one line after the other."""
    values: list[bytes] = []
    inside = False
    for line in lines.split(b"\n"):
        if line[:1] in (b" ", b"\t"):
            if inside:
                values[-1] = values[-1].removesuffix(b"\r") + b" " + line.lstrip(b" \t")
        else:
            inside = line[:2] in (b"X:", b"x:")
            values += [line[2:]] if inside else []
    return list(dict.fromkeys(value.strip().decode("latin-1") for value in values))


PARTS = [b"X: a", b"x:", b"b", b"\n", b"\r\n", b"\r", b" ", b"\t", b"\0", b":", b"\xff"]


@given(st.lists(st.sampled_from(PARTS), max_size=30))
def test_whatever_comes_after_the_status_line_is_read_or_refused(parts):
    lines = b"".join(parts)
    if b"\0" in lines:
        with pytest.raises(ProbeFailed, match="malformed header") as caught:
            parse_head(b"HTTP/1.1 200 OK\r\n" + lines)
        assert caught.value.failure is Failure.INVALID_RESPONSE
    else:
        assert list(parse_head(b"HTTP/1.1 200 OK\r\n" + lines).values("x")) == slowly_read(lines)


def test_a_head_of_64_kib_is_read_in_time(farm):
    """Neither many headers of one name, nor many blanks, nor many folds take longer than their bytes."""
    for line in (b"X: %d\r\n", b"X:" + b" " * 500 + b"y%d\r\n", b"X: %d\r\n \r\n"):
        lines = b"".join(line % number for number in range(60_000 // len(line)))
        began = time.process_time()
        parse_head(b"HTTP/1.1 200 OK\r\n" + lines).values("x")
        assert time.process_time() - began < 1


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
