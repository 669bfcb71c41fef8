"""What is answered to who pressed a button."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from notifications.notice import Line, Notice, State, clean
from notifications.wording.parts import MAX_ENVIRONMENT, NOBODY, SHORT, facts

STATES = {True: State.RESOLVED, False: State.OPEN, None: State.NONE}


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


def looked(look: Look) -> Notice:
    """For everybody in the thread."""
    names = {
        "environment": clean(look.environment, MAX_ENVIRONMENT) or NOBODY,
        "name": clean(look.host_name, SHORT) or NOBODY,
    }
    text = _("%(environment)s %(name)s, looked at now: %(outcome)s (asked for by %(actor)s)")
    server = clean(look.host_name) or NOBODY
    return Notice(
        title=_("%(environment)s %(name)s, looked at now") % names,
        line=Line(text, {**names, "outcome": clean(look.outcome), "actor": clean(look.actor, SHORT)}),
        state=STATES[look.ok],
        environment=look.environment,
        facts=facts((_("Server"), server), (_("Outcome"), look.outcome), *look.stages, (_("Asked for by"), look.actor)),
        notes=(_("This look is not part of the schedule and changes no state."),),
    )


def taken(actor: str) -> Line:
    return Line(_("%(actor)s takes care of this outage already."), {"actor": clean(actor, SHORT) or NOBODY})


def over(ended_at: datetime) -> Line:
    return Line(_("This outage has ended, %(date)s."), {"date": ended_at})


def forgotten() -> Line:
    return Line(_("This outage is no longer kept."))


def server_gone() -> Line:
    return Line(_("The server was deleted from the monitor."))


def busy() -> Line:
    return Line(_("Other probes are running. Press again in a moment."))


def trouble() -> Line:
    return Line(_("The monitor could not do this now. Press again in a moment; its log says more."))
