"""Messages about the messages themselves."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from notifications.transports.slack.blocks import Message, clean, mrkdwn, note, section, slack_date
from notifications.wording.parts import NEUTRAL, NOBODY, SHORT, build


def expired_summary(count: int, oldest: datetime, newest: datetime, *, possible_repeat: bool = False) -> Message:
    """`count` changes from `oldest` to `newest` could not be told while they were news."""
    span = {"count": count, "oldest": slack_date(oldest), "newest": slack_date(newest)}
    text = ngettext(
        "%(count)d change of state between %(oldest)s and %(newest)s was not announced: "
        "it could not be sent while it was news.",
        "%(count)d changes of state between %(oldest)s and %(newest)s were not announced: "
        "they could not be sent while they were news.",
        count,
    )
    title = ngettext("%(count)d change was not announced", "%(count)d changes were not announced", count) % span
    advice = note(_("The dashboard shows how every server is now; nothing of this is sent again."))
    blocks = [section(text % span), advice]
    return build(NEUTRAL, title, text % span, blocks, possible_repeat=possible_repeat)


def test_message(channel_name: str, *, possible_repeat: bool = False) -> Message:  # noqa: PT028  (not a test)
    """Somebody wants to see that messages arrive."""
    name = clean(channel_name, SHORT) or NOBODY
    text = _("Test message for %(channel)s: alerts of the server health monitor arrive here.")
    title = _("Test message for %(channel)s") % {"channel": name}
    details = note(_("Alerts of the server health monitor arrive here. No server is down because of this message."))
    return build(NEUTRAL, title, text % {"channel": mrkdwn(name)}, [details], possible_repeat=possible_repeat)
