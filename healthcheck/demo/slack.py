"""The page that shows what Slack would have received, and as much of Slack's Web API as sending a message takes."""

from __future__ import annotations

import html
import json
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from healthcheck.demo.blocks import message_html
from healthcheck.demo.plan import CHANNEL_ID, CHANNEL_NAME

KEPT = 200
"""Messages shown; older ones are forgotten."""
LONGEST_REQUEST = 1024 * 1024
PAGE = (Path(__file__).parent / "slack.html").read_text()


class Conversation:
    """The messages of the demonstration channel, newest first. Kept in memory: a restart begins with an empty page."""

    def __init__(self) -> None:
        self.messages: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._posted = 0

    def post(self, message: dict[str, Any]) -> dict[str, Any]:
        self._posted += 1
        posted = {**message, "type": "message", "ts": f"{time.time():.0f}.{self._posted:06d}"}
        self.messages.appendleft(posted)
        return posted

    def as_html(self) -> str:
        if not self.messages:
            return '<p class="empty">No message yet. The first one comes when a server has failed twice in a row.</p>'
        return "\n".join(map(_article, self.messages))


def _article(message: dict[str, Any]) -> str:
    moment = datetime.fromtimestamp(float(message["ts"].split(".")[0]), UTC).isoformat()
    channel = str(message.get("channel", ""))
    shown = f"#{CHANNEL_NAME}" if channel == CHANNEL_ID else channel
    return (
        f"<article><header><b>Server health monitor</b> <span>{html.escape(shown)}</span> "
        f'<time datetime="{moment}">{moment}</time></header>{message_html(message)}</article>'
    )


def application() -> web.Application:
    conversation = Conversation()

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def messages(_: web.Request) -> web.Response:
        return web.Response(text=conversation.as_html(), content_type="text/html")

    async def method(request: web.Request) -> web.Response:
        return web.json_response(_answer(request.match_info["method"], await _arguments(request), conversation))

    async def hook(request: web.Request) -> web.Response:
        conversation.post(await _arguments(request))
        return web.Response(text="ok")

    app = web.Application(client_max_size=LONGEST_REQUEST)
    app.router.add_get("/", page)
    app.router.add_get("/messages", messages)
    app.router.add_post("/api/{method}", method)
    app.router.add_post("/services/{path:.*}", hook)
    return app


async def _arguments(request: web.Request) -> dict[str, Any]:
    """What the caller sent, as JSON or as a form, in which nested values are JSON texts."""
    if request.content_type == "application/json":
        sent = await request.json()
        return sent if isinstance(sent, dict) else {}
    form: dict[str, Any] = dict(await request.post())
    for name in ("blocks", "attachments", "metadata"):
        if isinstance(form.get(name), str):
            form[name] = json.loads(form[name])
    return form


def _answer(name: str, arguments: dict[str, Any], conversation: Conversation) -> dict[str, Any]:
    match name:
        case "auth.test":
            return {"ok": True, "team": "Demonstration", "team_id": "T0DEMO", "user": "monitor", "user_id": "U0DEMO"}
        case "chat.postMessage":
            if arguments.get("channel") != CHANNEL_ID:
                return {"ok": False, "error": "channel_not_found"}
            posted = conversation.post(arguments)
            return {"ok": True, "channel": CHANNEL_ID, "ts": posted["ts"], "message": posted}
        case "conversations.list":
            channel = {"id": CHANNEL_ID, "name": CHANNEL_NAME, "is_channel": True, "is_member": True}
            return {"ok": True, "channels": [channel], "response_metadata": {"next_cursor": ""}}
        case "conversations.history":
            return {"ok": True, "messages": list(conversation.messages), "has_more": False}
        case _:
            return {"ok": False, "error": "unknown_method"}
