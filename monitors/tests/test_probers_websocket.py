"""Looking at WebSocket servers: the upgrade decides, the goodbye is a courtesy."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import struct
import time
from threading import Event

import pytest

from monitors.engine.base import Target
from monitors.engine.deny import DenyList
from monitors.engine.network import Network
from monitors.engine.resolver import Resolver
from monitors.kinds import probers_on
from monitors.tests import misbehaving as bad
from monitors.tests.failing import Failure
from monitors.tests.misbehaving import BRIEF, Farm, answer, says, upgrades

USUAL = "Upgrade: websocket\r\nConnection: Upgrade\r\n"


@pytest.fixture(scope="module")
def farm():
    with Farm() as farm, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(farm.authority.file))
        yield farm


def see(server, **target):
    return bad.see(server, **{"scheme": "ws", "path": "/hub/chat", **target})


def agrees(headers: str, status_line: str = "HTTP/1.1 101 Switching") -> bad.Behaviour:
    """Agrees to a WebSocket with these header lines only; {proof} is the right one."""

    async def behave(visit):
        key = re.search(rb"Sec-WebSocket-Key: (\S+)", await visit.request())
        assert key is not None
        proof = base64.b64encode(hashlib.sha1(key[1] + bad.GUID).digest()).decode()
        await visit.send(f"{status_line}\r\n{headers.replace('{proof}', proof)}\r\n".encode())
        await visit.reader.read(100)

    return behave


UPGRADES = {  # sentence: (behaviour, failure)
    "agreed": (upgrades(), None),
    "agreed in other cases": (upgrades("upgrade: WebSocket\r\nCONNECTION: keep-alive, upgrade\r\n"), None),
    "agreed and talkative": (upgrades(after=b"\x81\x05hello"), None),
    "no proof": (upgrades(accept=False), Failure.WS_BAD_HANDSHAKE),
    "a wrong proof": (
        upgrades(USUAL + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", accept=False),
        Failure.WS_BAD_HANDSHAKE,
    ),
    "no Upgrade": (upgrades("Connection: Upgrade\r\n"), Failure.WS_BAD_HANDSHAKE),
    "another upgrade": (upgrades("Upgrade: h2c\r\nConnection: Upgrade\r\n"), Failure.WS_BAD_HANDSHAKE),
    "no Connection": (upgrades("Upgrade: websocket\r\n"), Failure.WS_BAD_HANDSHAKE),
    "Connection: close": (upgrades("Upgrade: websocket\r\nConnection: close\r\n"), Failure.WS_BAD_HANDSHAKE),
    "an extension nobody offered": (
        upgrades(USUAL + "Sec-WebSocket-Extensions: permessage-deflate\r\n"),
        Failure.WS_BAD_HANDSHAKE,
    ),
    "a subprotocol nobody asked for": (upgrades(USUAL + "Sec-WebSocket-Protocol: x\r\n"), Failure.WS_SUBPROTOCOL),
    "a web page": (says(answer(200)), Failure.WS_REFUSED),
    "a redirect": (says(answer(302, headers="Location: /\r\n")), Failure.WS_REFUSED),
    "unauthorized": (says(answer(401)), Failure.WS_401),
    "forbidden": (says(answer(403)), Failure.WS_403),
    "not found": (says(answer(404)), Failure.WS_404),
    "upgrade required": (says(answer(426)), Failure.WS_REFUSED),
    "unavailable": (says(answer(503)), Failure.WS_REFUSED),
    "closed before the answer": (bad.hangs_up, Failure.WS_CLOSED),
    "closed within the answer": (says(b"HTTP/1.1 101 Sw"), Failure.WS_CLOSED),
    "reset": (bad.resets, Failure.WS_CLOSED),
    "garbage": (bad.opens_with_garbage, Failure.INVALID_RESPONSE),
    "huge headers": (says(b"HTTP/1.1 101 OK\r\n" + b"X: y\r\n" * 11_000, then=bad.hangs), Failure.INVALID_RESPONSE),
    "silence": (bad.hangs, Failure.TIMEOUT_FIRST_BYTE),
    "drips": (bad.drips(b"HTTP/1.1 101 Switching\r\n" + b"X: y\r\n" * 99), Failure.TIMEOUT_FIRST_BYTE),
}


@pytest.mark.parametrize(("behaviour", "failure"), UPGRADES.values(), ids=UPGRADES)
def test_upgrade(farm, behaviour, failure):
    outcome = see(farm.serve(behaviour), timeout=BRIEF)
    assert outcome.failure is failure
    assert outcome.elapsed < BRIEF * 3


PROOF = "Sec-WebSocket-Accept: {proof}\r\n"
ODD_UPGRADES = {  # sentence: header lines beside the usual three
    "every line twice": (USUAL + PROOF) * 2,
    "a proof that is listed twice": USUAL + "Sec-WebSocket-Accept: {proof}, {proof}\r\n",
    "a folded line": USUAL + PROOF + "Content-Security-Policy: default-src 'self';\r\n   img-src *\r\n",
    "a fold by LF alone": USUAL + PROOF + "Content-Security-Policy: default-src 'self';\n   img-src *\r\n",
    "folded values": "Upgrade:\r\n websocket\r\nConnection: a,\n Upgrade\r\nSec-WebSocket-Accept:\r\n {proof}\r\n",
    "a line without a colon": USUAL + "nonsense\r\n" + PROOF,
    "a control character": USUAL + "Set-Cookie: a=\x01\r\n" + PROOF,
    "a blank inside a name": USUAL + "Strict Transport Security: 1\r\n" + PROOF,
    "a name in Korean": USUAL + "이름: 값\r\n" + PROOF,
    "Connection in two lines": "Connection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + PROOF,
    "an empty list of extensions": USUAL + "Sec-WebSocket-Extensions:\r\n" + PROOF,
    "an empty subprotocol": USUAL + "Sec-WebSocket-Protocol: \r\n" + PROOF,
    "25 cookies of 680 bytes": USUAL + f"Set-Cookie: c={'v' * 680}\r\n" * 25 + PROOF,
}


@pytest.mark.parametrize("headers", ODD_UPGRADES.values(), ids=ODD_UPGRADES)
def test_an_odd_header_makes_no_upgrade_bad(farm, headers):
    assert see(farm.serve(agrees(headers))).ok


@pytest.mark.parametrize("status_line", ["HTTP/1.1 101", "HTTP/1.1 101 ", "HTTP/1.0 101 \x01", "HTTP/1.1 101 전환"])
def test_the_reason_of_an_upgrade_is_of_no_interest(farm, status_line):
    assert see(farm.serve(agrees(USUAL + PROOF, status_line))).ok


def test_two_interim_answers_come_first(farm):
    interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x;\r\n y\r\n\r\nHTTP/1.1 101 Switching"
    assert see(farm.serve(agrees(USUAL + PROOF, interim))).ok


def test_an_agreed_subprotocol_that_is_sent_twice_counts_once(farm):
    headers = USUAL + "Sec-WebSocket-Protocol: chat.v2\r\n" * 2 + PROOF
    assert see(farm.serve(agrees(headers)), subprotocol="chat.v2").ok


WRONG = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
CONTRADICTIONS = {  # sentence: (header lines, failure)
    "two proofs, one of them wrong": (USUAL + PROOF + WRONG, Failure.WS_BAD_HANDSHAKE),
    "a wrong proof first": (USUAL + WRONG + PROOF, Failure.WS_BAD_HANDSHAKE),
    "two subprotocols": (
        USUAL + PROOF + "Sec-WebSocket-Protocol: chat.v1\r\nSec-WebSocket-Protocol: chat.v2\r\n",
        Failure.WS_SUBPROTOCOL,
    ),
    "a proof folded onto a broken line": (USUAL + "nonsense\r\n " + PROOF, Failure.WS_BAD_HANDSHAKE),
    "a proof with a blank before its colon": (USUAL + PROOF.replace(":", " :", 1), Failure.WS_BAD_HANDSHAKE),
    "a NUL": (USUAL + "X: \0\r\n" + PROOF, Failure.INVALID_RESPONSE),
}


@pytest.mark.parametrize(("headers", "failure"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_an_upgrade_that_contradicts_itself_is_bad(farm, headers, failure):
    assert see(farm.serve(agrees(headers)), subprotocol="chat.v2" if "chat" in headers else "").failure is failure


def test_the_status_of_a_refusal_is_told(farm):
    outcome = see(farm.serve(says(answer(503))))
    assert outcome.status == 503
    assert "503" in outcome.detail


def test_an_interim_answer_comes_first(farm):
    async def behave(visit):
        await visit.send(b"HTTP/1.1 103 Early\r\n\r\n")
        await upgrades()(visit)

    outcome = see(farm.serve(behave))
    assert (outcome.ok, outcome.status) == (True, 101)


def test_the_request_is_an_upgrade(farm):
    server = farm.serve(upgrades(USUAL + "Sec-WebSocket-Protocol: chat.v2\r\n"))
    assert see(server, subprotocol="chat.v2", headers=(("Origin", "https://web.test"), ("Upgrade", "h2c"))).ok
    lines = server.requests[0].decode().split("\r\n")
    assert lines[0] == "GET /hub/chat HTTP/1.1"
    assert {
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: chat.v2",
        "Origin: https://web.test",
    } <= set(lines)
    assert "Upgrade: h2c" not in lines


def test_every_key_is_new(farm):
    server = farm.serve(upgrades())
    see(server)
    see(server)
    assert server.requests[0] != server.requests[1]


@pytest.mark.parametrize("answered", ["", "Sec-WebSocket-Protocol: chat.v1\r\n"])
def test_a_subprotocol_that_is_not_agreed_on(farm, answered):
    server = farm.serve(upgrades(USUAL + answered))
    assert see(server, subprotocol="chat.v2").failure is Failure.WS_SUBPROTOCOL


def test_over_tls(farm):
    server = farm.serve(upgrades(), tls=farm.authority.context("127.0.0.1"))
    outcome = see(server, scheme="wss")
    assert outcome.ok
    assert outcome.stages.tls


def test_the_goodbye_is_a_masked_close_frame(farm):
    said = Event()

    async def behave(visit):
        await upgrades()(visit)
        said.set()

    server = farm.serve(behave)
    assert see(server).ok
    assert said.wait(5)
    opcode, length, mask, code = struct.unpack(">BB4s2s", server.remains[0])
    assert (opcode, length) == (0x88, 0x82)
    assert bytes(byte ^ mask[at] for at, byte in enumerate(code)) == b"\x03\xe8"


def test_a_server_that_never_says_goodbye_does_not_delay_the_outcome(farm):
    async def behave(visit):
        await upgrades()(visit)
        await bad.hangs(visit)

    server = farm.serve(behave)
    began = time.monotonic()
    assert see(server).ok
    assert time.monotonic() - began < 0.9


CLOSE = b"\x88\x02\x03\xe8"
PARTINGS = {  # sentence: (what a server does once it was told goodbye, seconds after which we hang up at the latest)
    "it answers and closes": (lambda visit: visit.send(CLOSE), 0.9),
    "it talks on and closes": (lambda visit: visit.send(b"\x81\x05hello" * 9_999), 0.9),
    "it resets": (lambda visit: asyncio.to_thread(visit.reset), 0.9),
    "it never closes": (bad.hangs, 2.5),
}


@pytest.mark.parametrize(("parts", "seconds"), PARTINGS.values(), ids=PARTINGS)
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_we_hang_up_after_the_server_or_after_a_second(farm, scheme, parts, seconds):
    """The loop runs on after the outcome, as it does in production."""
    ended = Event()

    async def behave(visit):
        await upgrades()(visit)
        await parts(visit)
        ended.set()

    context = farm.authority.context("127.0.0.1") if scheme == "wss" else None
    port = farm.serve(behave, tls=context).port

    async def look_and_wait():
        network = Network(Resolver(deny, []), deny)
        probe = probers_on(network)[scheme]
        outcome = await probe(Target(scheme, "127.0.0.1", port), asyncio.get_running_loop().time() + 5)
        assert len(network.parting) == 1
        began = time.monotonic()
        async with asyncio.timeout(5):
            while network.parting:  # noqa: ASYNC110 - the set tells nobody when it empties
                await asyncio.sleep(0.01)
        await network.close()
        return outcome, time.monotonic() - began

    deny = DenyList()
    outcome, waited = asyncio.run(look_and_wait())
    assert outcome.ok
    assert waited < seconds
    assert ended.wait(2)
