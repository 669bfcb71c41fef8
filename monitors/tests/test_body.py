"""Finding a text in the body of an answer, whatever the server does to it."""

from __future__ import annotations

import gzip
import zlib

import pytest

from monitors.tests import misbehaving as bad
from monitors.tests.failing import Failure
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


def coded(headers: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n\r\n" + body


def sized(length: bytes) -> bytes:
    return coded(b"Content-Length: " + length, PAGE)


def chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, b""))


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
    "an endless chunk line": (CHUNKED + b"1;" + b"x" * 9_999, Failure.INVALID_RESPONSE),
    "a chunk line that is too long": (CHUNKED + b"1;" + b"x" * 9_999 + b"\r\n", Failure.INVALID_RESPONSE),
    "a blank before the chunk size": (CHUNKED + b" 8\r\n", Failure.INVALID_RESPONSE),
    "no chunk size": (CHUNKED + b"\r\n", Failure.INVALID_RESPONSE),
    "a chunk of more bytes than there are": (CHUNKED + b"f" * 16 + b"\r\n", Failure.INVALID_RESPONSE),
    "no end of the chunk": (CHUNKED + b"2\r\nab0\r\n\r\n", Failure.INVALID_RESPONSE),
    "a bad length": (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", Failure.INVALID_RESPONSE),
    "two lengths": (sized(b"1\r\nContent-Length: 2"), Failure.INVALID_RESPONSE),
    "two lengths in one line": (sized(b"30, 31"), Failure.INVALID_RESPONSE),
    "a length without a number": (sized(b""), Failure.INVALID_RESPONSE),
    "a length with a sign": (sized(b"+30"), Failure.INVALID_RESPONSE),
    "a length below zero": (sized(b"-1"), Failure.INVALID_RESPONSE),
    "a length in other digits": (sized("٣".encode()), Failure.INVALID_RESPONSE),
    "a length that nobody can count": (sized(b"9" * 5_000), Failure.INVALID_RESPONSE),
    "another transfer coding": (coded(b"Transfer-Encoding: br", PAGE), Failure.INVALID_RESPONSE),
    "a transfer coding with a parameter": (coded(b"Transfer-Encoding: chunked;q=1", PAGE), Failure.INVALID_RESPONSE),
    "another compression": (coded(b"Content-Encoding: br", b"\x8b\x0f\x80"), Failure.INVALID_RESPONSE),
    "a broken gzip": (coded(b"Content-Encoding: gzip", b"\x1f\x8bnonsense"), Failure.INVALID_RESPONSE),
    "what is no gzip": (coded(b"Content-Encoding: gzip", PAGE), Failure.INVALID_RESPONSE),
    "more codings than anybody undoes": (
        coded(b"Content-Encoding: gzip" + b", gzip" * 5, gzip.compress(PAGE)),
        Failure.INVALID_RESPONSE,
    ),
    "a gzip bomb inside another": (
        coded(b"Content-Encoding: gzip, gzip", gzip.compress(gzip.compress(bytes(400_000_000)))),
        Failure.TOO_LARGE,
    ),
}


@pytest.mark.parametrize(("data", "failure"), TEXTS.values(), ids=TEXTS)
def test_expected_text(farm, data, failure):
    outcome = see(farm.serve(says(data)), expected_text="operational")
    assert (outcome.failure, outcome.status) == (failure, 204 if b" 204 " in data else 200)


