"""Every way to fail, caused by a real server (or name, or address) and told apart."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from monitors.engine.base import MAX_DETAIL, Outcome
from monitors.engine.deny import DenyList
from monitors.tests import misbehaving as bad
from monitors.tests.failing import Failure
from monitors.tests.misbehaving import BRIEF, Behaviour, Farm, Server, answer, says, upgrades

HANGING_BODY = says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", then=bad.hangs)
LOOP = says(answer(302, headers="Location: /\r\n"))
SECRET = "t0ken-of-the-target"


@dataclass
class Case:
    """A server, and how to look at it. `certificate` makes it a TLS server."""

    behaviour: Behaviour | None = None
    target: dict[str, Any] = field(default_factory=dict)
    certificate: dict[str, Any] | None = None


def tls(days: tuple[int, int] = (-1, 1), name: str = "127.0.0.1", *, self_signed: bool = False) -> Case:
    certificate = {"names": [name], "days": days, "self_signed": self_signed}
    return Case(says(answer()), {"scheme": "https"}, certificate)


def status(code: int, **target: Any) -> Case:
    return Case(says(answer(code)), target)


def upgrade(behaviour: Behaviour, **target: Any) -> Case:
    return Case(behaviour, {"scheme": "ws", **target})


CASES = {
    Failure.UNKNOWN_HOST: Case(None, {"host": "nobody.test"}),
    Failure.RESOLVER_TIMEOUT: Case(None, {"host": "silent.test"}),
    Failure.RESOLVER_FAILED: Case(None, {"host": "servfail.test"}),
    Failure.REFUSED: Case(None, {}),
    Failure.UNREACHABLE: Case(None, {"host": "127.255.255.255"}),  # Linux has no route for TCP to a broadcast address
    Failure.RESET: Case(bad.resets),
    Failure.TIMEOUT_CONNECT: Case(None, {"port": "full"}),
    Failure.TLS_HANDSHAKE: Case(bad.opens_with_garbage, {"scheme": "https"}),
    Failure.CERT_EXPIRED: tls(days=(-9, -1)),
    Failure.CERT_UNTRUSTED: tls(self_signed=True),
    Failure.CERT_WRONG_NAME: tls(name="other.test"),
    Failure.TIMEOUT_TLS: Case(bad.hangs, {"scheme": "https"}),
    Failure.HTTP_401: status(401),
    Failure.HTTP_403: status(403),
    Failure.HTTP_404: status(404),
    Failure.HTTP_4XX: status(429),
    Failure.HTTP_5XX: status(502),
    Failure.UNEXPECTED_STATUS: status(200, expected_status=((204, 204),)),
    Failure.TOO_MANY_REDIRECTS: Case(LOOP),
    Failure.INVALID_RESPONSE: Case(bad.opens_with_garbage),
    Failure.TIMEOUT_FIRST_BYTE: Case(bad.hangs),
    Failure.TIMEOUT_BODY: Case(HANGING_BODY, {"expected_text": "up"}),
    Failure.TEXT_MISSING: Case(says(answer(body=b"down")), {"expected_text": "up"}),
    Failure.TOO_LARGE: Case(says(answer(body=b"." * 99_999)), {"expected_text": "up"}),
    Failure.WS_REFUSED: upgrade(says(answer(503))),
    Failure.WS_401: upgrade(says(answer(401))),
    Failure.WS_403: upgrade(says(answer(403))),
    Failure.WS_404: upgrade(says(answer(404))),
    Failure.WS_BAD_HANDSHAKE: upgrade(upgrades(accept=False)),
    Failure.WS_SUBPROTOCOL: upgrade(upgrades(), subprotocol="chat.v2"),
    Failure.WS_CLOSED: upgrade(bad.hangs_up),
    Failure.DENIED_ADDRESS: Case(says(answer()), {"deny": DenyList(["127.0.0.0/8"])}),
    Failure.INVALID_ADDRESS: Case(says(answer()), {"headers": (("X", "a\r\nb"),)}),
    Failure.PROBER_FAULT: Case(says(answer()), {"scheme": "gopher"}),  # a bug: parse_address lets no such scheme pass
}


@pytest.fixture(scope="module")
def farm():
    with Farm() as farm, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(farm.authority.file))
        yield farm


def caused(farm: Farm, case: Case) -> Outcome:
    with ExitStack() as stack:
        server = Server(stack.enter_context(bad.closed_port()))
        target = {"path": f"/health?token={SECRET}", "timeout": BRIEF, **case.target}
        if case.behaviour is not None:
            made = dict(case.certificate or {})
            context = farm.authority.context(*made.pop("names"), **made) if made else None
            server = farm.serve(case.behaviour, tls=context)
        if target.get("port") == "full":
            target["port"] = stack.enter_context(bad.full_backlog()).getsockname()[1]
        headers = (("Authorization", SECRET), *target.pop("headers", ()))
        return bad.see(server, nameservers=[farm.names().server], headers=headers, **target)


@pytest.mark.parametrize("failure", Failure)
def test_every_failure_has_a_server_that_causes_it(farm, failure):
    outcome = caused(farm, CASES[failure])
    assert outcome.failure is failure, outcome.detail


@pytest.mark.parametrize("failure", Failure)
def test_every_failure_is_told_in_one_printable_sentence_without_secrets(farm, failure):
    detail = caused(farm, CASES[failure]).detail
    assert detail.endswith(".")
    assert detail[0].isupper()
    assert detail.isprintable()
    assert 10 < len(detail) <= MAX_DETAIL
    assert SECRET not in detail
    assert "token" not in detail
