"""Certificates and handshakes, good and bad."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from monitors.engine.base import Target
from monitors.engine.deny import DenyList
from monitors.engine.network import Network
from monitors.engine.resolver import Resolver
from monitors.engine.tls import TlsContexts
from monitors.kinds.http import HttpProber
from monitors.tests import misbehaving as bad
from monitors.tests.failing import Failure
from monitors.tests.misbehaving import BRIEF, Authority, Farm, Server, answer, says, see


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


# names


SHOP = "my_shop.apps.test"
UNDERSCORES = {  # sentence: (name, names of the certificate, its common name, whether it is for the name)
    "a wildcard": (SHOP, ["*.apps.test"], "x", True),
    "a wildcard in capitals": (SHOP, ["*.Apps.TEST"], "x", True),
    "a wildcard among others": (SHOP, ["apps.test", "127.0.0.1", "*.apps.test"], "x", True),
    "the name itself": (SHOP, [SHOP], "x", True),
    "the name itself in capitals": (SHOP, ["MY_shop.apps.test"], "x", True),
    "an underscore after the wildcard": ("shop.my_apps.test", ["*.my_apps.test"], "x", True),
    "underscores everywhere": ("_a.b_c.test", ["*.b_c.test"], "x", True),
    "another name": (SHOP, ["other.apps.test"], "x", False),
    "another wildcard": (SHOP, ["*.other.test"], "x", False),
    "a wildcard for one label more": (f"a.{SHOP}", ["*.apps.test"], "x", False),
    "a wildcard for one label less": ("my_apps.test", ["*.my_apps.test"], "x", False),
    "a wildcard of everything": ("my_shop.test", ["*.test"], "x", False),
    "a part of a label": (SHOP, ["my*.apps.test"], "x", False),
    "a wildcard in the middle": ("a_b.shop.apps.test", ["a_b.*.apps.test"], "x", False),
    "two wildcards": ("a_b.shop.apps.test", ["*.*.apps.test"], "x", False),
    "only an address": (SHOP, ["127.0.0.1"], "x", False),
    "an address beside the common name": (SHOP, ["127.0.0.1"], SHOP, True),
    "another name beside the common name": (SHOP, ["other.test"], SHOP, False),
    "only the common name, as OpenSSL takes it": (SHOP, [], SHOP, True),
    "only a common name with a wildcard": (SHOP, [], "*.apps.test", False),
}


@pytest.mark.parametrize(("name", "names", "common_name", "fits"), UNDERSCORES.values(), ids=UNDERSCORES)
def test_a_name_with_an_underscore(farm, name, names, common_name, fits):
    server = farm.serve(says(answer()), tls=farm.authority.context(*names, common_name=common_name))
    resolving = farm.names()
    resolving.addresses = {name: ["127.0.0.1"]}
    outcome = see(server, nameservers=[resolving.server], scheme="https", host=name)
    assert outcome.failure is (None if fits else Failure.CERT_WRONG_NAME), outcome.detail
    assert outcome.certificate_expires_at is None or fits


def test_the_final_dot_is_not_part_of_the_name_of_a_certificate(farm):
    asked = []
    context = farm.authority.context("web.test")
    context.sni_callback = lambda _sock, name, _context: asked.append(name)
    server = farm.serve(says(answer()), tls=context)
    names = [farm.names(web=["127.0.0.1"]).server]
    assert see(server, nameservers=names, scheme="https", host="web.test.").ok
    assert asked == ["web.test"]


UNTRUSTED = {
    "signed by itself": ({"self_signed": True}, Failure.CERT_UNTRUSTED),
    "expired": ({"days": (-9, -1)}, Failure.CERT_EXPIRED),
}


@pytest.mark.parametrize(("made", "failure"), UNTRUSTED.values(), ids=UNTRUSTED)
def test_the_chain_is_verified_for_a_name_with_an_underscore_too(farm, made, failure):
    server = farm.serve(says(answer()), tls=farm.authority.context("*.apps.test", **made))
    names = farm.names()
    names.addresses = {SHOP: ["127.0.0.1"]}
    assert see(server, nameservers=[names.server], scheme="https", host=SHOP).failure is failure
    assert see(server, nameservers=[names.server], scheme="https", host=SHOP, verify_tls=False).ok


def test_a_name_with_an_underscore_leaves_the_next_name_judged():
    contexts = TlsContexts()
    for name, judged in ((SHOP, False), ("web.test", True), (SHOP, False)):
        with socket.socket() as sock, contexts.wrap(sock, name, verify=True) as wrapped:
            assert wrapped.context.check_hostname
            assert judged is ("_" not in name)


# ends


def ends_in(outcome) -> int:
    left: timedelta = outcome.certificate_expires_at - datetime.now(UTC)
    return round(left / timedelta(days=1))


@pytest.fixture
def chain(farm, tmp_path, monkeypatch):
    """A root of 900 days that is trusted."""
    root = Authority(tmp_path, "Root", days=(-1, 900))
    monkeypatch.setenv("SSL_CERT_FILE", str(root.file))
    return root


ENDS = {  # sentence: (days of the intermediate, days of the server's, the first to end)
    "the intermediate ends first": (2, 365, (2, "Intermediate")),
    "the server's own ends first": (365, 30, (30, "leaf")),
    "both end together": (30, 30, (30, "leaf")),
}


@pytest.mark.parametrize(("intermediate", "own", "first"), ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("verify", [True, False], ids=["verified", "not verified"])
def test_the_earliest_end_of_the_chain_is_noted(farm, chain, intermediate, own, first, verify):
    between = chain.below("Intermediate", days=(-1, intermediate))
    context = between.context("127.0.0.1", days=(-1, own), common_name="leaf", sent=[between])
    outcome = see(farm.serve(says(answer()), tls=context), scheme="https", verify_tls=verify)
    assert (ends_in(outcome), outcome.certificate_subject) == first


def test_a_chain_of_several_intermediates(farm, chain):
    first = chain.below("First", days=(-1, 5))
    second = first.below("Second", days=(-1, 9))
    context = second.context("127.0.0.1", days=(-1, 30), sent=[second, first])
    outcome = see(farm.serve(says(answer()), tls=context), scheme="https")
    assert (ends_in(outcome), outcome.certificate_subject) == (5, "First")


def test_a_root_counts_only_if_the_server_sends_it(farm, tmp_path, monkeypatch):
    root = Authority(tmp_path, "Root", days=(-1, 7))
    monkeypatch.setenv("SSL_CERT_FILE", str(root.file))
    for sent, end in (([], 30), ([root], 7)):
        context = root.context("127.0.0.1", days=(-1, 30), sent=sent)
        assert ends_in(see(farm.serve(says(answer()), tls=context), scheme="https")) == end


def test_what_the_chain_does_without_ends_nothing(farm, chain, tmp_path):
    """As DST Root CA X3 ended, which many went on sending for a twin of a root that was trusted itself."""
    old = Authority(tmp_path, "Old root", days=(-900, -1))
    (tmp_path / "twins").mkdir()
    twin = Authority(tmp_path / "twins", "Root", issuer=old, days=(-800, -1), key=chain.key)
    stranger = Authority(tmp_path, "Stranger", days=(-1, 1))
    context = chain.context("127.0.0.1", days=(-1, 30), sent=[twin, old, stranger])
    outcome = see(farm.serve(says(answer()), tls=context), scheme="https")
    assert outcome.ok
    assert (ends_in(outcome), outcome.certificate_subject) == (30, "server of the tests")


SUBJECTS = {  # sentence: (common name, names, whose it is said to be)
    "a common name": ("web", ["127.0.0.1"], "web"),
    "a Korean one": ("인증서", ["127.0.0.1"], "인증서"),
    "none": ("", ["shop.test", "127.0.0.1"], "shop.test"),
    "none, and an address": ("", ["127.0.0.1"], "127.0.0.1"),
    "one that no terminal should obey": ("a\u202eb\x1b[2J", ["127.0.0.1"], "ab[2J"),
}


@pytest.mark.parametrize(("common_name", "names", "subject"), SUBJECTS.values(), ids=SUBJECTS)
def test_whose_certificate_it_is(farm, common_name, names, subject):
    server = farm.serve(says(answer()), tls=farm.authority.context(*names, common_name=common_name))
    assert see(server, scheme="https", verify_tls=False).certificate_subject == subject


# authorities that change


class Glances:
    """Looks with contexts that live on, as those of the engine do."""

    def __init__(self, recheck: float = 0) -> None:
        self.contexts = TlsContexts(recheck)

    def at(self, server: Server) -> str | None:
        async def look() -> str | None:
            deny = DenyList()
            network = Network(Resolver(deny), deny, self.contexts)
            try:
                target = Target("https", "127.0.0.1", server.port)
                return (await HttpProber(network)(target, asyncio.get_running_loop().time() + 5)).failure
            finally:
                await network.close()

        return asyncio.run(look())


@pytest.fixture
def web(farm, tmp_path):
    """A server, and the authority that vouches for it, which nobody trusts yet."""
    authority = Authority(tmp_path, "New authority")
    return farm.serve(says(answer()), tls=authority.context("127.0.0.1")), authority


def written(file, authority):
    file.write_bytes(authority.certificate)


def renamed(file, authority):
    """Even of the same size, and as old as the one before."""
    before = file.stat()
    other = file.with_suffix(".new")
    other.write_bytes(authority.certificate)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(file)


@pytest.mark.parametrize("change", [written, renamed])
def test_a_file_of_authorities_that_changed_is_noticed(farm, web, tmp_path, monkeypatch, change):
    server, authority = web
    file = tmp_path / "trusted.pem"
    file.write_bytes(farm.authority.certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    glances = Glances()
    assert glances.at(server) is Failure.CERT_UNTRUSTED
    change(file, authority)
    assert glances.at(server) is None
    change(file, farm.authority)
    assert glances.at(server) is Failure.CERT_UNTRUSTED


def test_it_is_not_looked_for_at_every_probe(farm, web, tmp_path, monkeypatch):
    server, authority = web
    file = tmp_path / "trusted.pem"
    file.write_bytes(authority.certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    glances = Glances(recheck=1e9)
    assert glances.at(server) is None
    file.write_bytes(farm.authority.certificate)
    assert glances.at(server) is None


def test_a_file_of_authorities_that_appears_later_is_noticed(web, tmp_path, monkeypatch, caplog):
    server, authority = web
    file = tmp_path / "trusted.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    glances = Glances()
    assert [glances.at(server) for _ in range(3)] == [Failure.CERT_UNTRUSTED] * 3
    assert caplog.messages == ["trusted authorities cannot be read"]
    file.write_bytes(authority.certificate)
    assert glances.at(server) is None


BROKEN = {
    "not a certificate": lambda file: file.write_text("nonsense"),
    "empty": lambda file: file.write_text(""),
    "cut off": lambda file: file.write_bytes(file.read_bytes()[:-80]),
    "gone": lambda file: file.unlink(),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_file_of_authorities_that_breaks_leaves_the_trust_as_it_is(farm, web, tmp_path, monkeypatch, caplog, broken):
    server, authority = web
    file = tmp_path / "trusted.pem"
    file.write_bytes(authority.certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    glances = Glances()
    assert glances.at(server) is None
    broken(file)
    assert [glances.at(server) for _ in range(3)] == [None] * 3
    assert caplog.messages == ["trusted authorities cannot be read"]
    file.write_bytes(farm.authority.certificate)
    assert glances.at(server) is Failure.CERT_UNTRUSTED


def hashed(authority: Authority) -> str:
    """The name under which OpenSSL looks for an authority in a directory."""
    command = ["openssl", "x509", "-noout", "-subject_hash", "-in", str(authority.file)]
    return f"{subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()}.0"


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl to name a file by its hash")
def test_a_directory_of_authorities_that_changed_is_noticed(web, tmp_path, monkeypatch):
    server, authority = web
    directory = tmp_path / "trusted"
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path / 'other'}:{directory}")
    monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path, "Stranger").file))
    glances = Glances()
    assert glances.at(server) is Failure.CERT_UNTRUSTED
    directory.mkdir()
    file = directory / hashed(authority)
    file.write_bytes(authority.certificate)
    assert glances.at(server) is None
    twin = Authority(tmp_path, "New authority", days=(-9, 9))
    file.write_bytes(twin.certificate)  # in place: the directory itself is as it was
    assert glances.at(server) is not None
    file.write_bytes(authority.certificate)
    assert glances.at(server) is None
    file.unlink()
    assert glances.at(server) is Failure.CERT_UNTRUSTED
