"""Notices that the process is to end: streams have no end of their own, and the web server would wait for them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def on_signal(call: Callable[[], None]) -> None:
    """Have `call` run at the signal to end, before what the web server does then. Outside the main thread, where no
    signal is heard, it is for whoever started the thread to end it."""
    if threading.current_thread() is not threading.main_thread():
        return
    for signum in SIGNALS:
        signal.signal(signum, _both(call, signal.getsignal(signum)))


def _both(call: Callable[[], None], before: Any) -> Callable[[int, FrameType | None], None]:
    def handle(signum: int, frame: FrameType | None) -> None:
        call()
        if callable(before):
            before(signum, frame)

    return handle
