"""Many servers of an environment down at once, told as one thing.

In a channel of the bot the first message lives: it is edited until the last of them works again. A webhook's cannot be
edited, so it is followed by one more, once all have failed that do. The end is a message of its own in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitors.wording import duration_words, failure_label, failure_words
from notifications.transports.slack.blocks import (
    Block,
    Message,
    clean,
    clip,
    facts,
    link,
    listing,
    mrkdwn,
    note,
    section,
    slack_date,
)
from notifications.wording.parts import DOWN, MAX_ENVIRONMENT, NEUTRAL, NOBODY, SHORT, UP, build


@dataclass(frozen=True, slots=True)
class Shared:
    """What all the servers that are down have in common, or nearly all."""

    value: str
    count: int
    """Of how many of them."""


@dataclass(frozen=True, slots=True)
class Storm:
    """How a storm stands. Instants are aware; texts need no escaping."""

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


def storm_message(storm: Storm, *, edited: bool, possible_repeat: bool = False) -> Message:
    """The storm as it stands. `edited`: the message is kept up to date."""
    if storm.ended_at is not None:
        return _over_message(storm, possible_repeat=possible_repeat)
    numbers = {"environment": _environment(storm), "down": storm.down_in_all, "watched": storm.watched}
    title = _("%(environment)s: %(down)d of %(watched)d servers are down") % numbers
    text = _("%(environment)s: %(down)d of %(watched)d down since %(since)s")
    if storm.others:
        text = _("%(environment)s: %(down)d of %(watched)d down, %(together)d of them since %(since)s")
    text %= {
        **numbers,
        "environment": mrkdwn(_environment(storm)),
        "together": storm.down,
        "since": slack_date(storm.began_at),
    }
    if storm.failure:
        words = mrkdwn(failure_words(storm.failure.value), SHORT)
        text = _("%(text)s: %(what)s") % {"text": text, "what": _share(storm, words, storm.failure.count)}
    blocks = [section(_span(storm)), *_common(storm), *_names(storm), *_others(storm), note(_promise(edited))]
    blocks += _link(storm)
    return build(DOWN, title, text, blocks, possible_repeat=possible_repeat)


def storm_end_message(storm: Storm, *, late: bool = False, possible_repeat: bool = False) -> Message:
    """Nothing that the storm took in is down any more. `late`: it is the first that is told of it."""
    named = {"environment": _environment(storm), "struck": storm.struck}
    spans = {
        "environment": mrkdwn(_environment(storm)),
        "struck": storm.struck,
        "since": slack_date(storm.began_at),
        "lasted": _lasted(storm),
    }
    if storm.all_recovered:
        title = _("%(environment)s: all %(struck)d servers are up again") % named
        text = _("%(environment)s: all %(struck)d servers are up again after %(lasted)s (down since %(since)s)")
    else:
        title = _("%(environment)s: none of %(struck)d servers is down any more") % named
        text = _("%(environment)s: none of %(struck)d servers is down any more after %(lasted)s (down since %(since)s)")
    only_once = [note(_("Told late and only once: neither the failure nor its end could be sent earlier."))]
    blocks = [_sums(storm), section(_span(storm)), *(only_once if late else [])]
    return build(_mark(storm), title, text % spans, blocks, possible_repeat=possible_repeat)


def _over_message(storm: Storm, *, possible_repeat: bool) -> Message:
    """What the first message becomes."""
    named = {"environment": _environment(storm), "struck": storm.struck, "lasted": _lasted(storm)}
    title = _("%(environment)s: %(struck)d servers were down, for %(lasted)s in all") % named
    text = _("%(environment)s: %(struck)d servers were down, for %(lasted)s in all (since %(since)s)") % {
        **named,
        "environment": mrkdwn(_environment(storm)),
        "since": slack_date(storm.began_at),
    }
    return build(_mark(storm), title, text, [_sums(storm), section(_span(storm))], possible_repeat=possible_repeat)


def _mark(storm: Storm) -> str:
    return UP if storm.all_recovered else NEUTRAL


def _environment(storm: Storm) -> str:
    return clean(storm.environment, MAX_ENVIRONMENT) or NOBODY


def _share(storm: Storm, words: str, count: int) -> str:
    if count >= storm.down:
        return _("%(what)s (all)") % {"what": words}
    return _("%(what)s (%(count)d of %(down)d)") % {"what": words, "count": count, "down": storm.down}


def _common(storm: Storm) -> list[Block]:
    shared = (
        (_("What failed"), storm.failure and Shared(failure_label(storm.failure.value), storm.failure.count)),
        (_("Same host"), storm.host),
        (_("Same address"), storm.address),
    )
    lines = [(label, _share(storm, clean(found.value, SHORT), found.count)) for label, found in shared if found]
    return [facts(lines)] if lines else []


def _names(storm: Storm) -> list[Block]:
    if not storm.names:
        return []
    rest = storm.down - len(storm.names)
    more = _("and %(rest)d more") % {"rest": rest} if rest > 0 else ""
    return [listing(_("Down"), [clean(name, SHORT) or NOBODY for name in storm.names], more)]


def _others(storm: Storm) -> list[Block]:
    if not storm.others:
        return []
    text = ngettext(
        "%(count)d other server is down too; this message does not tell what becomes of it.",
        "%(count)d other servers are down too; this message does not tell what becomes of them.",
        storm.others,
    )
    return [note(text % {"count": storm.others})]


def _promise(edited: bool) -> str:
    if edited:
        return _("Told as one: this message is kept up to date, and the end is told when the last of them is up again.")
    return _("Told as one: the end is told when the last of them is up again.")


def _span(storm: Storm) -> str:
    """When it began and was over; how many have left it meanwhile."""
    lines = [_("*Down since* %(date)s") % {"date": slack_date(storm.began_at)}]
    if storm.ended_at is not None:
        lines.append(_("*Ended* %(date)s") % {"date": slack_date(storm.ended_at)})
    elif storm.struck > storm.down:
        numbers = {"count": storm.struck - storm.down, "struck": storm.struck}
        lines.append(_("*No longer down* %(count)d of %(struck)d") % numbers)
    return "\n".join(lines)


def _sums(storm: Storm) -> Block:
    counts = (
        (_("Were down"), storm.struck),
        (_("Up again"), storm.recovered),
        (_("Monitoring paused"), storm.paused),
        (_("Deleted from the monitor"), storm.deleted),
        (_("Monitoring changed"), storm.struck - storm.recovered - storm.paused - storm.deleted),
    )
    return facts([*((label, str(count)) for label, count in counts if count), (_("Lasted in all"), _lasted(storm))])


def _lasted(storm: Storm) -> str:
    return duration_words((storm.ended_at or storm.began_at) - storm.began_at)


def _link(storm: Storm) -> list[Block]:
    label = _("Show all that are down in %(environment)s") % {"environment": _environment(storm)}
    return [link(storm.link, clip(label, SHORT))] if storm.link else []
