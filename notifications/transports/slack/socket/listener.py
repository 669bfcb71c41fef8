"""Keeps a connection to Slack for as long as the process lives, whatever Slack does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.db import close_old_connections

from monitors.outgoing import DeniedError, refuse_host
from monitors.validation import deny_list
from notifications.transports.slack import Account, Verdict, call
from notifications.transports.slack.socket import state
from notifications.transports.slack.socket.connection import Connection
from notifications.transports.slack.socket.envelopes import Press

logger = logging.getLogger(__name__)

RENEWED = frozenset({"warning", "refresh_requested"})
"""Slack is about to close the connection, as it does every few hours. Until then presses may still come over it."""
SWITCHED_OFF = "link_disabled"
"""Somebody has switched Socket Mode off in the app's settings."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long for what, in seconds."""

    first: float = 1.0
    longest: float = 60.0
    """Between two tries; from `first` on, each wait is twice the one before."""
    stable: float = 60.0
    """A connection that lasted so long starts the waits afresh."""
    refused: float = 300.0
    """Before the next try with a token that Slack refuses."""
    hello: float = 15.0
    ping: float = 10.0
    silence: float = 35.0
    """Three pings without an answer."""
    noted: float = 30.0
    """Between two notes that the process lives, while there is no connection."""


class Backoff:
    """How long to wait before the next try."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._next = patience.first

    def after(self, lasted: float) -> float:
        """Seconds to wait, after a connection that lasted for so many."""
        if lasted >= self._patience.stable:
            self._next = self._patience.first
        wait, self._next = self._next, min(2 * self._next, self._patience.longest)
        return wait


class NotConnectedError(Exception):
    """`code` is Slack's, or one of ours; not to be tried again for `wait` seconds."""

    def __init__(self, code: str, wait: float = 0.0) -> None:
        super().__init__(code)
        self.code, self.wait = code, wait


class Listener:
    """One connection at a time, and for a moment two: the next one stands before an old one that Slack wants to end is
    closed, so that no press falls in between."""

    def __init__(
        self,
        account: Account,
        take: Callable[[Press], None],
        clock: Callable[[], datetime],
        patience: Patience | None = None,
    ) -> None:
        """`account` is that of the app-level token. `take` is given each press and must return at once."""
        self._account, self._take, self._clock = account, take, clock
        self._patience = patience or Patience()
        self._backoff = Backoff(self._patience)
        self._stopping = threading.Event()
        self._current: Connection | None = None
        self._renewed: Connection | None = None
        self._error = ""

    def run(self) -> None:
        """Listen until `stop`; nothing else ends it."""
        while not self._stopping.is_set():
            try:
                wait = self._listen()
            except NotConnectedError as failure:
                self._fail(failure.code)
                wait = max(failure.wait, self._backoff.after(0))
            except Exception as error:
                logger.exception("listening failed")
                self._fail(type(error).__name__)
                wait = self._backoff.after(0)
            self._wait(wait)
        self._close_renewed()
        self._note(error=state.NOT_RUNNING)

    def stop(self) -> None:
        """Make `run` return, within a few seconds. Safe from any thread."""
        self._stopping.set()
        if (current := self._current) is not None:
            current.end("stopped")

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._stopping.wait(min(left, self._patience.noted)):
            if self._error:
                self._note(error=self._error)

    def _listen(self) -> float:
        """Connect, stay for as long as it lasts, and say how many seconds to wait before the next time."""
        connection = self._current = self._connect()
        try:
            self._close_renewed()
            began = time.monotonic()
            self._stay(connection)
        finally:
            self._current = None
            if connection.why in RENEWED:
                self._renewed = connection
            else:
                connection.close()
        if self._stopping.is_set():
            return 0.0
        if connection.why not in RENEWED:
            self._fail(connection.why)
        wait = self._backoff.after(time.monotonic() - began)
        return self._patience.refused if connection.why == SWITCHED_OFF else wait

    def _connect(self) -> Connection:
        """A connection on which Slack has said hello. Raises NotConnectedError."""
        connection = Connection(self._account.token, self._ticket(), self._take, ping_seconds=self._patience.ping)
        if not connection.greeted.wait(self._patience.hello):
            connection.end("no_hello")
        if connection.over.is_set() and connection.why not in RENEWED:
            connection.close()
            raise NotConnectedError(connection.why)
        return connection

    def _ticket(self) -> str:
        """The address of the socket; good once, and a secret. Raises NotConnectedError."""
        answer = call(self._account, "apps.connections.open")
        reply = answer.reply
        if reply.verdict is not Verdict.SENT:
            later = reply.retry_after.total_seconds() if reply.retry_after else 0.0
            raise NotConnectedError(reply.code, self._patience.refused if reply.verdict is Verdict.GIVE_UP else later)
        url = answer.payload.get("url")
        if not isinstance(url, str) or not self._may_be(url):
            raise NotConnectedError("bad_answer")
        return url

    def _may_be(self, url: str) -> bool:
        """Whether it is a WebSocket, none without TLS where Slack itself is asked with it, and nowhere denied."""
        schemes = ("wss",) if self._account.base_url.startswith("https") else ("ws", "wss")
        try:
            refuse_host(url, deny_list())
            return urlsplit(url).scheme in schemes and bool(urlsplit(url).hostname)
        except (ValueError, DeniedError):
            return False

    def _stay(self, connection: Connection) -> None:
        """Until it is over, or silent for too long: what is behind a dead network never says that it is gone."""
        if self._stopping.is_set():  # before there was a connection to end
            connection.end("stopped")
        connected_at = self._clock()
        self._error = ""
        logger.info("listening to Slack")
        while True:
            self._note(connected_at=connected_at)
            if connection.over.wait(self._patience.ping):
                return
            if connection.silence > self._patience.silence:
                connection.end("silent")
                return

    def _fail(self, code: str) -> None:
        """Say why there is no connection, in the log once for as long as it stays so."""
        if code != self._error:
            logger.warning("not listening to Slack", extra={"reason": code})
        self._error = code
        self._note(error=code)

    def _note(self, *, connected_at: datetime | None = None, error: str = "") -> None:
        close_old_connections()
        state.note(self._clock(), connected_at=connected_at, error=error)

    def _close_renewed(self) -> None:
        if self._renewed is not None:
            self._renewed.close()
            self._renewed = None
