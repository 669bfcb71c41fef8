"""What the messages of every matter are made of."""

from __future__ import annotations

from django.utils.translation import gettext as _

from notifications.transports.slack.blocks import Block, Message, fitting, header, note

DOWN, UP, NEUTRAL = "🔴", "🟢", "⚪"
SHORT = 80
"""Longest name in a header or a line of text, which hold other words too; and longest words for a failure."""
MAX_ENVIRONMENT = 20
NOBODY = "?"


def build(mark: str, title: str, text: str, blocks: list[Block], *, possible_repeat: bool = False) -> Message:
    """`text` is escaped, `title` is not: a header is plain text."""
    if possible_repeat:
        text = _("%(text)s (possible repeat)") % {"text": text}
        blocks = [*blocks, note(_("Possible repeat: Slack did not confirm that an earlier attempt was shown."))]
    return fitting(f"{mark} {text}", [header(f"{mark} {title}"), *blocks])
