"""What is answered to who pressed a button."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from notifications.transports.slack.blocks import Message, clean, facts, mrkdwn, note, slack_date
from notifications.wording.parts import DOWN, MAX_ENVIRONMENT, NEUTRAL, NOBODY, SHORT, UP, build

MARKS = {True: UP, False: DOWN, None: NEUTRAL}


@dataclass(frozen=True, slots=True)
class Look:
    """What a probe found that somebody asked for. Texts need no escaping."""

    host_name: str
    environment: str
    ok: bool | None
    """None = nothing that says anything about the server."""
    outcome: str
    stages: Sequence[tuple[str, str]]
    """How long each stage took, as label and value; an empty value for a stage that was not reached or not needed."""
    actor: str


def looked(look: Look) -> Message:
    """For everybody in the thread."""
    names = {
        "environment": clean(look.environment, MAX_ENVIRONMENT) or NOBODY,
        "name": clean(look.host_name, SHORT) or NOBODY,
    }
    text = _("%(environment)s %(name)s, looked at now: %(outcome)s (asked for by %(actor)s)") % {
        **{part: mrkdwn(value) for part, value in names.items()},
        "outcome": mrkdwn(look.outcome),
        "actor": mrkdwn(look.actor, SHORT),
    }
    title = _("%(environment)s %(name)s, looked at now") % names
    server = clean(look.host_name) or NOBODY
    found = facts([(_("Server"), server), (_("Outcome"), look.outcome), *look.stages, (_("Asked for by"), look.actor)])
    aside = note(_("This look is not part of the schedule and changes no state."))
    return build(MARKS[look.ok], title, text, [found, aside])


def taken(actor: str) -> str:
    return _("%(actor)s takes care of this outage already.") % {"actor": mrkdwn(actor, SHORT) or NOBODY}


def over(ended_at: datetime) -> str:
    return _("This outage has ended, %(date)s.") % {"date": slack_date(ended_at)}


def forgotten() -> str:
    return _("This outage is no longer kept.")


def server_gone() -> str:
    return _("The server was deleted from the monitor.")


def busy() -> str:
    return _("Other probes are running. Press again in a moment.")


def trouble() -> str:
    return _("The monitor could not do this now. Press again in a moment; its log says more.")
