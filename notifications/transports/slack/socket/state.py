"""How the connection for buttons stands, kept where the other processes can read it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import Error, connection

from notifications.instants import is_ahead
from notifications.models import SlackSocket

logger = logging.getLogger(__name__)

FRESH = timedelta(minutes=2)
"""The process says more often than this that it lives."""
OFF = "off"
CONNECTED = "connected"
NOT_RUNNING = "not_running"


@dataclass(frozen=True, slots=True)
class Standing:
    """`code` is one of the three above, or why there is no connection: Slack's code, or one of ours."""

    code: str
    since: datetime | None = None
    """Of the connection."""

    @property
    def ok(self) -> bool:
        return self.code in (OFF, CONNECTED)


def standing(now: datetime) -> Standing:
    """Whether presses of buttons arrive. Off, without an app token, is fine: then there are no buttons."""
    if not settings.SLACK_APP_TOKEN:
        return Standing(OFF)
    row = SlackSocket.objects.first()
    if row is None or now - row.seen_at > FRESH or is_ahead(row.seen_at, now):
        return Standing(NOT_RUNNING)
    return Standing(CONNECTED, row.connected_at) if row.connected_at else Standing(row.error)


def note(now: datetime, *, connected_at: datetime | None = None, error: str = "") -> None:
    """Write down that the process lives, and since when it is connected or why it is not. Raises nothing that a
    database can cause: the connection is worth more than what is known of it."""
    facts = {"seen_at": now, "connected_at": connected_at, "error": error}
    try:
        SlackSocket.objects.update_or_create(pk=SlackSocket.THE_ONE, defaults=facts)
    except Error as failure:
        connection.close()
        logger.warning("state of the socket not stored", extra={"error": type(failure).__name__})
