"""One outage of one server: that it began, goes on, is over.

In a channel of the bot the message that told of a failure lives: it is edited until the outage is over. The end is told
by a message of its own too, for nobody is notified of an edit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitors.wording import detail_words, duration_words, failure_label, failure_words
from notifications.transports.slack.blocks import (
    Block,
    Message,
    actions,
    button,
    clean,
    clip,
    facts,
    link,
    mrkdwn,
    note,
    section,
    slack_date,
)
from notifications.wording.parts import DOWN, MAX_ENVIRONMENT, NEUTRAL, NOBODY, SHORT, UP, build

RECOVERED = "outcomes"
"""The reason of a transition by which a server works again."""
ACKNOWLEDGE, PROBE = "acknowledge", "probe"
"""What the buttons are called in what Slack sends back when somebody presses them."""
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

    incident_id: int
    server_id: int
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
    end_reason: str
    """Of the transition that ended it; empty while it lasts."""
    acknowledged_by: str
    link: str
    """Address of the server's page; empty for none."""


def failure_message(
    outage: Outage, *, buttons: bool = False, storm: str | None = None, possible_repeat: bool = False
) -> Message:
    """The server has failed. `storm`: the address of another message of the channel, which tells what becomes of it;
    empty where that is not known, None where there is no such message."""
    text = _("%(environment)s %(name)s is down: %(failure)s (since %(since)s)") % _escaped(outage)
    title = _("%(environment)s %(name)s is down") % _names(outage)
    blocks = [_failure_facts(outage), _span(outage), *_storm(storm), *_link(outage), *_buttons(outage, buttons)]
    return build(DOWN, title, text, blocks, possible_repeat=possible_repeat)


def still_down_message(
    outage: Outage, *, buttons: bool = False, storm: str | None = None, possible_repeat: bool = False
) -> Message:
    """The state of a server that was down already when this channel began to be told about it."""
    text = _("%(environment)s %(name)s is still down: %(failure)s (since %(since)s)") % _escaped(outage)
    title = _("%(environment)s %(name)s is still down") % _names(outage)
    why = note(_("Told now because alerts for this server have just been switched on."))
    blocks = [_failure_facts(outage), _span(outage), why, *_storm(storm)]
    blocks += [*_link(outage), *_buttons(outage, buttons)]
    return build(DOWN, title, text, blocks, possible_repeat=possible_repeat)


def over_message(outage: Outage, *, possible_repeat: bool = False) -> Message:
    """What a message that told of the failure becomes when the outage has ended: that, and the facts in short."""
    title = _("%(environment)s %(name)s was down for %(lasted)s") % {**_names(outage), "lasted": _lasted(outage)}
    short = facts(
        [
            (_("Server"), _server(outage)),
            (_("What failed"), failure_label(outage.failure)),
            (_("Acknowledged by"), outage.acknowledged_by),
        ]
    )
    if outage.end_reason == RECOVERED:
        text = _("%(environment)s %(name)s was down for %(lasted)s (since %(since)s): %(failure)s") % {
            **_escaped(outage),
            "lasted": _lasted(outage),
        }
        return build(UP, title, text, [short, _span(outage), *_link(outage)], possible_repeat=possible_repeat)
    cause = _cause(outage.end_reason, actor="")
    blocks = [note(cause), short, _span(outage), *_page(outage, outage.end_reason)]
    return build(NEUTRAL, title, _ended_text(outage, cause), blocks, possible_repeat=possible_repeat)


def recovery_message(outage: Outage, *, possible_repeat: bool = False) -> Message:
    """The server works again."""
    lasted = _lasted(outage)
    text = _("%(environment)s %(name)s is up again after %(lasted)s (it was down since %(since)s: %(failure)s)") % {
        **_escaped(outage),
        "lasted": lasted,
    }
    title = _("%(environment)s %(name)s is up again") % _names(outage)
    blocks = [_past_facts(outage, _("Previous error")), _span(outage), *_link(outage)]
    return build(UP, title, text, blocks, possible_repeat=possible_repeat)


