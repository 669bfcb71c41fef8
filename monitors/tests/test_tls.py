"""Certificates and handshakes, good and bad."""

from __future__ import annotations

import pytest

from monitors.probers.base import Failure
from monitors.tests import misbehaving as bad
from monitors.tests.misbehaving import BRIEF, Farm, answer, says, see


@pytest.fixture(scope="module")
def farm():
    with Farm() as farm, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(farm.authority.file))
        yield farm


CERTIFICATES = {  # sentence: (how the certificate is made, failure)
    "for the name": ({"names": ["web.test"]}, None),
    "expired": ({"names": ["web.test"], "days": (-9, -1)}, Failure.CERT_EXPIRED),
    "not valid yet": ({"names": ["web.test"], "days": (1, 9)}, Failure.CERT_EXPIRED),
    "for another name": ({"names": ["other.test"]}, Failure.CERT_WRONG_NAME),
    "for the address only": ({"names": ["127.0.0.1"]}, Failure.CERT_WRONG_NAME),
    "signed by itself": ({"names": ["web.test"], "self_signed": True}, Failure.CERT_UNTRUSTED),
}


@pytest.mark.parametrize(("made", "failure"), CERTIFICATES.values(), ids=CERTIFICATES)
def test_certificates(farm, made, failure):
    made = dict(made)
    server = farm.serve(says(answer()), tls=farm.authority.context(*made.pop("names"), **made))
    names = [farm.names(web=["127.0.0.1"]).server]
    assert see(server, nameservers=names, scheme="https", host="web.test").failure is failure
    assert see(server, nameservers=names, scheme="https", host="web.test", verify_tls=False).ok


def test_a_certificate_for_an_address(farm):
    assert see(farm.serve(says(answer()), tls=farm.authority.context("127.0.0.1")), scheme="https").ok
    other = farm.serve(says(answer()), tls=farm.authority.context("127.0.0.2"))
    assert see(other, scheme="https").failure is Failure.CERT_WRONG_NAME


def test_an_authority_that_nobody_trusts(farm, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    server = farm.serve(says(answer()), tls=farm.authority.context("127.0.0.1"))
    assert see(server, scheme="https").failure is Failure.CERT_UNTRUSTED


async def closes_at_once(visit: bad.Visit) -> None:
    await visit.reader.read(1)


HANDSHAKES = {
    "a server without TLS": (bad.opens_with_garbage, Failure.TLS_HANDSHAKE),
    "a server that closes": (closes_at_once, Failure.TLS_HANDSHAKE),
    "a server that is silent": (bad.hangs, Failure.TIMEOUT_TLS),
}


@pytest.mark.parametrize(("behaviour", "failure"), HANDSHAKES.values(), ids=HANDSHAKES)
def test_handshakes_that_fail(farm, behaviour, failure):
    assert see(farm.serve(behaviour), scheme="https", timeout=BRIEF).failure is failure


def test_a_large_body_over_tls(farm):
    server = farm.serve(says(answer(body=b"." * 65_525 + b"operational")), tls=farm.authority.context("127.0.0.1"))
    assert see(server, scheme="https", expected_text="operational").ok


def test_tls_expected_where_there_is_none_and_the_other_way_round(farm):
    server = farm.serve(says(answer()), tls=farm.authority.context("127.0.0.1"))
    assert see(server, scheme="http").failure in (Failure.RESET, Failure.INVALID_RESPONSE)
