"""As much of Slack's Socket Mode as the buttons of a message take."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from healthcheck.demo.plan import CHANNEL_ID

APP_ID = "A0DEMO"
PRESSER = "you"


class Buttons:
    """The connections that stand, and what a press on the page sends over the latest of them."""

    def __init__(self) -> None:
        self._sockets: list[web.WebSocketResponse] = []

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "connection_info": {"app_id": APP_ID}})
        self._sockets.append(socket)
        try:
            async for _acknowledgement in socket:
                pass
        finally:
            self._sockets.remove(socket)
        return socket

    async def press(self, request: web.Request) -> web.Response:
        """From the page alone: no other page may send JSON here."""
        if request.content_type != "application/json":
            return web.Response(status=415)
        pressed = await request.json()
        if not isinstance(pressed, dict) or not self._sockets:
            return web.Response(status=503)
        await self._sockets[-1].send_json(
            {"type": "interactive", "envelope_id": secrets.token_hex(8), "payload": _payload(pressed, request.host)}
        )
        return web.Response(status=204)

    async def end(self, _app: web.Application) -> None:
        for socket in list(self._sockets):
            await socket.close()


def ticket(host: str) -> dict[str, Any]:
    """The answer of `apps.connections.open`."""
    return {"ok": True, "url": f"ws://{host}/link"}


def _payload(pressed: dict[str, Any], host: str) -> dict[str, Any]:
    """As on Slack's page "block_actions payload"."""
    ts = str(pressed.get("ts", ""))
    return {
        "type": "block_actions",
        "api_app_id": APP_ID,
        "user": {"id": "U1DEMO", "name": PRESSER},
        "channel": {"id": CHANNEL_ID},
        "message": {"bot_id": "B0DEMO", "app_id": APP_ID, "ts": ts},
        "response_url": f"http://{host}/actions/{ts}",
        "actions": [{"action_id": str(pressed.get("action", "")), "value": str(pressed.get("value", ""))}],
    }
