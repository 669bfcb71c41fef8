"""Socket Mode: tickets for the app token, and a WebSocket that brings presses of buttons and takes acknowledgements.

After Slack's pages "Using Socket Mode", "apps.connections.open" and "block_actions payload".
"""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

OPEN = "apps.connections.open"
RESPONSE = "response"
"""In the ledger: what was posted to a response URL."""
WAIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Button:
    """What is pressed, by whom, in which message."""

    action: str
    value: str
    channel: str
    ts: str = "1700000000.000100"
    thread_ts: str = ""
    user: dict[str, str] = field(default_factory=lambda: {"id": "U0002", "username": "alice", "name": "alice"})


class Socket:
    """One side for the loop of the stand-in, the other for the thread of a test."""

    def __init__(self, run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        """`run` runs a coroutine in the stand-in's loop, from another thread."""
        self._run = run
        self.app_token = "xapp-stand-in"
        self.app_id = "A0000000001"
        self.silent = False
        """Takes everything and says nothing: no pong, no hello."""
        self.refusing = False
        """Answers 403 instead of a handshake."""
        self.elsewhere = ""
        """`ws://host:port` that tickets are for, instead of the stand-in."""
        self.connections = 0
        """That ever stood."""
        self.most_at_once = 0
        self.acknowledged: list[str] = []
        """Envelopes, in order."""
        self._tickets: set[str] = set()
        self._authority = ""
        self._live: list[tuple[web.WebSocketResponse, web.Request]] = []
        self._changed = threading.Condition()

    @property
    def live(self) -> int:
        return len(self._live)

    def press(self, button: Button, *, envelope_id: str = "", **changes: Any) -> str:
        """Send a press as Slack does; returns the id of its envelope. `changes` replace parts of the payload."""
        envelope_id = envelope_id or secrets.token_hex(8)
        payload = {**self.payload(button), **changes}
        self.send({"type": "interactive", "envelope_id": envelope_id, "payload": payload})
        return envelope_id

    def payload(self, button: Button) -> dict[str, Any]:
        message = {"type": "message", "bot_id": "B0001", "app_id": self.app_id, "user": "U0001", "ts": button.ts}
        if button.thread_ts:
            message["thread_ts"] = button.thread_ts
        pressed = {"type": "button", "block_id": "b", "action_id": button.action, "value": button.value}
        return {
            "type": "block_actions",
            "user": {**button.user, "team_id": "T0001"},
            "api_app_id": self.app_id,
            "token": "canary-of-the-verification",
            "container": {"type": "message", "message_ts": button.ts, "channel_id": button.channel},
            "trigger_id": "1.2.canary-of-the-trigger",
            "team": {"id": "T0001", "domain": "stand-in"},
            "channel": {"id": button.channel, "name": "alerts"},
            "message": {**message, "text": "down", "blocks": []},
            "response_url": f"http://{self._authority}/actions/T0001/1/canary-of-the-response",
            "actions": [{**pressed, "action_ts": f"{time.time():.6f}"}],
        }

    def send(self, message: dict[str, Any] | str | bytes) -> None:
        """Over the connection that was made last."""
        self._run(self._send(message))

    def babble(self) -> None:
        """Send what is no frame."""
        self._run(self._babble())

    def cut(self) -> None:
        """End every connection without a word; returns when they are gone."""
        ended = list(self._live)
        self._run(self._cut())
        self.wait_for(lambda: not any(pair in self._live for pair in ended))

    def close(self) -> None:
        """End every connection with a close frame; returns when they are gone."""
        ended = list(self._live)
        self._run(self._close())
        self.wait_for(lambda: not any(pair in self._live for pair in ended))

    def wait_for(self, what: Callable[[], Any], timeout: float = WAIT_SECONDS) -> None:
        """Until `what` holds; looked at when a connection comes or goes, and when something is acknowledged. Raises
        TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(what, timeout):
                raise TimeoutError(f"not within {timeout} s; {self.live} live of {self.connections} connections")

    def issue(self, port: int) -> dict[str, Any]:
        """The answer of `apps.connections.open`."""
        ticket = f"canary-of-the-ticket-{secrets.token_hex(8)}"
        self._tickets.add(ticket)
        self._authority = f"127.0.0.1:{port}"
        where = self.elsewhere or f"ws://{self._authority}"
        return {"ok": True, "url": f"{where}/link/?ticket={ticket}&app_id={self.app_id}"}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if self.refusing or ticket not in self._tickets:
            return web.Response(status=403, headers={"X-Reason": f"bad ticket {ticket}"}, text=f"bad ticket {ticket}")
        self._tickets.remove(ticket)  # good once
        session = web.WebSocketResponse(autoping=False)
        await session.prepare(request)
        if not self.silent:
            await session.send_json({"type": "hello", "num_connections": 1, "connection_info": {"app_id": self.app_id}})
        pair = (session, request)
        with self._changed:
            self._live.append(pair)
            self.connections += 1
            self.most_at_once = max(self.most_at_once, self.live)
            self._changed.notify_all()
        try:
            async for message in session:
                await self._take(session, message)
        finally:
            with self._changed:
                self._live.remove(pair)
                self._changed.notify_all()
        return session

    async def _take(self, session: web.WebSocketResponse, message: Any) -> None:
        if self.silent:
            return
        if message.type is WSMsgType.PING:
            await session.pong(message.data)
        elif message.type is WSMsgType.TEXT:
            with self._changed:
                self.acknowledged.append(json.loads(message.data)["envelope_id"])
                self._changed.notify_all()

    async def _send(self, message: dict[str, Any] | str | bytes) -> None:
        session = self._live[-1][0]
        if isinstance(message, bytes):
            await session.send_bytes(message)
        else:
            await session.send_str(message if isinstance(message, str) else json.dumps(message))

    async def _babble(self) -> None:
        if (transport := self._live[-1][1].transport) is not None:
            transport.write(b"\xf7\x05what?")

    async def _cut(self) -> None:
        for _, request in list(self._live):
            if request.transport is not None:
                request.transport.abort()

    async def _close(self) -> None:
        await asyncio.gather(*(session.close() for session, _ in self._live))
