"""Sending a test message at once, and saying in words what became of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.contrib import messages
from django.utils.translation import gettext as _

from notifications import outbox
from notifications.transports.slack import Verdict
from notifications.transports.slack.refusals import describe_refusal

LEVELS = {Verdict.SENT: messages.SUCCESS, Verdict.GIVE_UP: messages.ERROR}


def try_channel(channel_id: str, clock: Callable[[], datetime]) -> tuple[int, str]:
    """The level and the text of what to tell whoever asked. Blocks until Slack has answered, so never call it with a
    transaction open. Raises Channel.DoesNotExist."""
    try:
        _delivery, reply = outbox.send_test(channel_id, clock)
    except outbox.BusyError:
        return messages.WARNING, _("A channel takes one message a second. Nothing was sent: try again shortly.")
    level = LEVELS.get(reply.verdict, messages.WARNING)
    if reply.verdict is Verdict.SENT:
        return level, _("Slack accepted the message.")
    explanation = describe_refusal(reply.code, needed=reply.detail)
    return level, explanation if reply.verdict is Verdict.GIVE_UP else f"{explanation} {_('It is tried again.')}"
