"""Servers that misbehave below HTTP, on free ports of this machine."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Script = Callable[[socket.socket], None]


@contextmanager
def serving(script: Script) -> Iterator[int]:
    """Plays `script` with each connection, one after the other; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _address = listener.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    script(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
            thread.join(5)


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that takes no connection and does not say so: its queue is full."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def read_request(connection: socket.socket) -> bytes:
    """The whole request, by its Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += receive(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += receive(connection)
    return data


def receive(connection: socket.socket) -> bytes:
    """What there is; raises ConnectionError at the end of the stream."""
    if data := connection.recv(65536):
        return data
    raise ConnectionResetError


def silence(connection: socket.socket) -> None:
    """Takes everything and says nothing, until the client leaves."""
    while True:
        receive(connection)


def speak_first(connection: socket.socket) -> None:
    """Answers the first bytes, whatever they are, in plain text."""
    receive(connection)
    connection.sendall(b"220 mail.example.com ESMTP\r\n")


def answering(*chunks: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        read_request(connection)
        for chunk in chunks:
            connection.sendall(chunk)

    return script


def dripping(head: bytes, drop: bytes, pause: float) -> Script:
    """`head`, then for ever a `drop` every `pause` seconds: every single read succeeds."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head)
        never = threading.Event()
        while not never.wait(pause):
            connection.sendall(drop)

    return script


def reset(connection: socket.socket) -> None:
    """RST instead of an answer."""
    read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang_up(connection: socket.socket) -> None:
    """Closes after the first bytes, whatever they are."""
    receive(connection)


def page(status: str, body: bytes = b"", headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status.encode(), len(body), headers, body)
