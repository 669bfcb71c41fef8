"""An incident as a story: what happened, and what people did, in the order of time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from django.utils.translation import gettext as _

from monitors.display import failure_text, health_word
from monitors.models import Incident, IncidentNote, Outage, Reason, StatusTransition
from monitors.wording import duration_words


@dataclass(frozen=True, slots=True)
class Entry:
    at: datetime
    tone: str
    """`bad`, `ok`, `warn`, `accent` or empty: the colour beside the shape."""
    shape: str
    title: str
    text: str = ""
    """Foreign text, in which lines matter: escape it."""
    actor: str = ""


def timeline(incident: Incident, transitions: Iterable[StatusTransition], notes: Iterable[IncidentNote]) -> list[Entry]:
    """What the monitor knows; whoever tells people adds when they were told."""
    entries = [
        Entry(incident.began_at, "bad", "✕", _("First failed probe")),
        Entry(incident.confirmed_at, "bad", "!", _("Confirmed: the server is down"), failure_text(incident)),
    ]
    if incident.acknowledged_at:
        title = _("%(who)s takes care of it") % {"who": incident.acknowledged_by}
        entries.append(Entry(incident.acknowledged_at, "accent", "◆", title))
    if incident.ended_at and incident.end_reason == Reason.OUTCOMES:
        entries.append(Entry(incident.ended_at, "ok", "✓", _("First successful probe")))
    entries += [entry for transition in transitions if (entry := _entry(incident, transition))]
    entries += [Entry(note.at, "", "✎", _("Note"), note.text, note.author) for note in notes]
    return ordered(entries)


def ordered(entries: Iterable[Entry]) -> list[Entry]:
    """Oldest first; what happened at the same instant stays in its order."""
    return sorted(entries, key=attrgetter("at"))


def _entry(incident: Incident, transition: StatusTransition) -> Entry | None:
    """None for the transition that began it: it is told already."""
    at, actor = transition.at, transition.actor
    if transition.outage == Outage.ENDED:
        lasted = duration_words(incident.duration(at))
        if transition.reason == Reason.OUTCOMES:
            return Entry(at, "ok", "✓", _("Recovered, after %(time)s") % {"time": lasted})
        return Entry(at, "", "■", _("Ended: %(why)s") % {"why": transition.get_reason_display()}, actor=actor)
    if transition.outage == Outage.ONGOING:
        return Entry(at, "", "●", str(transition.get_reason_display()), actor=actor)
    if transition.outage == Outage.BEGAN:
        return None
    change = f"{health_word(transition.from_health)} → {health_word(transition.to_health)}"
    return Entry(at, "warn", "?", change, str(transition.get_reason_display()), actor)
