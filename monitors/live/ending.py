"""Notices that the process is to end: streams have no end of their own, and the web server would wait for them."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def on_end(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """Have `call` run in `loop` at the signal to end, besides what the web server does then. Outside the main thread
    there are no signals to hear."""
    if threading.current_thread() is not threading.main_thread():
        return
    for signum in SIGNALS:
        signal.signal(signum, _both(loop, call, signal.getsignal(signum)))


def _both(loop: asyncio.AbstractEventLoop, call: Callable[[], None], before: Any) -> Callable[..., None]:
    def handle(signum: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(call)
        if callable(before):
            before(signum, frame)

    return handle
