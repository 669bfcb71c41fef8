"""Connections that say nothing, too much, or too slowly."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from functools import partial
from typing import Any

import pytest
import uvicorn

from healthcheck import connections
from healthcheck.bodies import Bodies
from healthcheck.connections import Connection, most_connections
from healthcheck.tests.stack import wait_for

PATIENCE_SECONDS = 30
MEGABYTE = 1024 * 1024
HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


async def application(scope, receive, send):
    """Answers with the size of the body; `/long` with more than a connection holds, `/unread` before it has come."""
    await (unread if scope["path"] == "/unread" else Bodies(sized))(scope, receive, send)


async def unread(_scope, _receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"unread"})


async def sized(scope, receive, send):
    size = len((await receive())["body"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(100 if scope["path"] == "/long" else 0):
        await send({"type": "http.response.body", "body": b"a" * MEGABYTE, "more_body": True})
    await send({"type": "http.response.body", "body": b"size=%d" % size})


class Running:
    """The web server over `application`."""

    def __init__(self) -> None:
        options: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": 0,
            "lifespan": "off",
            "log_level": "critical",
        }
        config = uvicorn.Config(application, http=Connection, loop="uvloop", timeout_graceful_shutdown=1, **options)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        wait_for(lambda: self._server.started, what="the server")

    def connect(self) -> socket.socket:
        address = self._server.servers[0].sockets[0].getsockname()
        return socket.create_connection(address, timeout=PATIENCE_SECONDS)

    def has_open(self, number: int) -> bool:
        return len(self._server.server_state.connections) == number

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(PATIENCE_SECONDS)


@pytest.fixture
def web() -> Iterator[Running]:
    running = Running()
    yield running
    running.stop()


def until_closed(client: socket.socket) -> bytes:
    """All that comes. However the server closes, what it wrote before that is read."""
    found = b""
    with suppress(ConnectionError):
        while part := client.recv(65536):
            found += part
    return found


def ask(web: Running, request: bytes) -> bytes:
    """What is answered to somebody who sends everything before reading anything."""
    with closing(web.connect()) as client:
        with suppress(ConnectionError):
            client.sendall(request)
        return until_closed(client)


CLOSE = b"Connection: close\r\n"


# heads

LATE_HEADS = {
    "nothing": (b"", b""),
    "half a line": (b"GET / HT", b"408"),
    "a line and half a header": (b"GET / HTTP/1.1\r\nHo", b"408"),
}


@pytest.mark.parametrize(("start", "status"), LATE_HEADS.values(), ids=LATE_HEADS)
def test_a_head_that_does_not_come_in_time_is_cut_off(web, monkeypatch, start, status):
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
    assert ask(web, start)[9:12] == status


def test_a_head_that_drips_is_cut_off(web, monkeypatch):
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
    with closing(web.connect()) as client:
        client.settimeout(0.05)
        client.sendall(HEAD)
        answer = None
        while answer is None:
            try:
                client.sendall(b"X-A: b\r\n")
                answer = client.recv(100)
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert answer is None or answer[9:12] in (b"", b"408")


def test_a_second_head_that_does_not_come_in_time_is_cut_off(web, monkeypatch):
    monkeypatch.setattr(connections, "HEAD_SECONDS", 2.0)
    with closing(web.connect()) as client:
        client.sendall(HEAD + b"\r\n" + HEAD)
        assert client.recv(100)[9:12] == b"200"
        assert b"408 " in until_closed(client)
    with closing(web.connect()) as client:
        client.sendall(HEAD + b"\r\n")
        assert client.recv(100)[9:12] == b"200"
        monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
        client.sendall(HEAD)
        assert b"408 " in until_closed(client)


def test_a_thousand_silent_connections_delay_nobody(web):
    with ExitStack() as opened:
        for _ in range(1_000):
            opened.enter_context(closing(web.connect()))
        assert b"size=0" in ask(web, HEAD + CLOSE + b"\r\n")


def test_when_there_are_too_many_those_go_that_have_waited_longest(web, monkeypatch):
    monkeypatch.setattr(connections, "most_connections", lambda: 5)
    with ExitStack() as opened:
        silent = []
        for number in range(5):
            silent.append(opened.enter_context(closing(web.connect())))
            wait_for(partial(web.has_open, number + 1), what="the connection")
        assert b"size=0" in ask(web, HEAD + CLOSE + b"\r\n")
        assert until_closed(silent[0]) == b""
        silent[4].sendall(HEAD + CLOSE + b"\r\n")
        assert b"size=0" in until_closed(silent[4])


def test_the_limit_of_open_files_is_raised_and_some_are_kept_for_others():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1_024), hard))
    try:
        assert most_connections.__wrapped__() <= hard - connections.KEPT_DESCRIPTORS
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# what is refused

REFUSED = {
    "too many headers": (HEAD + b"a: b\r\n" * 201 + b"\r\n", b"400"),
    "a body in crumbs": (POST + CHUNKED + b"1\r\na\r\n" * 5_000, b"400"),
    "no such framing": (POST + CHUNKED + b"ZZ\r\n", b"400"),
    "an announced body that is too large": (POST + b"Content-Length: 9000000\r\n\r\n", b"413"),
    "a size that no number holds": (POST + b"Content-Length: 99999999999999999999\r\n\r\n", b"413"),
    "one that waits to be asked for": (POST + b"Content-Length: 9000000\r\nExpect: 100-continue\r\n\r\n", b"413"),
    "a body that grows too large": (POST + CHUNKED + b"100000\r\n%b\r\n" % (b"a" * MEGABYTE) * 20, b"413"),
    "an announced one, sent all the same": (POST + b"Content-Length: 20000000\r\n\r\n" + b"a" * 20_000_000, b"413"),
    "neither HTTP nor anything": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"400"),
}


@pytest.mark.parametrize(("request_", "status"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_is_read_also_by_those_who_send_everything_first_and_ends_the_connection(web, request_, status):
    answer = ask(web, request_)
    assert answer[9:12] == status
    assert b"connection: close" in answer.lower()
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_body_that_never_ends_is_not_taken_for_long(web):
    with closing(web.connect()) as client:
        client.sendall(POST + CHUNKED)
        sent = 0
        with suppress(ConnectionError):
            while sent < 100:
                client.sendall(b"100000\r\n" + b"a" * MEGABYTE + b"\r\n")
                sent += 1
        assert sent < 100
        assert until_closed(client)[9:12] == b"413"


def test_a_body_that_nobody_wants_ends_the_connection(web):
    answer = ask(web, b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
    assert (answer.count(b"200 OK"), b"unread" in answer) == (1, True)


def test_a_reader_who_takes_nothing_is_cut_off(web, monkeypatch):
    monkeypatch.setattr(connections, "STUCK_SECONDS", 0.2)
    with closing(web.connect()) as client:
        client.sendall(b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: web.has_open(1), what="the connection")
        wait_for(lambda: web.has_open(0), PATIENCE_SECONDS, what="the end of it")


# what goes on as ever

ANSWERED = {
    "an old protocol": (b"GET / HTTP/1.0\r\n\r\n", 1, 0),
    "a body in pieces": (POST + CLOSE + CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 1, 5),
    "an empty body in pieces": (POST + CLOSE + CHUNKED + b"0\r\n\r\n", 1, 0),
    "many small pieces": (POST + CLOSE + CHUNKED + b"1\r\na\r\n" * 900 + b"0\r\n\r\n", 1, 900),
    "a body of the largest size": (
        *(POST + CLOSE + b"Content-Length: %d\r\n\r\n" % (8 * MEGABYTE) + b"a" * 8 * MEGABYTE, 1),
        8 * MEGABYTE,
    ),
    "a body with a size and in pieces": (POST + CLOSE + b"Content-Length: 1\r\n" + CHUNKED + b"0\r\n\r\n", 1, 0),
    "a request for a WebSocket": (HEAD + b"Connection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n", 1, 0),
    "many requests at once": ((HEAD + b"\r\n") * 99 + HEAD + CLOSE + b"\r\n", 100, 0),
    "a body that is asked for": (POST + CLOSE + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc", 1, 3),
    "as many headers as a browser would never send": (HEAD + CLOSE + b"a: b\r\n" * 190 + b"\r\n", 1, 0),
}


@pytest.mark.parametrize(("request_", "answers", "size"), ANSWERED.values(), ids=ANSWERED)
def test_a_request_is_answered(web, request_, answers, size):
    answer = ask(web, request_)
    assert (answer.count(b" 200 OK"), answer.count(b"size=%d" % size)) == (answers, answers)


def test_a_connection_that_has_taken_longer_than_a_head_may_is_kept_for_more_requests(web, monkeypatch):
    monkeypatch.setattr(connections, "HEAD_SECONDS", 1.0)
    with closing(web.connect()) as client:
        began = time.monotonic()
        while time.monotonic() < began + 1.5:
            client.sendall(HEAD + b"\r\n")
            answer = b""
            while (part := client.recv(65536)) and not (answer := answer + part).endswith(b"0\r\n\r\n"):
                pass
            assert b"size=0" in answer
