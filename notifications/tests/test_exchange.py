import logging
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from notifications.tests import sockets
from notifications.tests.sockets import answering, dripping, page, serving
from notifications.transports.exchange import MAX_ANSWER, Answer, UnansweredError, _Exchange, post

LIMIT = 0.2
"""Seconds, where time is to run out."""
AMPLE = 5.0
DAY = timedelta(days=1)
UNSENT = {
    "nobody listens": ("connection_error", "ConnectionRefusedError", "http://127.0.0.1:1/"),
    "no such name": ("connection_error", None, "http://nobody.invalid/"),
    "scheme missing": ("invalid_url", None, "hooks.slack.com/services/T/B/X"),
    "not a web address": ("invalid_url", None, "ftp://127.0.0.1/"),
    "empty": ("invalid_url", None, ""),
    "no host": ("invalid_url", None, "http:///path"),
    "half an IPv6 address": ("invalid_url", None, "http://[::1/"),
    "no such port": ("invalid_url", None, "http://127.0.0.1:99999/"),
    "label too long": ("invalid_url", None, f"http://{'a' * 64}.example/"),
}


def exchange(url: str, limit: float = AMPLE, **headers: str) -> Answer:
    return post(url, b"{}", headers, limit)


@pytest.mark.parametrize(("code", "detail", "url"), UNSENT.values(), ids=UNSENT)
def test_what_cannot_be_connected_was_not_sent(code, detail, url):
    with pytest.raises(UnansweredError) as caught:
        exchange(url)
    assert (caught.value.code, caught.value.sent) == (code, False)
    assert detail in (None, caught.value.detail)


def test_a_port_that_stays_silent_was_not_sent_to_and_costs_no_more_than_the_limit():
    with sockets.silent_port() as port:
        started = time.monotonic()
        with pytest.raises(UnansweredError) as caught:
            exchange(f"http://127.0.0.1:{port}/", LIMIT)
    assert (caught.value.code, caught.value.sent) == ("connection_error", False)
    assert time.monotonic() - started < LIMIT + 1


@pytest.mark.parametrize("script", [sockets.hang_up, sockets.speak_first])
def test_a_broken_tls_handshake_was_not_sent(script):
    with serving(script) as port, pytest.raises(UnansweredError) as caught:
        exchange(f"https://127.0.0.1:{port}/")
    assert (caught.value.code, caught.value.sent) == ("connection_error", False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A file with the key and the certificate of 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + DAY)
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    signed = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + signed.public_bytes(Encoding.PEM))
    return path


def encrypted(certificate, script: sockets.Script) -> sockets.Script:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    def encrypted_script(connection):
        with context.wrap_socket(connection, server_side=True) as secure:
            script(secure)

    return encrypted_script


