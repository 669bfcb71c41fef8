"""`/healthz` and `/readyz`, answered before Django and its queue: whoever watches the monitor must not wait behind
those it is busy with. Neither needs a session, and neither names a server, a person or a secret."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from django.db import connections

from healthcheck import readiness
from healthcheck.admission import Application, Receive, Scope, Send

logger = logging.getLogger(__name__)

FRESH_SECONDS = 1.0
"""How long what was found is told again, however many ask."""
PATIENCE_SECONDS = 0.5
"""How long to wait for something newer than what is known."""
USABLE_SECONDS = 10.0
"""How old what is told may be while looking takes long."""
AHEAD_SECONDS = 5.0
"""How often it is looked ahead of the next question, so that what is known is usable when everything is busy."""
WATCHED_SECONDS = 60.0
"""How long after a question another one is expected."""
LONGEST_SECONDS = 5.0
"""How long to wait where nothing usable is known. Whatever does not answer by then does not work."""
Report = tuple[HTTPStatus, dict[str, Any]]


def look() -> Report:
    """What `/readyz` says, found by asking the database."""
    try:
        return readiness.report(readiness.checks())
    finally:
        connections.close_all()


class Lookout:
    """Looks in one thread of its own, once at a time and at most once a second."""

    def __init__(self, look: Callable[[], Report] = look) -> None:
        self._look = look
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="readiness")
        self._looking: asyncio.Future[Report] | None = None
        self._known: Report | None = None
        self._known_at = self._asked_at = 0.0

    async def report(self) -> Report:
        self._asked_at = asyncio.get_running_loop().time()
        age = self._age()
        if self._known and age < FRESH_SECONDS:
            return self._known
        usable = self._known and age < USABLE_SECONDS
        await asyncio.wait((self._begin(),), timeout=PATIENCE_SECONDS if usable else LONGEST_SECONDS)
        if self._known and self._age() < USABLE_SECONDS:
            return self._known
        return readiness.report(readiness.unknown())

    def _age(self) -> float:
        return asyncio.get_running_loop().time() - self._known_at

    def _begin(self) -> asyncio.Future[Report]:
        if self._looking is None:
            self._looking = asyncio.get_running_loop().run_in_executor(self._thread, self._look)
            self._looking.add_done_callback(self._note)
        return self._looking

    def _look_ahead(self) -> None:
        loop = asyncio.get_running_loop()
        if self._age() >= AHEAD_SECONDS and loop.time() - self._asked_at < WATCHED_SECONDS:
            self._begin()

    def _note(self, looked: asyncio.Future[Report]) -> None:
        self._looking = None
        if looked.cancelled():
            return
        if error := looked.exception():
            logger.error("readiness not found out", exc_info=error)
        else:
            loop = asyncio.get_running_loop()
            self._known, self._known_at = looked.result(), loop.time()
            loop.call_later(AHEAD_SECONDS, self._look_ahead)


class Alive:
    """An ASGI application that answers these two, and hands everything else on to `application`."""

    def __init__(self, application: Application, lookout: Lookout | None = None) -> None:
        self._application = application
        self._lookout = lookout or Lookout()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if path not in ("/healthz", "/readyz"):
            await self._application(scope, receive, send)
        elif scope["method"] not in ("GET", "HEAD"):
            await _send(send, HTTPStatus.METHOD_NOT_ALLOWED, b"", allow="GET, HEAD")
        else:
            status, body = (HTTPStatus.OK, {"status": "ok"}) if path == "/healthz" else await self._lookout.report()
            await _send(send, status, json.dumps(body).encode())


async def _send(send: Send, status: HTTPStatus, body: bytes, **headers: str) -> None:
    headers |= {"content-type": "application/json", "content-length": str(len(body)), "cache-control": "no-store"}
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status.value, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
