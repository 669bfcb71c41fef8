"""A bell that rings in a moment: lossy, and no worker waits for it.

The ticks come once a second, and so does a channel's turn: a tick that comes a hair too early leaves the channel
waiting for the next one, and half of what Slack takes would be sent. Whoever has sent rings again when the turn comes;
should that be lost with the process or the broker, the next tick makes certain.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)


def ring_in(seconds: float, ring: Callable[[], object]) -> None:
    """Call `ring` after so many seconds, in a thread of its own; what it raises is logged."""
    timer = threading.Timer(seconds, _ring, [ring])
    timer.daemon = True
    timer.start()


def _ring(ring: Callable[[], object]) -> None:
    try:
        ring()
    except Exception as error:
        logger.warning("bell not rung", exc_info=error)
