"""What the dashboard says: a sentence for each environment, and which servers to list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, Subquery
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from monitors.claiming import SILENCE
from monitors.display import HEALTH_WORDS, STALE
from monitors.freshness import stale
from monitors.models import Gap, Heartbeat, Server

PAGE_SIZE = 100
GAP_SHOWN_FOR = timedelta(hours=1)
ENVIRONMENTS = ("LIVE", "STAGE", "DEV", "UNKNOWN")
"""What matters most comes first."""
COLUMNS_NOT_SHOWN = ("request_headers", "expected_text", "expected_status", "subprotocol", "verify_tls", "tags")
"""Not loaded: headers would be decrypted for nothing."""


class PageFilter(forms.Form):
    """What a page is narrowed down to. What is no choice is ignored: a page is not an API, and says what it shows."""

    environment = forms.ChoiceField(
        label=gettext_lazy("Environment"),
        required=False,
        choices=[("", gettext_lazy("all")), *((name, name) for name in ENVIRONMENTS)],
    )
    q = forms.CharField(
        label=gettext_lazy("Search"),
        required=False,
        max_length=255,
        widget=forms.TextInput(attrs={"type": "search"}),
    )

    def chosen(self) -> dict[str, str]:
        """The valid choices by name; "" where everything is wanted."""
        self.is_valid()
        return {name: self.cleaned_data.get(name, "") for name in self.fields}


class ServerFilter(PageFilter):
    health = forms.ChoiceField(
        label=gettext_lazy("State"),
        required=False,
        choices=[("", gettext_lazy("all")), *HEALTH_WORDS.items()],
    )
    field_order = ("environment", "health", "q")


@dataclass(frozen=True, slots=True)
class Tally:
    """How many servers of an environment have the same health, and how many of these match the search."""

    environment: str
    health: str
    total: int
    matching: int


@dataclass(frozen=True, slots=True)
class Sentence:
    environment: str
    health: str
    """The worst there is, for the shape in front of the words."""
    text: str


@dataclass(frozen=True, slots=True)
class Pulse:
    """Whether the monitor itself is looking."""

    ticked_at: datetime | None
    late: bool
    gap_ended_at: datetime | None = None
    gap: timedelta = timedelta(0)


def pulse(now: datetime) -> Pulse:
    """The last tick, and the last gap if it is recent."""
    recent = Gap.objects.filter(ended_at__gt=now - GAP_SHOWN_FOR).order_by("-ended_at")
    beats = Heartbeat.objects.filter(name="tick").annotate(
        gap_began_at=Subquery(recent.values("began_at")[:1]), gap_ended_at=Subquery(recent.values("ended_at")[:1])
    )
    row = beats.values_list("at", "gap_began_at", "gap_ended_at").first()
    if row is None:
        return Pulse(None, late=True)
    at, began_at, ended_at = row
    return Pulse(at, now - at > SILENCE, ended_at, ended_at - began_at if ended_at else timedelta(0))


def _search(text: str) -> Q:
    return Q(host_name__icontains=text) | Q(host__icontains=text) if text else Q()


def tallies(text: str, now: datetime) -> list[Tally]:
    """All servers counted in one query, whatever their number."""
    matching = Count("pk", filter=_search(text)) if text else Count("pk")
    groups = (
        Server.objects.with_health()
        .annotate(stale=stale(now))
        .values("environment", "shown_health", "stale")
        .annotate(total=Count("pk"), matching=matching)
        .order_by()
    )
    return [
        Tally(
            group["environment"],
            STALE if group["stale"] and group["shown_health"] == "HEALTHY" else group["shown_health"],
            group["total"],
            group["matching"],
        )
        for group in groups
    ]


def sentences(counted: Sequence[Tally]) -> list[Sentence]:
    """One for each environment that has servers."""
    result = []
    for environment in ENVIRONMENTS:
        totals = dict.fromkeys(HEALTH_WORDS, 0)
        for tally in counted:
            if tally.environment == environment:
                totals[tally.health] += tally.total
        if any(totals.values()):
            present = [health for health, total in totals.items() if total]
            worst = next((health for health in present if health != "PAUSED"), "PAUSED")
            result.append(Sentence(environment, worst, _words(totals)))
    return result


def _words(totals: Mapping[str, int]) -> str:
    """`2 of 18 down, 1 paused`; paused servers are not among the 18."""
    paused = totals["PAUSED"]
    watched = sum(totals.values()) - paused
    if not watched:
        return ngettext("%(n)d server, paused", "all %(n)d paused", paused) % {"n": paused}
    parts = []
    if down := totals["UNHEALTHY"]:
        parts.append(_("%(down)d of %(all)d down") % {"down": down, "all": watched})
    if unknown := totals["UNKNOWN"]:
        parts.append(ngettext("%(n)d unknown", "%(n)d unknown", unknown) % {"n": unknown})
    if unseen := totals[STALE]:
        parts.append(ngettext("%(n)d not seen lately", "%(n)d not seen lately", unseen) % {"n": unseen})
    if not parts:
        parts.append(ngettext("%(n)d server, healthy", "all %(n)d healthy", watched) % {"n": watched})
    if paused:
        parts.append(ngettext("%(n)d paused", "%(n)d paused", paused) % {"n": paused})
    return ", ".join(parts)


def page(chosen: Mapping[str, str], number: str | None, counted: Sequence[Tally], now: datetime) -> Page[Server]:
    """The servers that were asked for, worst first. They were counted already."""
    environment, health = chosen["environment"], chosen["health"]
    servers: Any = Server.objects.with_health().annotate(stale=stale(now)).defer(*COLUMNS_NOT_SHOWN)
    if environment:
        servers = servers.filter(environment=environment)
    if health == STALE:
        servers = servers.filter(stale=True, shown_health="HEALTHY")
    elif health:
        servers = servers.filter(shown_health=health)
        servers = servers.filter(stale=False) if health == "HEALTHY" else servers
    servers = servers.filter(_search(chosen["q"])).order_by("severity", "-stale", "host_name", "id")
    paginator = Paginator(servers, PAGE_SIZE)
    paginator.count = sum(
        tally.matching
        for tally in counted
        if (not environment or tally.environment == environment) and (not health or tally.health == health)
    )
    return paginator.get_page(number)
