"""How many requests are worked on at once: each has a thread and a connection to the database of its own.

Without a limit, two hundred pages that ask at the same moment take every connection that a database has to give (MySQL:
151), and it is the probes that then cannot be recorded. Whoever waits here waits in order, and holds nothing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.utils.translation import gettext_lazy as _

from healthcheck.refusals import RefusedError

AT_ONCE = 32
"""More would not be faster, for threads share one processor; fewer might all wait for Slack."""
HASHES_AT_ONCE = 2
"""To check a password takes a processor for a third of a second, on purpose."""
MOST_WAIT_FOR_A_HASH = 32
RETRY_SECONDS = 30
NEVER_WAITS = "/healthz"
"""Whoever restarts a process that does not answer should not do so because many people look."""
HASHES = re.compile(r"login|password")
"""In a path that passwords are posted to."""
BUSY = _("Too many people are logging in. Try again shortly.")

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Places:
    """A number of places, given in the order in which they are asked for."""

    def __init__(self, number: int) -> None:
        self._free = asyncio.Semaphore(number)
        self.waiting = 0

    async def take(self, receive: Receive) -> bool:
        """Wait for a place. False, and none is taken, when whoever `receive` hears is gone first."""
        if not self._free.locked():
            return await self._free.acquire()
        turn = asyncio.ensure_future(self._free.acquire())
        gone = asyncio.ensure_future(_gone(receive))
        taken = False
        self.waiting += 1
        try:
            await asyncio.wait((turn, gone), return_when=asyncio.FIRST_COMPLETED)
            taken = turn.done()
            return taken
        finally:
            self.waiting -= 1
            gone.cancel()
            if not taken and not turn.cancel():  # it came while this was given up
                self.leave()

    def leave(self) -> None:
        self._free.release()


async def _gone(receive: Receive) -> None:
    """Returns once the sender of a request that has come whole is gone."""
    if (await receive())["type"] != "http.disconnect":
        await asyncio.Event().wait()


class Turn:
    """One request, which takes its places once it has arrived whole, and leaves them when its answer begins."""

    def __init__(self, wanted: Sequence[Places], receive: Receive, send: Send) -> None:
        self._wanted = list(wanted)
        self._taken: list[Places] = []
        self._receive, self._send = receive, send

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            while self._wanted:
                if not await self._wanted[0].take(self._receive):
                    return {"type": "http.disconnect"}
                self._taken.append(self._wanted.pop(0))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.leave()
        await self._send(message)

    def leave(self) -> None:
        while self._taken:
            self._taken.pop().leave()


class Admission:
    """An ASGI application that lets `application` work on at most `at_once` requests, and on few that hash passwords.

    A request counts from when it has arrived whole until its answer begins, so that neither a slow sender nor a slow
    reader nor a stream of events takes a place from others.
    """

    def __init__(self, application: Application, at_once: int = AT_ONCE) -> None:
        self._application = application
        self._places = Places(at_once)
        self._hashing = Places(HASHES_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == NEVER_WAITS:
            await self._application(scope, receive, send)
            return
        hashes = scope.get("method") == "POST" and HASHES.search(scope["path"])
        if hashes and self._hashing.waiting >= MOST_WAIT_FOR_A_HASH:
            refused = RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", BUSY, retry_after=RETRY_SECONDS)
            await refused.answer(scope, send)
            return
        turn = Turn([self._hashing, self._places] if hashes else [self._places], receive, send)
        try:
            await self._application(scope, turn.receive, turn.send)
        finally:
            turn.leave()
