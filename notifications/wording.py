"""What is said in Slack: plain facts in, messages out. No models, no database, no network.

Every message says the same twice: in one line of `text` for notifications and screen readers, and in blocks. The state
is said in words; the coloured mark before them is only a help. Names are shown whole in the blocks and shortened in the
header and the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from monitors.wording import duration_words, failure_label, failure_words
from notifications.blocks import (
    Block,
    Message,
    clean,
    clip,
    facts,
    fitting,
    header,
    link,
    mrkdwn,
    note,
    section,
    slack_date,
)

DOWN, UP, NEUTRAL = "🔴", "🟢", "⚪"
SHORT = 80
"""Longest name in a header or a line of text, which hold other words too; and longest words for a failure."""
MAX_ENVIRONMENT = 20
NOBODY = "?"

ENDINGS: dict[str, tuple[Promise, Promise, Promise]] = {
    # reason of the transition: (in the header, by somebody, by nobody in particular)
    "paused": (
        gettext_lazy("monitoring paused"),
        gettext_lazy("Monitoring was paused by %(actor)s."),
        gettext_lazy("Monitoring was paused."),
    ),
    "edited": (
        gettext_lazy("monitoring changed"),
        gettext_lazy("What is monitored was changed by %(actor)s; the new address is watched from now on."),
        gettext_lazy("What is monitored was changed; the new address is watched from now on."),
    ),
    "deleted": (
        gettext_lazy("server deleted"),
        gettext_lazy("The server was deleted from the monitor by %(actor)s."),
        gettext_lazy("The server was deleted from the monitor."),
    ),
    "inconclusive": (
        gettext_lazy("state unknown"),
        gettext_lazy("The monitor cannot look at it any more."),
        gettext_lazy("The monitor cannot look at it any more."),
    ),
}
OTHER_ENDING = (
    gettext_lazy("no longer watched"),
    gettext_lazy("Watching it was ended by %(actor)s."),
    gettext_lazy("Watching it has ended."),
)


@dataclass(frozen=True, slots=True)
class Outage:
    """One outage of one server, with the names it had then. Instants are aware; texts need no escaping."""

    host_name: str
    environment: str
    address: str
    failure: str
    """A stored kind, see `monitors.wording`."""
    detail: str
    began_at: datetime
    """The first failed probe of the run."""
    confirmed_at: datetime
    """The probe that completed the run."""
    ended_at: datetime | None
    """The first success of the recovering run, or the moment at which watching ended."""
    acknowledged_by: str
    server_id: int
    link: str
    """Address of the server's page; empty for none."""


def failure_message(outage: Outage, *, possible_repeat: bool = False) -> Message:
    """The server has failed."""
    text = _("%(environment)s %(name)s is down: %(failure)s (since %(since)s)") % _escaped(outage)
    title = _("%(environment)s %(name)s is down") % _names(outage)
    return _message(DOWN, title, text, [_failure_facts(outage), _since(outage), *_link(outage)], possible_repeat)


def still_down_message(outage: Outage, *, possible_repeat: bool = False) -> Message:
    """The state of a server that was down already when this channel began to be told about it."""
    text = _("%(environment)s %(name)s is still down: %(failure)s (since %(since)s)") % _escaped(outage)
    title = _("%(environment)s %(name)s is still down") % _names(outage)
    why = note(_("Told now because alerts for this server have just been switched on."))
    return _message(DOWN, title, text, [_failure_facts(outage), _since(outage), why, *_link(outage)], possible_repeat)


def recovery_message(outage: Outage, *, possible_repeat: bool = False) -> Message:
    """The server works again."""
    lasted = _lasted(outage)
    text = _("%(environment)s %(name)s is up again after %(lasted)s (it was down since %(since)s: %(failure)s)") % {
        **_escaped(outage),
        "lasted": lasted,
    }
    title = _("%(environment)s %(name)s is up again") % _names(outage)
    previously = facts(
        [
            *_identity(outage),
            (_("Was down for"), lasted),
            (_("Previous error"), failure_label(outage.failure)),
            (_("Detail"), outage.detail),
        ]
    )
    return _message(UP, title, text, [previously, _since(outage), *_link(outage)], possible_repeat)


