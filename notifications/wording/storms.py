"""Many servers of an environment down at once, told as one thing.

Where a medium can edit, the first message lives: it is edited until the last of them works again. Elsewhere it is
followed by one more, once all have failed that do. The end is a message of its own in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitors.wording import duration_words, failure_label, failure_words
from notifications.notice import Fact, Instant, Line, Link, Names, Notice, Severity, State, Value, clean
from notifications.wording.parts import MAX_ENVIRONMENT, NOBODY, SHORT, facts


@dataclass(frozen=True, slots=True)
class Shared:
    """What all the servers that are down have in common, or nearly all."""

    value: str
    count: int
    """Of how many of them."""


@dataclass(frozen=True, slots=True)
class Storm:
    """How a storm stands. Instants are aware; texts need no escaping."""

    storm_id: int
    environment: str
    watched: int
    """Servers of the environment that are not paused."""
    struck: int
    """Servers that the storm has taken in."""
    down: int
    """Those of them that are down now."""
    down_in_all: int
    """Servers of the environment that are down now: those, and who fails by itself or in another storm."""
    began_at: datetime
    """The first failed probe of the first of them."""
    ended_at: datetime | None
    """When the last of them was down no more; None while one is."""
    names: tuple[str, ...]
    """Some of those that are down, whoever failed first coming first."""
    failure: Shared | None
    """A stored kind, see `monitors.wording`."""
    host: Shared | None
    """A name, with the port if that is shared too."""
    address: Shared | None
    """Where the connections went."""
    recovered: int
    paused: int
    deleted: int
    link: str
    """Address of the list of what is down; empty for none."""

    @property
    def others(self) -> int:
        """Servers that are down and told by other messages, or by none."""
        return max(0, self.down_in_all - self.down)

    @property
    def all_recovered(self) -> bool:
        return self.recovered == self.struck


def storm_notice(storm: Storm, *, edited: bool) -> Notice:
    """The storm as it stands. `edited`: the message is kept up to date."""
    if storm.ended_at is not None:
        return _over_notice(storm)
    numbers: dict[str, Value] = {
        "environment": _environment(storm),
        "down": storm.down_in_all,
        "watched": storm.watched,
    }
    text = _("%(environment)s: %(down)d of %(watched)d down since %(since)s")
    if storm.others:
        text = _("%(environment)s: %(down)d of %(watched)d down, %(together)d of them since %(since)s")
    line = Line(text, {**numbers, "together": storm.down, "since": storm.began_at})
    if storm.failure:
        words = clean(failure_words(storm.failure.value), SHORT)
        what = _share(storm, words, storm.failure.count)
        line = Line(_("%(text)s: %(what)s"), {"text": line, "what": what})
    return Notice(
        title=_("%(environment)s: %(down)d of %(watched)d servers are down") % numbers,
        line=line,
        facts=_common(storm),
        names=_names(storm),
        notes=(*_others(storm), _promise(edited)),
        links=_link(storm),
        **_matter(storm, State.OPEN),
    )


def storm_end_notice(storm: Storm, *, late: bool = False) -> Notice:
    """Nothing that the storm took in is down any more. `late`: it is the first that is told of it."""
    said = _said(storm)
    if storm.all_recovered:
        title = _("%(environment)s: all %(struck)d servers are up again") % said
        text = _("%(environment)s: all %(struck)d servers are up again after %(lasted)s (down since %(since)s)")
    else:
        title = _("%(environment)s: none of %(struck)d servers is down any more") % said
        text = _("%(environment)s: none of %(struck)d servers is down any more after %(lasted)s (down since %(since)s)")
    only_once = (_("Told late and only once: neither the failure nor its end could be sent earlier."),)
    notes = only_once if late else ()
    return Notice(title=title, line=Line(text, said), facts=_sums(storm), notes=notes, **_matter(storm, _end(storm)))


def _over_notice(storm: Storm) -> Notice:
    """What the first message becomes."""
    said = _said(storm)
    text = _("%(environment)s: %(struck)d servers were down, for %(lasted)s in all (since %(since)s)")
    return Notice(
        title=_("%(environment)s: %(struck)d servers were down, for %(lasted)s in all") % said,
        line=Line(text, said),
        facts=_sums(storm),
        **_matter(storm, _end(storm)),
    )


def _matter(storm: Storm, state: State) -> Any:
    """What every notice of the storm has."""
    began = Instant(_("Down since"), storm.began_at)
    return {
        "severity": Severity.CRITICAL,
        "state": state,
        "matter": f"storm:{storm.storm_id}",
        "environment": storm.environment,
        "instants": (began,) if storm.ended_at is None else (began, Instant(_("Ended"), storm.ended_at)),
    }


def _end(storm: Storm) -> State:
    return State.RESOLVED if storm.all_recovered else State.CLOSED


def _said(storm: Storm) -> dict[str, Value]:
    return {
        "environment": _environment(storm),
        "struck": storm.struck,
        "since": storm.began_at,
        "lasted": _lasted(storm),
    }


def _environment(storm: Storm) -> str:
    return clean(storm.environment, MAX_ENVIRONMENT) or NOBODY


def _share(storm: Storm, words: str, count: int) -> str:
    if count >= storm.down:
        return _("%(what)s (all)") % {"what": words}
    return _("%(what)s (%(count)d of %(down)d)") % {"what": words, "count": count, "down": storm.down}


def _common(storm: Storm) -> tuple[Fact, ...]:
    shared = (
        (_("What failed"), storm.failure and Shared(failure_label(storm.failure.value), storm.failure.count)),
        (_("Same host"), storm.host),
        (_("Same address"), storm.address),
    )
    lines = [(label, _share(storm, clean(found.value, SHORT), found.count)) for label, found in shared if found]
    if storm.struck > storm.down:
        numbers = {"count": storm.struck - storm.down, "struck": storm.struck}
        lines.append((_("No longer down"), _("%(count)d of %(struck)d") % numbers))
    return facts(*lines)


def _names(storm: Storm) -> Names | None:
    if not storm.names:
        return None
    rest = storm.down - len(storm.names)
    more = _("and %(rest)d more") % {"rest": rest} if rest > 0 else ""
    return Names(_("Down"), tuple(clean(name, SHORT) or NOBODY for name in storm.names), more)


def _others(storm: Storm) -> tuple[str, ...]:
    if not storm.others:
        return ()
    text = ngettext(
        "%(count)d other server is down too; this message does not tell what becomes of it.",
        "%(count)d other servers are down too; this message does not tell what becomes of them.",
        storm.others,
    )
    return (text % {"count": storm.others},)


def _promise(edited: bool) -> str:
    if edited:
        return _("Told as one: this message is kept up to date, and the end is told when the last of them is up again.")
    return _("Told as one: the end is told when the last of them is up again.")


def _sums(storm: Storm) -> tuple[Fact, ...]:
    counts = (
        (_("Were down"), storm.struck),
        (_("Up again"), storm.recovered),
        (_("Monitoring paused"), storm.paused),
        (_("Deleted from the monitor"), storm.deleted),
        (_("Monitoring changed"), storm.struck - storm.recovered - storm.paused - storm.deleted),
    )
    shown = [(label, str(count)) for label, count in counts if count]
    return facts(*shown, (_("Lasted in all"), _lasted(storm)))


def _lasted(storm: Storm) -> str:
    return duration_words((storm.ended_at or storm.began_at) - storm.began_at)


def _link(storm: Storm) -> tuple[Link, ...]:
    label = _("Show all that are down in %(environment)s") % {"environment": _environment(storm)}
    return (Link(label, storm.link),) if storm.link else ()
