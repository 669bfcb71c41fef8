"""What the notices of every matter are made of."""

from __future__ import annotations

from dataclasses import replace

from django.utils.translation import gettext as _

from notifications.notice import Fact, Line, Notice

SHORT = 80
"""Longest name in a title or a line of text, which hold other words too; and longest words for a failure."""
MAX_ENVIRONMENT = 20
NOBODY = "?"


def facts(*pairs: tuple[str, str]) -> tuple[Fact, ...]:
    return tuple(Fact(label, value) for label, value in pairs if value)


def repeated(notice: Notice, medium: str) -> Notice:
    """The notice of what may have arrived before; `medium` is the name of who did not confirm it."""
    sentence = _("Possible repeat: %(medium)s did not confirm that an earlier attempt was shown.")
    return replace(
        notice,
        line=Line(_("%(text)s (possible repeat)"), {"text": notice.line}),
        notes=(*notice.notes, sentence % {"medium": medium}),
        possible_repeat=True,
    )
