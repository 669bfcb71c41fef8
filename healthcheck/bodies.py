"""Bodies of requests, read while they come and before anything else is asked: too much is refused as soon as it is too
much, whoever sent it and whatever it says of its size. Nothing of them is written to the disk."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from healthcheck.admission import Application, Message, Receive, Scope, Send
from healthcheck.errors import too_large
from healthcheck.refusals import RefusedError

BODY_SECONDS = 60.0
"""For the whole of a body, however large."""
FIRST_SECONDS = 10.0
SLOWEST = 16 * 1024
"""Bytes a second, after FIRST_SECONDS."""
SMALL = 64 * 1024
"""Bytes of each body that are not counted together with those of others: there is always room for a log-in."""
MOST_TOGETHER = 128 * 1024 * 1024
"""Bytes of all bodies at once."""
RETRY_SECONDS = 5
BUSY = _("Too many large requests at once. Try again shortly.")


class Body:
    """What has come of one."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0
        self.whole = self.gone = False

    @property
    def counted(self) -> int:
        """Bytes that are counted together with those of others."""
        return max(0, self.size - SMALL)

    def take(self, message: Message) -> None:
        if message["type"] == "http.disconnect":
            self.gone = True
            return
        part = message.get("body", b"")
        if part:
            self._parts.append(part)
        self.size += len(part)
        self.whole = not message.get("more_body", False)

    def before(self, receive: Receive) -> Receive:
        """What an application receives: the whole, once, then what `receive` has."""

        parts: list[bytes] | None = self._parts

        async def receiving() -> Message:
            nonlocal parts
            if parts is None:
                return await receive()
            body, parts = b"".join(parts), None
            self._parts.clear()
            return {"type": "http.request", "body": body, "more_body": False}

        return receiving


class Bodies:
    """An ASGI application that hands requests on to `application` once their bodies have come whole."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._together = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        announced = _announced(scope)
        if announced == 0:
            await self._application(scope, receive, send)
            return
        body = Body()
        try:
            _bound(announced)
            await self._read(body, receive)
            if body.whole:
                await self._application(scope, body.before(receive), send)
        except RefusedError as refused:
            await refused.answer(scope, send)
        finally:
            self._together -= body.counted

    async def _read(self, body: Body, receive: Receive) -> None:
        """Returns when `body` is whole, or its sender gone. Raises RefusedError."""
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(FIRST_SECONDS) as patience:
                while not (body.whole or body.gone):
                    message, before = await receive(), body.counted
                    body.take(message)
                    self._together += body.counted - before
                    _bound(body.size)
                    if body.counted and self._together > MOST_TOGETHER:
                        raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", BUSY, retry_after=RETRY_SECONDS)
                    patience.reschedule(began + min(BODY_SECONDS, FIRST_SECONDS + body.size / SLOWEST))
        except TimeoutError:
            raise RefusedError(HTTPStatus.REQUEST_TIMEOUT, "too_slow", _("The request came too slowly.")) from None


def _announced(scope: Scope) -> int | None:
    """Bytes of the body by its head; None when that does not say."""
    headers = dict(scope["headers"])
    if b"transfer-encoding" in headers:
        return None
    return int(headers.get(b"content-length", 0))


def _bound(size: int | None) -> None:
    if size is not None and size > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", too_large())