def test_an_encrypted_answer_is_read(certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with serving(encrypted(certificate, answering(page("200 OK", b"ok")))) as port:
        assert exchange(f"https://127.0.0.1:{port}/").body == "ok"


def test_an_encrypted_connection_that_breaks_after_the_handshake_may_have_been_sent(certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    for script, code in ((sockets.reset, "connection_lost"), (sockets.silence, "timeout")):
        with serving(encrypted(certificate, script)) as port, pytest.raises(UnansweredError) as caught:
            exchange(f"https://127.0.0.1:{port}/", LIMIT if code == "timeout" else AMPLE)
        assert (caught.value.code, caught.value.sent) == (code, True)


def test_nothing_is_sent_to_whom_the_certificate_does_not_vouch_for(certificate):
    with serving(encrypted(certificate, sockets.silence)) as port, pytest.raises(UnansweredError) as caught:
        exchange(f"https://127.0.0.1:{port}/")
    assert (caught.value.code, caught.value.sent) == ("connection_error", False)
    assert caught.value.detail == "SSLCertVerificationError"


SENT = {
    "closed without an answer": ("connection_lost", answering()),
    "reset": ("connection_lost", sockets.reset),
    "cut in the head": ("bad_answer", answering(b"HTTP/1.")),
    "cut in the body": ("connection_lost", answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok")),
    "not HTTP": ("bad_answer", answering(b"220 mail.example.com ESMTP\r\n")),
    "endless head": ("bad_answer", answering(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n")),
    "endless line": ("bad_answer", answering(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n")),
    "silence": ("timeout", sockets.silence),
    "a head that drips": ("timeout", dripping(b"HTTP/1.1 200 OK\r\nX: ", b"y", 0.1)),
    "a body that drips": ("timeout", dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b"o", 0.1)),
}


@pytest.mark.parametrize(("code", "script"), SENT.values(), ids=SENT)
def test_what_is_not_answered_may_have_been_sent(code, script):
    with serving(script) as port:
        started = time.monotonic()
        with pytest.raises(UnansweredError) as caught:
            exchange(f"http://127.0.0.1:{port}/", LIMIT if code == "timeout" else AMPLE)
    assert (caught.value.code, caught.value.sent) == (code, True)
    assert time.monotonic() - started < LIMIT + 1


def test_no_more_is_read_than_the_limit():
    with serving(answering(page("200 OK", b"x" * 5_000_000))) as port:
        assert len(exchange(f"http://127.0.0.1:{port}/").body) == MAX_ANSWER


def test_a_redirect_is_an_answer_and_is_not_followed():
    with serving(answering(page("200 OK", b"stolen"))) as elsewhere:
        away = page("302 Found", b"x" * 99, b"Location: http://127.0.0.1:%d/\r\n" % elsewhere)
        with serving(answering(away)) as port:
            answer = exchange(f"http://127.0.0.1:{port}/", Authorization="Bearer secret")
    assert (answer.status, answer.body) == (302, "x" * 99)


def test_credentials_of_netrc_are_not_used(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    requested = []

    def script(connection):
        requested.append(sockets.read_request(connection))
        connection.sendall(page("200 OK"))

    with serving(script) as port:
        exchange(f"http://127.0.0.1:{port}/", Authorization="Bearer token")
        exchange(f"http://127.0.0.1:{port}/")
    assert b"Authorization: Bearer token" in requested[0]
    assert b"Authorization" not in requested[1]


def test_nothing_is_sent_once_the_time_is_over():
    """A name lookup that answers too late must not lead to a message that nobody counts any more."""
    received = []
    with serving(lambda connection: received.append(connection.recv(99))) as port:
        late = _Exchange(f"http://127.0.0.1:{port}/", b"{}", {}, LIMIT, MAX_ANSWER)
        given_up = late.close()
        thread = threading.Thread(target=late.run)
        thread.start()
        thread.join()
    assert isinstance(given_up, UnansweredError)
    assert (given_up.code, given_up.sent) == ("connection_error", False)
    assert received in ([], [b""]), "it may have connected, but said nothing"


def test_urllib3_says_nothing_of_an_exchange_and_still_speaks_of_others(caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "urllib3.connection", "urllib3.connectionpool"):
        caplog.set_level(logging.DEBUG, logger=name)
    with serving(answering(page("200 OK", b"ok", b"no colon\r\n"))) as port:
        exchange(f"http://127.0.0.1:{port}/canary")
        assert "canary" not in caplog.text
        requests.post(f"http://127.0.0.1:{port}/canary", data=b"{}", timeout=5)
        assert "canary" in caplog.text


DENIED = {  # sentence: (networks denied by the setting, URL with the port of a listener on 127.0.0.1)
    "an address by the setting": (["127.0.0.0/8"], "http://127.0.0.1:{port}/"),
    "in another spelling": (["127.0.0.0/8"], "http://0x7f000001:{port}/"),
    "a name that leads there": (["127.0.0.0/8", "::1"], "http://localhost:{port}/"),
    "an address that is always denied": ([], "http://169.254.169.254/latest/meta-data/"),
    "over IPv6": ([], "http://[fd00:ec2::254]/"),
    "a name that is always denied": ([], "http://metadata.google.internal./"),
}


@pytest.mark.parametrize(("networks", "url"), DENIED.values(), ids=DENIED)
def test_what_probes_may_not_reach_is_not_posted_to_either(settings, networks, url):
    settings.PROBE_DENY_NETWORKS = networks
    with serving(answering(page("204 No Content"))) as port, pytest.raises(UnansweredError) as caught:
        exchange(url.format(port=port))
    assert (caught.value.code, caught.value.sent, caught.value.detail) == ("connection_error", False, "DeniedError")


def test_loopback_is_allowed_unless_the_setting_denies_it(settings):
    settings.PROBE_DENY_NETWORKS = []
    with serving(answering(page("204 No Content"))) as port:
        assert exchange(f"http://127.0.0.1:{port}/").status == 204


def test_a_proxy_of_ours_may_be_on_the_list_and_is_asked_for_nothing_that_is_denied(settings, monkeypatch):
    settings.PROBE_DENY_NETWORKS = ["127.0.0.0/8"]
    with serving(answering(page("204 No Content"))) as port:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        assert exchange("http://hooks.example/").status == 204
        with pytest.raises(UnansweredError):
            exchange("http://169.254.169.254/")


def test_where_no_thread_is_to_be_had_nothing_was_sent(monkeypatch):
    def start(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", start)
    with pytest.raises(UnansweredError) as caught:
        post("http://127.0.0.1:9/", b"", {}, 1)
    assert (caught.value.code, caught.value.sent) == ("connection_error", False)
