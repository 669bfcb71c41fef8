"""How many requests are worked on at once: each has a thread and a connection to the database of its own.

Without a limit, two hundred pages that ask at the same moment take every connection that a database has to give (MySQL:
151), and it is the probes that then cannot be recorded. Whoever waits here waits in order, and holds nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

AT_ONCE = 32
"""More would not be faster, for threads share one processor; fewer might all wait for Slack."""
NEVER_WAITS = "/healthz"
"""Whoever restarts a process that does not answer should not do so because many people look."""

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Admission:
    """An ASGI application that lets `application` work on at most `at_once` requests.

    A request counts from when it has arrived whole until its answer begins, so that neither a slow sender nor a slow
    reader nor a stream of events takes a place from others.
    """

    def __init__(self, application: Application, at_once: int = AT_ONCE) -> None:
        self._application = application
        self._places = asyncio.Semaphore(at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == NEVER_WAITS:
            await self._application(scope, receive, send)
            return
        inside = False

        def leave() -> None:
            nonlocal inside
            if inside:
                inside = False
                self._places.release()

        async def receiving() -> Message:
            nonlocal inside
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                await self._places.acquire()
                inside = True
            return message

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                leave()
            await send(message)

        try:
            await self._application(scope, receiving, sending)
        finally:
            leave()
