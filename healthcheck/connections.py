"""The connections of the web process: bounded in time, number and work, so that those which say nothing delay nobody.

uvicorn has no options for any of this; its protocol class is extended (`--http healthcheck.connections:Connection`).
"""

from __future__ import annotations

import asyncio
import resource
from contextlib import suppress
from functools import cache
from typing import Any

import h11
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
"""For the whole head of a request, from the first byte of the connection or of a later request on it."""
STUCK_SECONDS = 30.0
"""How long an answer may wait for a reader that takes none of it."""
LINGER_SECONDS = 2.0
"""How long what is still being sent is thrown away, so that the sender comes to read the answer (RFC 9112, 9.6)."""
LINGER_BYTES = 1024 * 1024
MOST_HEADERS = 200
SMALL_PIECES = 1_000
SMALLEST_PIECE = 256
"""Bytes: the average of the pieces of a body, after the first SMALL_PIECES. Each costs as much as a large one."""
MOST_CONNECTIONS = 4_096
KEPT_DESCRIPTORS = 512
"""For the database, Redis, files and what libraries open."""
TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


@cache
def most_connections() -> int:
    """How many this process takes at once. Raises its soft limit of open files (Debian: 1,024) to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems refuse their own "unlimited"
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (
        MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, max(64, soft - KEPT_DESCRIPTORS))
    )


class Parser(h11.Connection):
    """Refuses a request whose headers are too many, or whose body comes in crumbs: parsing them holds up everybody."""

    def __init__(self, largest_head: int) -> None:
        super().__init__(h11.SERVER, largest_head)
        self._pieces = self._bytes = 0

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._pieces = self._bytes = 0
            if len(event.headers) > MOST_HEADERS:
                raise h11.RemoteProtocolError("too many headers", error_status_hint=431)
        elif isinstance(event, h11.Data):
            self._pieces += 1
            self._bytes += len(event.data)
            if self._pieces > SMALL_PIECES + self._bytes // SMALLEST_PIECE:
                raise h11.RemoteProtocolError("a body in crumbs")
        return event


class Transport:
    """What the protocol writes to. To close it is for the connection, which may have to linger."""

    def __init__(self, transport: asyncio.Transport, connection: Connection) -> None:
        self._transport = transport
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def close(self) -> None:
        self._connection.finish()

    def is_closing(self) -> bool:
        return self._connection.finishing or self._transport.is_closing()


class Connection(H11Protocol):
    """uvicorn's connection, which is closed when the head of a request does not come, when nobody reads the answer, and
    when there are too many: then those that have waited longest for a request go."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn = Parser(self.config.h11_max_incomplete_event_size or HIGH_WATER_LIMIT)
        self.finishing = False
        self.idle_since = self.loop.time()
        self._discarded = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None
        self._socket: asyncio.Transport

    @property
    def idle(self) -> bool:
        """Whether no request has come whole enough to be worked on."""
        return self.conn.their_state is h11.IDLE and not self.finishing

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._socket = transport
        super().connection_made(Transport(transport, self))  # type: ignore[arg-type]
        self._await_head()
        if len(self.connections) > most_connections():
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self.finishing = True
        self._set_deadline(None)
        self.resume_writing()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        if self.finishing:
            self._discard(len(data))
            return
        super().data_received(data)
        self._watch_head()

    def on_response_complete(self) -> None:
        if self.conn.their_state is h11.SEND_BODY:  # nobody wanted the rest of the body, and nobody will read it
            self.finish()
        self.idle_since = self.loop.time()
        super().on_response_complete()
        if self.idle and self.conn.trailing_data[0]:  # the next head has begun
            self._await_head()

    def finish(self) -> None:
        """Close once everything is written. Where the other side is still sending, what comes is thrown away for a
        moment: closing at once would take the answer from it."""
        if self.finishing:
            return
        self.finishing = True
        if self.conn.their_state in (h11.SEND_BODY, h11.ERROR) and self._socket.can_write_eof():
            self._socket.write_eof()
            self.flow.resume_reading()
            self._set_deadline(LINGER_SECONDS)
        else:
            self._socket.close()
            self._set_deadline(STUCK_SECONDS)

    def send_400_response(self, msg: str) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.finish()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stuck = self._stuck or self.loop.call_later(STUCK_SECONDS, self._abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stuck:
            self._stuck.cancel()
            self._stuck = None

    def _should_upgrade(self) -> bool:
        """There are no WebSockets here. A request for one is answered as if it had not asked (RFC 9110, 7.8)."""
        return False

    def _watch_head(self) -> None:
        """After something came: the deadline holds until the head is whole."""
        if self.idle:
            if self._deadline is None:
                self._await_head()
        elif not self.finishing:
            self._set_deadline(None)

    def _await_head(self) -> None:
        self.idle_since = self.loop.time()
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def _head_is_late(self) -> None:
        self._deadline = None
        if not self.idle:
            return
        if self.conn.trailing_data[0]:
            self._socket.write(TIMED_OUT)
        self.finish()

    def _set_deadline(self, seconds: float | None) -> None:
        """When the connection ends at the latest; None for whenever it likes."""
        if self._deadline:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._abort)

    def _make_room(self) -> None:
        """Cut off a tenth of those without a request, those first that have waited longest; or else this one."""
        idle = sorted((one for one in self.connections if one.idle), key=lambda one: one.idle_since)  # type: ignore[union-attr]
        for one in idle[: 1 + len(idle) // 10]:
            one._abort()  # type: ignore[union-attr]

    def _abort(self) -> None:
        self.finishing = True
        self._socket.abort()

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > LINGER_BYTES:
            self._abort()
