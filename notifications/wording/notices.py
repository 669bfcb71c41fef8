"""Notices about the messages themselves."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from notifications.notice import Instant, Line, Notice, clean
from notifications.wording.parts import NOBODY, SHORT


def expired_notice(count: int, oldest: datetime, newest: datetime) -> Notice:
    """`count` changes from `oldest` to `newest` could not be told while they were news."""
    text = ngettext(
        "%(count)d change of state between %(oldest)s and %(newest)s was not announced: "
        "it could not be sent while it was news.",
        "%(count)d changes of state between %(oldest)s and %(newest)s were not announced: "
        "they could not be sent while they were news.",
        count,
    )
    title = ngettext("%(count)d change was not announced", "%(count)d changes were not announced", count)
    return Notice(
        title=title % {"count": count},
        line=Line(text, {"count": count, "oldest": oldest, "newest": newest}),
        instants=(Instant(_("First change"), oldest), Instant(_("Last change"), newest)),
        notes=(_("The dashboard shows how every server is now; nothing of this is sent again."),),
    )


def test_notice(channel_name: str) -> Notice:
    """Somebody wants to see that messages arrive."""
    name = {"channel": clean(channel_name, SHORT) or NOBODY}
    return Notice(
        title=_("Test message for %(channel)s") % name,
        line=Line(_("Test message for %(channel)s: alerts of the server health monitor arrive here."), name),
        notes=(_("Alerts of the server health monitor arrive here. No server is down because of this message."),),
    )
