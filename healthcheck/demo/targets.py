"""What the demonstration servers answer."""

from __future__ import annotations

import asyncio
import random
import time

from aiohttp import web

from healthcheck.demo.plan import Behaviour, Exhibit

STEADY_SECONDS, FAILING_SECONDS = 27.0, 23.0
FIRST_FAILURE_AFTER_SECONDS = 12.0
"""Long enough to be seen healthy first, short enough to be seen failing in the first minute."""
HANG_SECONDS = 60.0
SLOW_SECONDS = (0.2, 0.7)


def is_failing(elapsed: float) -> bool:
    """Whether the unsteady one fails, `elapsed` seconds after it started."""
    phase = (elapsed - FIRST_FAILURE_AFTER_SECONDS) % (STEADY_SECONDS + FAILING_SECONDS)
    return elapsed >= FIRST_FAILURE_AFTER_SECONDS and phase < FAILING_SECONDS


def application(exhibit: Exhibit) -> web.Application:
    """The web application of one exhibit, whatever the path."""
    began = time.monotonic()

    async def answer(request: web.Request) -> web.StreamResponse:
        match exhibit.behaviour:
            case Behaviour.SOCKETS:
                return await _talk(request)
            case Behaviour.SLOW:
                await asyncio.sleep(random.uniform(*SLOW_SECONDS))  # noqa: S311 - no secret
            case Behaviour.HANGING:
                await asyncio.sleep(HANG_SECONDS)
            case Behaviour.UNSTEADY if is_failing(time.monotonic() - began):
                return web.Response(status=503, text="out of order, on purpose\n")
        return web.Response(text=f"{exhibit.name} {exhibit.behaviour.value}\n")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app


async def _talk(request: web.Request) -> web.WebSocketResponse:
    """Repeats what it hears until the other side closes."""
    connection = web.WebSocketResponse(heartbeat=30)
    await connection.prepare(request)
    async for message in connection:
        if message.type is web.WSMsgType.TEXT:
            await connection.send_str(message.data)
    return connection
