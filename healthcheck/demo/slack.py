"""The page that shows what Slack would have received, and as much of Slack's Web API as sending, changing and finding
a message and pressing its buttons takes."""

from __future__ import annotations

import html
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from healthcheck.demo.blocks import message_html
from healthcheck.demo.buttons import Buttons, ticket
from healthcheck.demo.plan import CHANNEL_ID, CHANNEL_NAME

ONLY_YOU = "only you see this"
KEPT = 200
"""Messages shown; older ones are forgotten."""
LONGEST_REQUEST = 1024 * 1024
FILES = {"/": "slack.html", "/slack.css": "slack.css", "/slack.js": "slack.js"}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of every answer: what is sent here is shown, and may come from anywhere."""
CHANNEL = {"id": CHANNEL_ID, "name": CHANNEL_NAME, "is_channel": True, "is_member": True, "num_members": 1}
SCOPES = (
    "channels:history,channels:join,channels:manage,channels:read,chat:write,chat:write.public,"
    "groups:history,groups:read,groups:write"
)
"""All that the monitor asks for: a demonstration begins without a warning about its own Slack."""
MANAGING = ("conversations.archive", "conversations.create", "conversations.rename")
Fields = dict[str, Any]


class RefusedError(Exception):
    """With Slack's code."""


class Conversation:
    """The messages of the demonstration channel by their timestamps, oldest first. Kept in memory: a restart begins
    with an empty page."""

    def __init__(self) -> None:
        self.messages: dict[str, Fields] = {}
        self._last = 0

    def post(self, sent: Fields) -> Fields:
        if (thread := sent.get("thread_ts")) and thread not in self.messages:
            raise RefusedError("message_not_found")
        self._last = max(self._last + 1, time.time_ns() // 1000)
        posted = {**sent, "type": "message", "ts": f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"}
        self.messages[posted["ts"]] = posted
        while len(self.messages) > KEPT:
            del self.messages[next(iter(self.messages))]
        return {"channel": CHANNEL_ID, "ts": posted["ts"], "message": posted}

    def update(self, sent: Fields) -> Fields:
        message = self.messages.get(str(sent.get("ts")))
        if message is None:
            raise RefusedError("message_not_found")
        message |= {name: sent[name] for name in ("text", "blocks", "metadata") if name in sent} | {"edited": True}
        return {"channel": CHANNEL_ID, "ts": message["ts"], "text": message.get("text", "")}

    def history(self, asked: Fields) -> Fields:
        shown = [m for m in self.messages.values() if not m.get("thread_ts") or m.get("reply_broadcast")]
        return _since(asked, reversed(shown))

    def replies(self, asked: Fields) -> Fields:
        thread = asked.get("ts")
        found = [m for m in self.messages.values() if thread in (m["ts"], m.get("thread_ts"))]
        if not found:
            raise RefusedError("thread_not_found")
        return _since(asked, found)

    def as_html(self) -> str:
        """Newest first, answers beneath what they answer."""
        answers: dict[str, list[Fields]] = {}
        top = []
        for message in self.messages.values():
            if (thread := message.get("thread_ts")) in self.messages:
                answers.setdefault(str(thread), []).append(message)
            else:
                top.append(message)
        if not top:
            return '<p class="empty">No message yet. The first one comes when a server has failed twice in a row.</p>'
        return "\n".join(_article(message, answers.get(message["ts"], ())) for message in reversed(top))


def _since(asked: Fields, messages: Any) -> Fields:
    oldest = float(asked.get("oldest") or 0)
    return {"messages": [message for message in messages if float(message["ts"]) > oldest], "has_more": False}


def _article(message: Fields, answers: Any = ()) -> str:
    moment = datetime.fromtimestamp(float(message["ts"]), UTC).isoformat(timespec="seconds")
    channel = str(message.get("channel", ""))
    shown = f"#{CHANNEL_NAME}" if channel == CHANNEL_ID else channel
    place = f"in the thread, also sent to {shown}" if message.get("reply_broadcast") else shown
    edited = " <span>(edited)</span>" if message.get("edited") else ""
    thread = "\n".join(map(_article, answers))
    return (
        f'<article data-ts="{message["ts"]}"><header><b>Server health monitor</b> '
        f'<span>{html.escape(place)}</span>{edited} <time datetime="{moment}">{moment}</time></header>'
        f"{message_html(message)}{f'<section>{thread}</section>' if thread else ''}</article>"
    )


def application() -> web.Application:
    conversation, buttons = Conversation(), Buttons()

    async def file(request: web.Request) -> web.FileResponse:
        return web.FileResponse(Path(__file__).parent / FILES[request.path])

    async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(HEADERS)

    async def messages(_: web.Request) -> web.Response:
        return web.Response(text=conversation.as_html(), content_type="text/html")

    async def method(request: web.Request) -> web.Response:
        name = request.match_info["method"]
        if name == "apps.connections.open":
            return web.json_response(ticket(request.host))
        answer = _answer(name, await _arguments(request), conversation)
        return web.json_response(answer, headers={"X-OAuth-Scopes": SCOPES})

    async def hook(request: web.Request) -> web.Response:
        conversation.post(await _arguments(request))
        return web.Response(text="ok")

    async def response(request: web.Request) -> web.Response:
        thread = request.match_info["ts"]
        known = {"thread_ts": thread} if thread in conversation.messages else {}
        conversation.post({"text": (await _arguments(request)).get("text"), "channel": ONLY_YOU, **known})
        return web.Response(text="ok")

    app = web.Application(client_max_size=LONGEST_REQUEST)
    app.router.add_routes([web.get(path, file) for path in FILES])
    app.router.add_get("/messages", messages)
    app.router.add_post("/api/{method}", method)
    app.router.add_post("/services/{path:.*}", hook)
    app.router.add_post("/actions/{ts}", response)
    app.router.add_get("/link", buttons.serve)
    app.router.add_post("/press", buttons.press)
    app.on_response_prepare.append(add_headers)
    app.on_shutdown.append(buttons.end)
    return app


async def _arguments(request: web.Request) -> Fields:
    """What the caller sent, as JSON or as a form, in which nested values are JSON texts."""
    if request.content_type == "application/json":
        sent = json.loads(await request.text() or "{}")  # a method without arguments has no body
        return sent if isinstance(sent, dict) else {}
    form: Fields = dict(await request.post())
    for name in ("blocks", "attachments", "metadata"):
        if isinstance(form.get(name), str):
            form[name] = json.loads(form[name])
    return form


def _answer(name: str, arguments: Fields, conversation: Conversation) -> Fields:
    methods: dict[str, Callable[[Fields], Fields]] = {
        "chat.postMessage": conversation.post,
        "chat.update": conversation.update,
        "conversations.history": conversation.history,
        "conversations.info": lambda _: {"channel": CHANNEL},
        "conversations.join": lambda _: {"channel": CHANNEL},
        "conversations.replies": conversation.replies,
    }
    match name:
        case "auth.test":
            return {"ok": True, "team": "Demonstration", "team_id": "T0DEMO", "user": "monitor", "user_id": "U0DEMO"}
        case "conversations.list":
            return {"ok": True, "channels": [CHANNEL], "response_metadata": {"next_cursor": ""}}
        case _ if name in MANAGING:  # there is the one channel, which the demonstration needs as it is
            return {"ok": False, "error": "restricted_action"}
        case _ if name not in methods:
            return {"ok": False, "error": "unknown_method"}
    if arguments.get("channel") != CHANNEL_ID:
        return {"ok": False, "error": "channel_not_found"}
    try:
        return {"ok": True, **methods[name](arguments)}
    except RefusedError as refused:
        return {"ok": False, "error": str(refused)}