def ended_message(outage: Outage, reason: str, actor: str, *, possible_repeat: bool = False) -> Message:
    """The outage is not followed any further, without the server being known to work.

    `reason` is that of the transition (`paused`, `edited`, `deleted`, `inconclusive`); `actor` may be empty.
    """
    cause = _cause(reason, actor)
    title = _("%(environment)s %(name)s: %(what)s") % {**_names(outage), "what": ENDINGS.get(reason, OTHER_ENDING)[0]}
    blocks = [note(cause), _past_facts(outage, _("Last error")), _span(outage), *_page(outage, reason)]
    return build(NEUTRAL, title, _ended_text(outage, cause), blocks, possible_repeat=possible_repeat)


def late_message(outage: Outage, reason: str, actor: str, *, possible_repeat: bool = False) -> Message:
    """Beginning and end of an outage in one, when neither could be told in time.

    `reason` and `actor` are those of the transition that ended it.
    """
    told = {**_escaped(outage), "until": slack_date(outage.ended_at or outage.confirmed_at), "lasted": _lasted(outage)}
    only_once = note(_("Told late and only once: neither the failure nor its end could be sent earlier."))
    if reason == RECOVERED:
        title = _("%(environment)s %(name)s was down and is up again") % _names(outage)
        text = _(
            "%(environment)s %(name)s is up again. It was down from %(since)s to %(until)s (%(lasted)s): %(failure)s. "
            "Told late: it could not be sent earlier."
        )
        blocks = [_past_facts(outage, _("Previous error")), _span(outage), only_once, *_link(outage)]
        return build(UP, title, text % told, blocks, possible_repeat=possible_repeat)
    cause = _cause(reason, actor)
    text = _(
        "%(environment)s %(name)s was down from %(since)s to %(until)s (%(lasted)s): %(failure)s. %(cause)s "
        "Told late: it could not be sent earlier."
    )
    title = _("%(environment)s %(name)s: %(what)s") % {**_names(outage), "what": ENDINGS.get(reason, OTHER_ENDING)[0]}
    blocks = [note(cause), _past_facts(outage, _("Last error")), _span(outage), only_once, *_page(outage, reason)]
    return build(NEUTRAL, title, text % {**told, "cause": mrkdwn(cause)}, blocks, possible_repeat=possible_repeat)


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


def _cause(reason: str, actor: str) -> str:
    _what, by_actor, by_nobody = ENDINGS.get(reason, OTHER_ENDING)
    return by_actor % {"actor": clean(actor, SHORT)} if clean(actor) else str(by_nobody)


def _ended_text(outage: Outage, cause: str) -> str:
    return _("%(environment)s %(name)s was down (%(failure)s, since %(since)s). %(cause)s") % {
        **_escaped(outage),
        "cause": mrkdwn(cause),
    }


def _server(outage: Outage) -> str:
    return clean(outage.host_name) or NOBODY


def _identity(outage: Outage) -> list[tuple[str, str]]:
    return [
        (_("Server"), _server(outage)),
        (_("Environment"), outage.environment),
        (_("Address"), outage.address),
    ]


def _failure_facts(outage: Outage) -> Block:
    return facts(
        [
            *_identity(outage),
            (_("What failed"), failure_label(outage.failure)),
            (_("Detail"), detail_words(outage.detail)),
            (_("Acknowledged by"), outage.acknowledged_by),
        ]
    )


def _past_facts(outage: Outage, label: str) -> Block:
    return facts(
        [
            *_identity(outage),
            (_("Was down for"), _lasted(outage)),
            (label, failure_label(outage.failure)),
            (_("Detail"), detail_words(outage.detail)),
            (_("Acknowledged by"), outage.acknowledged_by),
        ]
    )


def _span(outage: Outage) -> Block:
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


def _page(outage: Outage, reason: str) -> list[Block]:
    """A server that was deleted has none."""
    return [] if reason == "deleted" else _link(outage)


def _storm(address: str | None) -> list[Block]:
    if address is None:
        return []
    told = note(_("Many servers are down: one message tells of all of them from now on."))
    return [told, link(address, clip(_("Open the message that tells of all"), SHORT))] if address else [told]


def _buttons(outage: Outage, wanted: bool) -> list[Block]:
    if not wanted:
        return []
    probe = button(PROBE, str(outage.server_id), _("Probe now"))
    if outage.acknowledged_by:
        return [actions([probe])]
    return [actions([button(ACKNOWLEDGE, str(outage.incident_id), _("Acknowledge")), probe])]
