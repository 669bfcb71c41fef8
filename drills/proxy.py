"""Between a sender and MariaDB: holds the database's answer to a claim back until somebody has acted on it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CLAIM = b"`state` = 'sending'"
"""Set by a claim to send, asked for in the WHERE of whoever settles it."""
CHUNK = 1 << 16


class Proxy:
    """Listens on `path` and passes everything on to the server at `server`."""

    def __init__(self, path: Path, server: Path) -> None:
        self.path = path
        self.claimed = threading.Event()
        """Set when the armed action has been carried out."""
        self._server = server
        self._action: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def arm(self, action: Callable[[], None]) -> None:
        """Carry `action` out once: when the next claim is committed and whoever claimed does not know it yet."""
        with self._lock:
            self.claimed.clear()
            self._action = action

    def disarm(self) -> bool:
        """Whether it was too late for that: the action has been carried out."""
        with self._lock:
            self._action = None
            return self.claimed.is_set()

    def close(self) -> None:
        self._listener.close()

    def act(self) -> None:
        with self._lock:
            if self._action is not None:
                self._action()
                self._action = None
                self.claimed.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                try:
                    server.connect(str(self._server))
                except OSError:
                    client.close()
                    continue
                session = Session(client, server, self.act)
                threading.Thread(target=session.pass_questions, daemon=True).start()
                threading.Thread(target=session.pass_answers, daemon=True).start()


class Session:
    """One connection. `on_claim` runs after the database has committed a claim and before its answer is passed on."""

    def __init__(self, client: socket.socket, server: socket.socket, on_claim: Callable[[], None]) -> None:
        self._client, self._server, self._on_claim = client, server, on_claim
        self._claims = False
        self._commits = threading.Event()

    def pass_questions(self) -> None:
        with suppress(OSError):
            while question := self._client.recv(CHUNK):
                self._claims = self._claims or is_claim(question)
                if self._claims and is_commit(question):
                    self._commits.set()
                self._server.sendall(question)
        self._end(self._server)

    def pass_answers(self) -> None:
        with suppress(OSError):
            while answer := self._server.recv(CHUNK):
                if self._commits.is_set():
                    self._commits.clear()
                    self._claims = False
                    self._on_claim()
                self._client.sendall(answer)
        self._end(self._client)

    def _end(self, other: socket.socket) -> None:
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)


def is_claim(question: bytes) -> bool:
    """Whether a statement makes a delivery one that is being sent."""
    changes, _, _ = question.partition(b" WHERE ")
    return b"UPDATE `notifications_delivery` SET " in changes and CLAIM in changes


def is_commit(question: bytes) -> bool:
    """A packet of the protocol: three bytes of length, a number, the command, the text."""
    return question[4:].strip(b"\x03").strip().upper() == b"COMMIT"


@contextmanager
def running_proxy(path: Path, server: Path) -> Iterator[Proxy]:
    proxy = Proxy(path, server)
    try:
        yield proxy
    finally:
        proxy.close()
