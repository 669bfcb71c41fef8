"""The answer first: a sentence for each environment, and the incidents that are open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Q
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitors.dashboard.narrowing import ENVIRONMENTS, weight
from monitors.display import HEALTH_WORDS, STALE, age_html
from monitors.freshness import stale
from monitors.models import Incident, Server

INCIDENTS_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Tally:
    """How many servers of an environment have the same health, how many of these match what was asked for, and since
    when the first of them has had it."""

    environment: str
    health: str
    total: int
    matching: int
    since: datetime | None = None
    stale: bool = False
    """Whether they were not seen lately, in whatever health."""


@dataclass(frozen=True, slots=True)
class Sentence:
    environment: str
    health: str
    """The worst there is, for the shape in front of the words."""
    text: str


def tallies(match: Q, now: datetime) -> list[Tally]:
    """All servers counted in one query, whatever their number."""
    groups = (
        Server.objects.with_health()
        .annotate(stale=stale(now))
        .values("environment", "shown_health", "stale")
        .annotate(
            total=Count("pk"),
            matching=Count("pk", filter=match) if match else Count("pk"),
            first=Min("status__since"),
        )
        .order_by()
    )
    return [
        Tally(
            group["environment"],
            STALE if group["stale"] and group["shown_health"] == "HEALTHY" else group["shown_health"],
            group["total"],
            group["matching"],
            group["first"],
            bool(group["stale"]),
        )
        for group in groups
    ]


def open_incidents(limit: int = INCIDENTS_SHOWN) -> list[Incident]:
    """Those of LIVE first, the newest of each environment before the others, and one more than `limit` when there are
    more."""
    return list(Incident.objects.filter(ended_at=None).order_by(weight(), "-began_at", "-id")[: limit + 1])


def down(counted: Sequence[Tally]) -> int:
    """How many servers are down, for the title of the page."""
    return sum(tally.total for tally in counted if tally.health == "UNHEALTHY")


def sentences(counted: Sequence[Tally], now: datetime) -> list[Sentence]:
    """One for each environment that has servers."""
    result = []
    for environment in ENVIRONMENTS:
        totals = dict.fromkeys(HEALTH_WORDS, 0)
        since = None
        for tally in counted:
            if tally.environment == environment:
                totals[tally.health] += tally.total
                if tally.health == "UNHEALTHY" and tally.since:
                    since = min(since or tally.since, tally.since)
        if any(totals.values()):
            present = [health for health, total in totals.items() if total]
            worst = next((health for health in present if health != "PAUSED"), "PAUSED")
            result.append(Sentence(environment, worst, _words(totals, since, now)))
    return result


def _words(totals: Mapping[str, int], since: datetime | None, now: datetime) -> str:
    """`2 of 18 down for 4 min, 1 paused`; paused servers are not among the 18, which are said once."""
    paused = totals["PAUSED"]
    watched = sum(totals.values()) - paused
    if not watched:
        return ngettext("%(n)d server, paused", "all %(n)d paused", paused) % {"n": paused}
    parts: list[str] = []
    if totals["UNHEALTHY"]:
        parts.append(_down(totals["UNHEALTHY"], watched, since, now))
    if unknown := totals["UNKNOWN"]:
        parts.append((_("%(n)d unknown") if parts else _("%(n)d of %(all)d unknown")) % {"n": unknown, "all": watched})
    if unseen := totals[STALE]:
        words = _("%(n)d not seen lately") if parts else _("%(n)d of %(all)d not seen lately")
        parts.append(words % {"n": unseen, "all": watched})
    if not parts:
        parts.append(ngettext("%(n)d server, healthy", "all %(n)d healthy", watched) % {"n": watched})
    if paused:
        parts.append(ngettext("%(n)d paused", "%(n)d paused", paused) % {"n": paused})
    return SafeString(", ".join(parts))  # numbers, words of ours and a time


def _down(number: int, watched: int, since: datetime | None, now: datetime) -> str:
    counts = {"down": number, "all": watched}
    if since is None:
        return _("%(down)d of %(all)d down") % counts
    return format_html(_("{down} of {all} down for {age}"), **counts, age=age_html(since, now))
