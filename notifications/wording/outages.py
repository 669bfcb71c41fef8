"""One outage of one server: that it began, goes on, is over.

Where a medium can edit, the message that told of a failure lives: it is edited until the outage is over. The end is
told by a message of its own too, for nobody is notified of an edit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitors.wording import detail_words, duration_words, failure_label, failure_words
from notifications.notice import Action, Fact, Instant, Line, Link, Notice, Severity, State, Value, clean
from notifications.wording.parts import MAX_ENVIRONMENT, NOBODY, SHORT, facts

RECOVERED = "outcomes"
"""The reason of a transition by which a server works again."""
ACKNOWLEDGE, PROBE = "acknowledge", "probe"
"""What buttons are called in what a medium sends back when somebody presses them."""
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


def failure_notice(outage: Outage, *, buttons: bool = False, storm: str | None = None) -> Notice:
    """The server has failed. `storm`: the address of another message of the channel, which tells what becomes of it;
    empty where that is not known, None where there is no such message."""
    return Notice(
        title=_("%(environment)s %(name)s is down") % _names(outage),
        line=Line(_("%(environment)s %(name)s is down: %(failure)s (since %(since)s)"), _said(outage)),
        facts=_failure_facts(outage),
        notes=_storm_notes(storm),
        links=(*_storm_link(storm), *_page(outage)),
        actions=_actions(outage) if buttons else (),
        **_matter(outage),
    )


def still_down_notice(outage: Outage, *, buttons: bool = False, storm: str | None = None) -> Notice:
    """The state of a server that was down already when this channel began to be told about it."""
    why = _("Told now because alerts for this server have just been switched on.")
    return replace(
        failure_notice(outage, buttons=buttons, storm=storm),
        title=_("%(environment)s %(name)s is still down") % _names(outage),
        line=Line(_("%(environment)s %(name)s is still down: %(failure)s (since %(since)s)"), _said(outage)),
        notes=(why, *_storm_notes(storm)),
    )


def over_notice(outage: Outage) -> Notice:
    """What a message that told of the failure becomes when the outage has ended: that, and the facts in short."""
    recovered = outage.end_reason == RECOVERED
    cause = "" if recovered else _cause(outage.end_reason, actor="")
    text = _("%(environment)s %(name)s was down for %(lasted)s (since %(since)s): %(failure)s")
    return Notice(
        title=_("%(environment)s %(name)s was down for %(lasted)s") % _said(outage),
        line=Line(text, _said(outage)) if recovered else _ended_line(outage, cause),
        cause=cause,
        facts=facts(
            (_("Server"), _server(outage)),
            (_("What failed"), failure_label(outage.failure)),
            (_("Acknowledged by"), outage.acknowledged_by),
        ),
        links=_page(outage, outage.end_reason),
        **_matter(outage, State.RESOLVED if recovered else State.CLOSED),
    )


def recovery_notice(outage: Outage) -> Notice:
    """The server works again."""
    text = _("%(environment)s %(name)s is up again after %(lasted)s (it was down since %(since)s: %(failure)s)")
    return Notice(
        title=_("%(environment)s %(name)s is up again") % _names(outage),
        line=Line(text, _said(outage)),
        facts=_past_facts(outage, _("Previous error")),
        links=_page(outage),
        **_matter(outage, State.RESOLVED),
    )


def ended_notice(outage: Outage, reason: str, actor: str) -> Notice:
    """The outage is not followed any further, without the server being known to work.

    `reason` is that of the transition (`paused`, `edited`, `deleted`, `inconclusive`); `actor` may be empty.
    """
    cause = _cause(reason, actor)
    what = {**_names(outage), "what": ENDINGS.get(reason, OTHER_ENDING)[0]}
    return Notice(
        title=_("%(environment)s %(name)s: %(what)s") % what,
        line=_ended_line(outage, cause),
        cause=cause,
        facts=_past_facts(outage, _("Last error")),
        links=_page(outage, reason),
        **_matter(outage, State.CLOSED),
    )


def late_notice(outage: Outage, reason: str, actor: str) -> Notice:
    """Beginning and end of an outage in one, when neither could be told in time.

    `reason` and `actor` are those of the transition that ended it.
    """
    said = {**_said(outage), "until": outage.ended_at or outage.confirmed_at}
    only_once = (_("Told late and only once: neither the failure nor its end could be sent earlier."),)
    if reason == RECOVERED:
        title = _("%(environment)s %(name)s was down and is up again") % _names(outage)
        text = _(
            "%(environment)s %(name)s is up again. It was down from %(since)s to %(until)s (%(lasted)s): %(failure)s. "
            "Told late: it could not be sent earlier."
        )
        return replace(recovery_notice(outage), title=title, line=Line(text, said), notes=only_once)
    text = _(
        "%(environment)s %(name)s was down from %(since)s to %(until)s (%(lasted)s): %(failure)s. %(cause)s "
        "Told late: it could not be sent earlier."
    )
    ended = ended_notice(outage, reason, actor)
    return replace(ended, line=Line(text, {**said, "cause": ended.cause}), notes=only_once)


def _matter(outage: Outage, state: State = State.OPEN) -> Any:
    """What every notice of the outage has."""
    if state is State.OPEN and outage.acknowledged_by:
        state = State.ACKNOWLEDGED
    second = (_("Confirmed"), outage.confirmed_at) if outage.ended_at is None else (_("Ended"), outage.ended_at)
    return {
        "severity": Severity.CRITICAL,
        "state": state,
        "matter": f"incident:{outage.incident_id}",
        "environment": outage.environment,
        "instants": (Instant(_("Down since"), outage.began_at), Instant(*second)),
    }


def _names(outage: Outage) -> dict[str, str]:
    return {
        "environment": clean(outage.environment, MAX_ENVIRONMENT) or NOBODY,
        "name": clean(outage.host_name, SHORT) or NOBODY,
    }


def _said(outage: Outage) -> dict[str, Value]:
    """What a line of text may say."""
    return {
        **_names(outage),
        "failure": clean(failure_words(outage.failure), SHORT),
        "since": outage.began_at,
        "lasted": _lasted(outage),
    }


def _cause(reason: str, actor: str) -> str:
    _what, by_actor, by_nobody = ENDINGS.get(reason, OTHER_ENDING)
    return by_actor % {"actor": clean(actor, SHORT)} if clean(actor) else str(by_nobody)


def _ended_line(outage: Outage, cause: str) -> Line:
    text = _("%(environment)s %(name)s was down (%(failure)s, since %(since)s). %(cause)s")
    return Line(text, {**_said(outage), "cause": cause})


def _server(outage: Outage) -> str:
    return clean(outage.host_name) or NOBODY


def _identity(outage: Outage) -> tuple[tuple[str, str], ...]:
    return (
        (_("Server"), _server(outage)),
        (_("Environment"), outage.environment),
        (_("Address"), outage.address),
    )


def _failure_facts(outage: Outage) -> tuple[Fact, ...]:
    return facts(*_identity(outage), (_("What failed"), failure_label(outage.failure)), *_details(outage))


def _past_facts(outage: Outage, label: str) -> tuple[Fact, ...]:
    lasted, failure = (_("Was down for"), _lasted(outage)), (label, failure_label(outage.failure))
    return facts(*_identity(outage), lasted, failure, *_details(outage))


def _details(outage: Outage) -> tuple[tuple[str, str], ...]:
    return (_("Detail"), detail_words(outage.detail)), (_("Acknowledged by"), outage.acknowledged_by)


def _lasted(outage: Outage) -> str:
    return duration_words((outage.ended_at or outage.confirmed_at) - outage.began_at)


def _page(outage: Outage, reason: str = "") -> tuple[Link, ...]:
    """A server that was deleted has none."""
    return (Link(_("Open the server's page"), outage.link),) if outage.link and reason != "deleted" else ()


def _storm_notes(address: str | None) -> tuple[str, ...]:
    told = _("Many servers are down: one message tells of all of them from now on.")
    return () if address is None else (told,)


def _storm_link(address: str | None) -> tuple[Link, ...]:
    return (Link(_("Open the message that tells of all"), address),) if address else ()


def _actions(outage: Outage) -> tuple[Action, ...]:
    probe = Action(PROBE, outage.server_id, _("Probe now"))
    if outage.acknowledged_by:
        return (probe,)
    return Action(ACKNOWLEDGE, outage.incident_id, _("Acknowledge")), probe
