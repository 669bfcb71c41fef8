"""Asking the inventory: every bad answer is an error, in time, that names no secret."""

from __future__ import annotations

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler

import pytest

from monitors.engine.deny import DenyList
from monitors.inventory.source import InventoryError, fetch
from monitors.tests.inventory_stand_in import TOKEN, Answer, inventory_server, send
from monitors.tests.misbehaving import Farm, answer, says


@pytest.fixture
def inventory():
    with inventory_server() as stand_in:
        yield stand_in


def drip_headers(handler: BaseHTTPRequestHandler) -> None:
    drip(handler, b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000)


def drip_body(handler: BaseHTTPRequestHandler) -> None:
    drip(handler, b"HTTP/1.1 200 OK\r\n\r\n[" + b" " * 10_000)


def drip(handler: BaseHTTPRequestHandler, data: bytes) -> None:
    """A byte every 20 ms, until the client has had enough."""
    try:
        for byte in data:
            handler.wfile.write(bytes([byte]))
            time.sleep(0.02)
    except OSError:
        pass
    handler.close_connection = True


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" " * 65_536)
    except OSError:
        pass


def garbage(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH\r\n")


def redirect(target: str) -> Answer:
    return lambda handler: send(handler, b"", 302, location=target)


BAD_ANSWERS = {  # sentence: (answer, words)
    "an error": (lambda handler: send(handler, b"", 500), "HTTP 500"),
    "nothing there": (lambda handler: send(handler, b"", 404), "HTTP 404"),
    "no JSON": (lambda handler: send(handler, b"<html>"), "not JSON"),
    "no UTF-8": (lambda handler: send(handler, b'["\xff"]'), "not JSON"),
    "JSON nested too deeply": (lambda handler: send(handler, b"[" * 100_000), "not JSON"),
    "a number": (lambda handler: send(handler, b"5"), "neither a list"),
    "an object without servers": (lambda handler: send(handler, b'{"hosts": []}'), "neither a list"),
    "11 MB": (lambda handler: send(handler, b" " * 11 * 1024 * 1024), "10 MB"),
    "no end": (endless, "10 MB"),
    "another protocol": (garbage, "not valid HTTP"),
    "less than it promised": (lambda handler: send(handler, b"[]", length=100), "not valid HTTP"),
    "headers that drip": (drip_headers, "within 0.3 s"),
    "a body that drips": (drip_body, "within 0.3 s"),
    "a redirect to another host": (redirect("http://localhost/x"), "another host"),
    "a redirect to another port": (redirect("http://127.0.0.1:1/x"), "another host"),
    "a redirect to a file": (redirect("file:///etc/passwd"), "another host"),
    "a redirect in a circle": (redirect("/servers"), "too often"),
}


@pytest.mark.parametrize(("answer", "words"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_a_bad_answer_is_an_error_in_time(inventory, answer, words):
    inventory.answers["/servers"] = answer
    began = time.monotonic()
    with pytest.raises(InventoryError, match=words) as refused:
        fetch(inventory.url, token=TOKEN, deny=DenyList(), seconds=0.3 if "drip" in words or "0.3" in words else 5)
    assert time.monotonic() - began < 4
    assert TOKEN not in str(refused.value)


def test_a_request_that_is_given_up_leaves_no_thread_waiting_for_every_drop(inventory):
    inventory.answers["/servers"] = drip_headers
    with pytest.raises(InventoryError):
        fetch(inventory.url, token=TOKEN, deny=DenyList(), seconds=0.3)
    for thread in threading.enumerate():
        if thread.name == "inventory":
            thread.join(5)
            assert not thread.is_alive()


def test_a_wrong_token_is_said_to_be_wrong_and_not_repeated(inventory):
    with pytest.raises(InventoryError, match="refuses INVENTORY_TOKEN") as refused:
        fetch(inventory.url, token="wrong-token", deny=DenyList())
    assert "wrong-token" not in str(refused.value)


def test_a_token_that_no_header_can_carry_is_not_repeated(inventory):
    with pytest.raises(InventoryError, match="INVENTORY_TOKEN has characters") as refused:
        fetch(inventory.url, token="wrong\ntoken", deny=DenyList())
    assert "wrong" not in str(refused.value)


def test_a_redirect_within_the_host_is_followed(inventory):
    inventory.answers["/servers"] = redirect("/v2/servers")
    assert fetch(inventory.url, token=TOKEN, deny=DenyList()) == []


BAD_URLS = {  # sentence: (url, words)
    "a denied address": ("http://127.0.0.2:{port}/", "must not be connected to"),
    "a denied address in another spelling": ("http://0x7f000002:{port}/", "must not be connected to"),
    "a denied name": ("http://metadata.google.internal:{port}/", "must not be connected to"),
    "a closed port": ("http://127.0.0.1:1/", "refused"),
    "a name that nobody has": ("http://nobody.invalid/", "cannot be read"),
    "another scheme": ("ftp://127.0.0.1/", "INVENTORY_URL"),
    "a WebSocket": ("ws://127.0.0.1/", "INVENTORY_URL"),
    "no scheme": ("127.0.0.1", "INVENTORY_URL"),
    "credentials": ("http://user:pass@127.0.0.1/", "INVENTORY_URL"),
    "TLS where there is none": ("https://127.0.0.1:{port}/", "TLS failed"),
}


@pytest.mark.parametrize(("url", "words"), BAD_URLS.values(), ids=BAD_URLS)
def test_a_url_that_leads_nowhere_good_is_refused(inventory, url, words):
    with pytest.raises(InventoryError, match=words):
        fetch(url.format(port=inventory.server.server_port), token=TOKEN, deny=DenyList(["127.0.0.2"]), seconds=5)
    assert inventory.seen == []


def test_the_certificate_must_be_of_an_authority_that_the_system_trusts(monkeypatch):
    with Farm() as farm:
        port = farm.serve(says(answer(body=b"[]")), tls=farm.authority.context("127.0.0.1")).port
        url = f"https://127.0.0.1:{port}/"
        with pytest.raises(InventoryError, match="unable to get local issuer certificate"):
            fetch(url, token="", deny=DenyList())
        monkeypatch.setenv("SSL_CERT_FILE", str(farm.authority.file))
        assert fetch(url, token="", deny=DenyList()) == []


def test_a_name_that_leads_to_a_denied_address_is_refused_where_it_leads(inventory):
    with pytest.raises(InventoryError, match=r"127\.0\.0\.1 must not be connected to"):
        fetch(f"http://localhost:{inventory.server.server_port}/", token=TOKEN, deny=DenyList(["127.0.0.0/8", "::1"]))
    assert inventory.seen == []


def test_a_listener_that_never_answers_is_given_up():
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(InventoryError, match=r"in time|within 0\.2 s"),
    ):
        fetch(f"http://127.0.0.1:{listener.getsockname()[1]}/", token="", deny=DenyList(), seconds=0.2)