TWICE = gzip.compress(gzip.compress(PAGE))
MEMBERS = gzip.compress(PAGE[:10]) + gzip.compress(PAGE[10:])
FOUND = {  # sentence: what the server says
    "a length that is sent twice": sized(b"30\r\nContent-Length: 30"),
    "a length that is listed twice": sized(b"30, 30"),
    "a length with leading zeros": sized(b"0" * 99 + b"30"),
    "a folded length": sized(b"\r\n 30"),
    "chunked, said twice": coded(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", chunks(PAGE)),
    "chunked, listed twice": coded(b"Transfer-Encoding: chunked, Chunked", chunks(PAGE)),
    "no transfer coding": coded(b"Transfer-Encoding: identity", PAGE),
    "no transfer coding, whatever the length": coded(b"Transfer-Encoding: identity\r\nContent-Length: 1", PAGE),
    "an empty transfer coding": coded(b"Transfer-Encoding:", PAGE),
    "chunks, whatever the length": coded(b"Content-Length: x\r\nTransfer-Encoding: chunked", chunks(PAGE)),
    "chunks of HTTP/1.0": CHUNKED.replace(b"1.1", b"1.0") + chunks(PAGE),
    "a gzip in chunks": coded(b"Transfer-Encoding: gzip, chunked", chunks(gzip.compress(PAGE))),
    "a gzip in chunks, named the wrong way round": coded(
        b"Transfer-Encoding: chunked, gzip", chunks(gzip.compress(PAGE))
    ),
    "a gzip that ends by closing": coded(b"Transfer-Encoding: gzip", gzip.compress(PAGE)),
    "a padded chunk size": CHUNKED + b"000000000000000000001e\r\n" + PAGE + b"\r\n0\r\n\r\n",
    "blanks behind the chunk size": CHUNKED + b"1e  \t\r\n" + PAGE + b"\r\n0\r\n\r\n",
    "a long chunk extension": CHUNKED + b"1e;" + b"x" * 4_000 + b"\r\n" + PAGE + b"\r\n0\r\n\r\n",
    "chunks that end in LF": CHUNKED + b"5\n<p>al\n19\n" + PAGE[5:] + b"\n0\n\n",
    "chunks that end in CR CR LF": CHUNKED + b"5\r\r\n<p>al\r\r\n19\r\r\n" + PAGE[5:] + b"\r\r\n",
    "chunks without an end": CHUNKED + b"1e\r\n" + PAGE,
    "trailers": CHUNKED + chunks(b"<p>all systems", b" operational")[:-2] + b"X: y\r\nnonsense\r\n\r\n",
    "several gzip members": coded(b"Content-Encoding: gzip", MEMBERS),
    "a gzip member for every byte": coded(
        b"Content-Encoding: gzip", b"".join(gzip.compress(PAGE[at : at + 1]) for at in range(len(PAGE)))
    ),
    "a gzip and something else": coded(b"Content-Encoding: gzip", gzip.compress(PAGE) + b"nonsense"),
    "a gzip without its end": coded(b"Content-Encoding: gzip", gzip.compress(PAGE * 9)[:-8]),
    "x-gzip": coded(b"Content-Encoding: X-GZip", gzip.compress(PAGE)),
    "zlib that is called gzip": coded(b"Content-Encoding: gzip", zlib.compress(PAGE)),
    "gzip, identity": coded(b"Content-Encoding: gzip, identity", gzip.compress(PAGE)),
    "gzip among empty parts": coded(b"Content-Encoding: ,identity,,gzip,", gzip.compress(PAGE)),
    "gzip of gzip": coded(b"Content-Encoding: gzip, gzip", TWICE),
    "gzip of gzip, said twice": coded(b"Content-Encoding: gzip\r\nContent-Encoding: gzip", TWICE),
    "gzip, said twice": coded(b"Content-Encoding: gzip\r\nContent-Encoding: gzip", gzip.compress(PAGE)),
    "gzip of deflate": coded(b"Content-Encoding: deflate, gzip", gzip.compress(zlib.compress(PAGE))),
    "deflate in gzip transfer coding": coded(
        b"Transfer-Encoding: gzip\r\nContent-Encoding: deflate", gzip.compress(zlib.compress(PAGE))
    ),
    "a coding that nobody knows": coded(b"Content-Encoding: utf-8", PAGE),
    "a compression that was not applied": coded(b"Content-Encoding: br", PAGE),
    "a coding that nobody knows, and gzip": coded(b"Content-Encoding: none, gzip", gzip.compress(PAGE)),
    "an empty coding": coded(b"Content-Encoding:", PAGE),
}


@pytest.mark.parametrize("data", FOUND.values(), ids=FOUND)
@pytest.mark.parametrize("bytewise", [False, True])
def test_the_text_is_found(farm, data, bytewise):
    parts = [data[at : at + 1] for at in range(len(data))] if bytewise and len(data) < 2_000 else [data]
    assert see(farm.serve(says(*parts)), expected_text="operational").ok


FLOODS = {
    "text": (CLOSED, FILL),
    "empty compressed blocks": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n\x78\x9c",
        b"\0\0\0\xff\xff" * 999,
    ),
    "empty gzip members": (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", gzip.compress(b"") * 3_000),
    "tiny chunks": (CHUNKED, (b"1;" + b"x" * 200 + b"\r\na\r\n") * 99),
}


@pytest.mark.parametrize(("head", "block"), FLOODS.values(), ids=FLOODS)
def test_a_flood_is_cut_off(farm, head, block):
    outcome = see(farm.serve(bad.floods(head, block)), expected_text="operational")
    assert outcome.failure is Failure.TOO_LARGE


def test_without_an_expected_text_no_body_is_awaited(farm):
    assert see(farm.serve(says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", then=bad.hangs)), timeout=BRIEF).ok
