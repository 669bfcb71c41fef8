"""Sending a test message at once, and saying in words what became of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.contrib import messages
from django.utils.translation import gettext as _

from notifications import outbox, transports
from notifications.models import Channel
from notifications.transports.base import Verdict

LEVELS = {Verdict.SENT: messages.SUCCESS, Verdict.GIVE_UP: messages.ERROR}


def try_channel(channel_id: str, clock: Callable[[], datetime]) -> tuple[int, str]:
    """The level and the text of what to tell whoever asked. Blocks until the medium has answered, so never call it with
    a transaction open. Raises Channel.DoesNotExist."""
    try:
        _delivery, reply = outbox.send_test(channel_id, clock)
    except outbox.BusyError:
        return messages.WARNING, _("The channel takes no message at this moment. Nothing was sent: try again shortly.")
    level = LEVELS.get(reply.verdict, messages.WARNING)
    channel = Channel.objects.filter(pk=channel_id).first()  # it may be gone by now
    if reply.verdict is Verdict.SENT:
        return level, accepted(channel)
    explanation, again = transports.advice(channel, reply.code, reply.detail), _("The monitor tries again.")
    return level, explanation if reply.verdict is Verdict.GIVE_UP else f"{explanation} {again}"


def accepted(channel: Channel | None) -> str:
    medium = (transports.of(channel) if channel else transports.TRANSPORTS[0]).medium
    return _("%(medium)s accepted the message.") % {"medium": medium}
