"""One connection of Socket Mode, from its ticket to its end."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import websocket
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.socket_mode.websocket_client import SocketModeClient

from notifications.transports.slack.socket.envelopes import (
    Press,
    UnusableError,
    app_id_of,
    envelope_id_of,
    kind_of,
    read_envelope,
    read_press,
    reason_of,
)

logger = logging.getLogger(__name__)

logging.getLogger("websocket").addFilter(lambda _record: False)
"""It logs what it reads and sends, headers, tickets and bodies included. What matters is logged here."""

MAX_CODE = 50
ANSWER_SECONDS = 10.0
"""For the handshake, and for the rest of a frame that has begun. Without it websocket-client waits for ever."""


class Connection(SocketModeClient):
    """slack_sdk's client for exactly one connection. It ends; whoever made it makes the next one.

    Of slack_sdk's own ways to go on (3.47), none can be used:
    - when a session ends, the client runs the same one again every half second, with a ticket that is used up;
    - it asks for new tickets every ten seconds without ever slowing down, sleeps through Retry-After where nothing
      can wake it, and on Slack's `disconnect` opens a second connection while the end of the first one opens a third;
    - it pings, but never misses a pong, so that a connection whose other side is gone lasts until TCP gives up;
    - what it cannot parse it logs with its text.
    So it runs a session once, reconnects nothing, and hands every message to `enqueue_message` below, which answers it
    in the thread that reads: an acknowledgement waits for no queue.
    """

    def __init__(self, token: str, url: str, take: Callable[[Press], None], *, ping_seconds: float) -> None:
        """Connects at once; `greeted` is set when Slack has said hello. `url` carries a ticket: a secret. `take` is
        given each press, when it has been acknowledged, and must return at once."""
        self.greeted = threading.Event()
        """Also set when the connection ends, so that nobody waits for it."""
        self.over = threading.Event()
        """Nothing more is expected of it: it has ended, or Slack wants it to."""
        self.why = ""
        self._app_id = ""
        self._peer: Any = None
        self._take = take
        self._ending = threading.Lock()
        self._prepared, self._done = threading.Event(), threading.Event()
        self._heard_at = time.monotonic()
        self._dropped: set[str] = set()
        websocket.setdefaulttimeout(ANSWER_SECONDS)
        silent = logging.Logger("slack", logging.CRITICAL + 1)  # noqa: LOG001  (no configuration reaches it)
        super().__init__(
            app_token=token,
            logger=silent,
            auto_reconnect_enabled=False,
            ping_interval=ping_seconds,
            concurrency=1,
            on_open_listeners=[self._remember_peer],
            on_error_listeners=[lambda _session, error: self.end(_code_of(error))],
        )
        self.wss_uri = url
        try:
            self.connect()
        finally:
            self._prepared.set()
        self._session = cast(Any, self.current_session)
        self._session.on_ping = self._session.on_pong = self._hear

    @property
    def silence(self) -> float:
        """Seconds since anything came. Slack answers every ping."""
        return time.monotonic() - self._heard_at

    def end(self, why: str) -> None:
        """Note why it is over; what is said first counts. Safe from any thread, and closes nothing."""
        with self._ending:
            if not self.over.is_set():
                self.why = why
                self.over.set()
                self.greeted.set()

    def close(self) -> None:
        """End every thread of it. Takes up to a few seconds."""
        self.end("closed by us")
        self._session.keep_running = False
        peer: Any = self._peer or self._session.sock
        if peer is not None and (raw := peer.sock) is not None:
            with suppress(OSError, websocket.WebSocketException):
                peer.send_close()
            with suppress(OSError):  # wakes the thread that reads; SSLSocket's own shutdown() would trip it
                socket.socket.shutdown(raw, socket.SHUT_RDWR)
        runner: Any = self.current_session_runner
        runner.shutdown()  # waits for that thread
        self._done.set()
        super().close()
        if peer is not None:
            peer.shutdown()  # websocket-client forgets to close a socket over which close frames went

    def _remember_peer(self, session: websocket.WebSocketApp) -> None:
        self._peer = session.sock

    def _run_current_session(self) -> None:
        """Runs in a thread of slack_sdk's, which was started before there was a session."""
        self._prepared.wait()
        if self.current_session is None:
            return
        try:
            self.current_session.run_forever(ping_interval=self.ping_interval)
        finally:
            self.current_session_runner.event.set()
            self.end("closed")

    def process_messages(self) -> None:
        """Nothing is ever queued: slack_sdk's thread, which would look every second, waits for the end."""
        self._done.wait()

    def _hear(self, *_: Any) -> None:
        self._heard_at = time.monotonic()

    def enqueue_message(self, message: str | bytes) -> None:
        self._hear()
        try:
            self._read(message)
        except UnusableError as reason:
            self._drop(str(reason))

    def _read(self, message: str | bytes) -> None:
        envelope = read_envelope(message)
        match kind_of(envelope):
            case "hello":
                self._app_id = app_id_of(envelope)
                self.greeted.set()
            case "disconnect":
                self.end(reason_of(envelope))
            case kind:
                if envelope_id := envelope_id_of(envelope):
                    self._acknowledge(envelope_id)
                if kind != "interactive":
                    raise UnusableError("not for us")
                self._take(read_press(envelope, self._app_id))

    def _acknowledge(self, envelope_id: str) -> None:
        """Slack shows an error to who pressed unless it hears of it within three seconds."""
        try:
            self.send_socket_mode_response(SocketModeResponse(envelope_id))
        except (OSError, websocket.WebSocketException) as error:  # Slack repeats what is not acknowledged
            logger.warning("press not acknowledged", extra={"error": type(error).__name__})

    def _drop(self, reason: str) -> None:
        """Log each reason once: whatever sends this may go on."""
        if reason not in self._dropped:
            self._dropped.add(reason)
            logger.warning("message of the socket dropped", extra={"reason": reason})


def _code_of(error: Exception) -> str:
    """Why a session ended. The texts of these errors hold headers and bodies."""
    match error:
        case websocket.WebSocketBadStatusException():
            return f"http_{error.status_code}"
        case websocket.WebSocketConnectionClosedException():
            return "closed"
        case websocket.WebSocketTimeoutException() | TimeoutError():
            return "timeout"
        case OSError():
            return "connection_error"
    return type(error).__name__[:MAX_CODE]
