"""Answers to requests that Django is never asked about, in the shape that it would give them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.utils import translation

from healthcheck.errors import answer
from healthcheck.headers import Headers

Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class RefusedError(Exception):
    """Why a request is not worked on."""

    def __init__(self, status: HTTPStatus, code: str, detail: object, *, retry_after: int | None = None) -> None:
        """`detail` may be lazy: it is told in the language of the request."""
        super().__init__(code)
        self._status, self._code, self._detail = status, code, detail
        self._retry_after = retry_after

    async def answer(self, scope: dict[str, Any], send: Send) -> None:
        """Sends it, and lets the connection end: some of the body may be unread."""
        request = ASGIRequest(scope, BytesIO())
        with translation.override(translation.get_language_from_request(request)):
            response = answer(request, self._status, self._code, str(self._detail))
        if self._retry_after:
            response["Retry-After"] = str(self._retry_after)
        response["Content-Length"] = str(len(response.content))
        response["Connection"] = "close"
        Headers(lambda _: response)(request)
        headers = [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
        await send({"type": "http.response.start", "status": self._status.value, "headers": headers})
        await send({"type": "http.response.body", "body": response.content})
