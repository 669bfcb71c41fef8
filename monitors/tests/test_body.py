"""Finding a text in the body of an answer, whatever the server does to it."""

from __future__ import annotations

import gzip
import zlib

import pytest

from monitors.probers.base import Failure
from monitors.tests import misbehaving as bad
from monitors.tests.misbehaving import BRIEF, Farm, answer, says, see

PAGE = b"<p>all systems operational</p>"


@pytest.fixture(scope="module")
def farm():
    with Farm() as farm, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(farm.authority.file))
        yield farm


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CLOSED = b"HTTP/1.1 200 OK\r\n\r\n"
FILL = b"." * 65_536
RAW = zlib.compressobj(wbits=-15)
TEXTS = {  # sentence: (what the server says, failure)
    "in a body of known length": (answer(body=PAGE), None),
    "in a body that ends by closing": (CLOSED + PAGE, None),
    "in chunks": (CHUNKED + b"8\r\n<p>all s\r\n16;x=y\r\nystems operational</p>\r\n0\r\n\r\n", None),
    "at the end of 64 KiB": (answer(body=FILL[:-11] + b"operational" + FILL), None),
    "in gzip": (answer(body=gzip.compress(PAGE), headers="Content-Encoding: gzip\r\n"), None),
    "in deflate": (answer(body=zlib.compress(PAGE), headers="Content-Encoding: deflate\r\n"), None),
    "in bare deflate": (
        answer(body=RAW.compress(PAGE) + RAW.flush(), headers="Content-Encoding: deflate\r\n"),
        None,
    ),
    "early in a long gzip": (answer(body=gzip.compress(PAGE + FILL), headers="Content-Encoding: gzip\r\n"), None),
    "not there": (answer(body=b"down"), Failure.TEXT_MISSING),
    "not there before the end": (CLOSED + b"down", Failure.TEXT_MISSING),
    "not in the chunks": (CHUNKED + b"4\r\ndown\r\n0\r\n\r\n", Failure.TEXT_MISSING),
    "not in 64 KiB exactly": (answer(body=FILL), Failure.TEXT_MISSING),
    "after the announced length": (answer(body=b"down") + PAGE, Failure.TEXT_MISSING),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n" + PAGE, Failure.TEXT_MISSING),
    "an empty body": (answer(), Failure.TEXT_MISSING),
    "beyond 64 KiB": (answer(body=FILL + PAGE), Failure.TOO_LARGE),
    "across the end of 64 KiB": (answer(body=FILL[:-5] + b"operational"), Failure.TOO_LARGE),
    "a gzip bomb": (
        answer(body=gzip.compress(bytes(20_000_000)), headers="Content-Encoding: gzip\r\n"),
        Failure.TOO_LARGE,
    ),
    "a bad chunk size": (CHUNKED + b"xyz\r\n", Failure.INVALID_RESPONSE),
    "a chunk longer than it said": (CHUNKED + b"2\r\nabc\r\n", Failure.INVALID_RESPONSE),
    "an endless chunk line": (CHUNKED + b"1;" + b"x" * 999, Failure.INVALID_RESPONSE),
    "a bad length": (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", Failure.INVALID_RESPONSE),
    "two lengths": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        Failure.INVALID_RESPONSE,
    ),
    "another transfer coding": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", Failure.INVALID_RESPONSE),
    "another compression": (answer(body=PAGE, headers="Content-Encoding: br\r\n"), Failure.INVALID_RESPONSE),
    "a broken gzip": (answer(body=b"\x1f\x8bnonsense", headers="Content-Encoding: gzip\r\n"), Failure.INVALID_RESPONSE),
}


@pytest.mark.parametrize(("data", "failure"), TEXTS.values(), ids=TEXTS)
def test_expected_text(farm, data, failure):
    outcome = see(farm.serve(says(data)), expected_text="operational")
    assert (outcome.failure, outcome.status) == (failure, 204 if b" 204 " in data else 200)


def test_expected_text_in_the_character_set_of_the_page(farm):
    page = answer(body="<p>정상</p>".encode("euc-kr"), headers="Content-Type: text/html; charset=EUC-KR\r\n")
    assert see(farm.serve(says(page)), expected_text="정상").ok


def test_a_character_set_that_nobody_knows_does_no_harm(farm):
    page = answer(body="정상".encode(), headers="Content-Type: text/html; charset=klingon\r\n")
    assert see(farm.serve(says(page)), expected_text="정상").ok


FLOODS = {
    "text": (CLOSED, FILL),
    "empty compressed blocks": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n\x78\x9c",
        b"\0\0\0\xff\xff" * 999,
    ),
    "tiny chunks": (CHUNKED, (b"1;" + b"x" * 200 + b"\r\na\r\n") * 99),
}


@pytest.mark.parametrize(("head", "block"), FLOODS.values(), ids=FLOODS)
def test_a_flood_is_cut_off(farm, head, block):
    outcome = see(farm.serve(bad.floods(head, block)), expected_text="operational")
    assert outcome.failure is Failure.TOO_LARGE


def test_without_an_expected_text_no_body_is_awaited(farm):
    assert see(farm.serve(says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", then=bad.hangs)), timeout=BRIEF).ok