def ended_message(outage: Outage, reason: str, actor: str, *, possible_repeat: bool = False) -> Message:
    """The outage is not followed any further, without the server being known to work.

    `reason` is that of the transition (`paused`, `edited`, `deleted`, `inconclusive`); `actor` may be empty.
    """
    what, by_actor, by_nobody = ENDINGS.get(reason, OTHER_ENDING)
    cause = by_actor % {"actor": clean(actor, SHORT)} if clean(actor) else str(by_nobody)
    text = _("%(environment)s %(name)s was down (%(failure)s, since %(since)s). %(cause)s") % {
        **_escaped(outage),
        "cause": mrkdwn(cause),
    }
    title = _("%(environment)s %(name)s: %(what)s") % {**_names(outage), "what": what}
    details = facts(
        [
            *_identity(outage),
            (_("Was down for"), _lasted(outage)),
            (_("Last error"), failure_label(outage.failure)),
            (_("Detail"), outage.detail),
        ]
    )
    page = [] if reason == "deleted" else _link(outage)
    return _message(NEUTRAL, title, text, [note(cause), details, _since(outage), *page], possible_repeat)


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
    return _message(NEUTRAL, title, text % span, [section(text % span), advice], possible_repeat)


def test_message(channel_name: str, *, possible_repeat: bool = False) -> Message:  # noqa: PT028  (not a test)
    """Somebody wants to see that messages arrive."""
    name = clean(channel_name, SHORT) or NOBODY
    text = _("Test message for %(channel)s: alerts of the server health monitor arrive here.")
    title = _("Test message for %(channel)s") % {"channel": name}
    details = note(_("Alerts of the server health monitor arrive here. No server is down because of this message."))
    return _message(NEUTRAL, title, text % {"channel": mrkdwn(name)}, [details], possible_repeat)


def _message(mark: str, title: str, text: str, blocks: list[Block], possible_repeat: bool) -> Message:
    """`text` is escaped, `title` is not: a header is plain text."""
    if possible_repeat:
        text = _("%(text)s (possible repeat)") % {"text": text}
        blocks = [*blocks, note(_("Possible repeat: Slack did not confirm that an earlier attempt was shown."))]
    return fitting(f"{mark} {text}", [header(f"{mark} {title}"), *blocks])


def _names(outage: Outage) -> dict[str, str]:
    """For a header, which is not parsed."""
    return {
        "environment": clean(outage.environment, MAX_ENVIRONMENT) or NOBODY,
        "name": clean(outage.host_name, SHORT) or NOBODY,
    }


def _escaped(outage: Outage) -> dict[str, str]:
    """For a line of text, which is."""
    return {
        **{part: mrkdwn(value) for part, value in _names(outage).items()},
        "failure": mrkdwn(failure_words(outage.failure), SHORT),
        "since": slack_date(outage.began_at),
    }


def _identity(outage: Outage) -> list[tuple[str, str]]:
    return [
        (_("Server"), clean(outage.host_name) or NOBODY),
        (_("Environment"), outage.environment),
        (_("Address"), outage.address),
    ]


def _failure_facts(outage: Outage) -> Block:
    return facts(
        [
            *_identity(outage),
            (_("What failed"), failure_label(outage.failure)),
            (_("Detail"), outage.detail),
            (_("Acknowledged by"), outage.acknowledged_by),
        ]
    )


def _since(outage: Outage) -> Block:
    """When it began, and when it was certain or over."""
    lines = [_("*Down since* %(date)s") % {"date": slack_date(outage.began_at)}]
    if outage.ended_at is None:
        lines.append(_("*Confirmed* %(date)s") % {"date": slack_date(outage.confirmed_at)})
    else:
        lines.append(_("*Ended* %(date)s") % {"date": slack_date(outage.ended_at)})
    return section("\n".join(lines))


def _lasted(outage: Outage) -> str:
    return duration_words((outage.ended_at or outage.confirmed_at) - outage.began_at)


def _link(outage: Outage) -> list[Block]:
    return [link(outage.link, clip(_("Open the server's page"), SHORT))] if outage.link else []
