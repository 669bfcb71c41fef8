"""What an open page is told: which servers changed, and what is said above the list of servers."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone, translation

from monitors import dashboard
from monitors.freshness import stale
from monitors.models import Incident, Server, StatusTransition

MOST_SERVERS = 300
"""Named in one piece of news; with more, all may have changed."""
OLDEST = timedelta(minutes=10)
"""Who was away for longer starts over."""
SLACK = timedelta(seconds=5)
"""A row is dated a little before the others can see it."""
LONGEST_PROBE = timedelta(minutes=6)
"""A transition is dated from its probe, and stored when that is recorded."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What all pages show at some moment. The texts are made for each language when first wanted."""

    at: datetime
    down: int
    late: bool
    counted: tuple[dashboard.Tally, ...]
    pulse: dashboard.Pulse
    incidents: tuple[Incident, ...]

    @property
    def outlook(self) -> Hashable:
        """What pages say of it all, without what only counts on: equal as long as there is nothing to tell."""
        numbers = frozenset((tally.environment, tally.health, tally.stale, tally.total) for tally in self.counted)
        skewed = self.pulse.skew and self.pulse.skew.host
        return self.late, self.pulse.unanswered_since is None, self.pulse.gap_ended_at, skewed, numbers

    @property
    def stale(self) -> int:
        """How many servers were not seen lately."""
        return sum(tally.total for tally in self.counted if tally.stale)

    def board(self, language: str, *, sees_incidents: bool) -> str:
        """The sentences and the open incidents, as HTML."""
        with translation.override(language):
            context = {
                "now": self.at,
                "pulse": self.pulse,
                "sentences": dashboard.sentences(self.counted, self.at),
                "incidents": self.incidents if sees_incidents else (),
            }
            return render_to_string("monitors/board.html", context)


def summary(now: datetime) -> Summary:
    """Three queries, however many servers and pages there are."""
    counted = dashboard.tallies(Q(), now)
    pulse = dashboard.pulse(now)
    return Summary(now, dashboard.down(counted), pulse.late, tuple(counted), pulse, tuple(dashboard.open_incidents()))


@dataclass(frozen=True, slots=True)
class Viewer:
    """All that makes what one open dashboard is told differ from what another is told."""

    language: str
    sees_incidents: bool
    changes_servers: bool
    chosen: tuple[tuple[str, str], ...]
    """What its list is narrowed down to, as `ServerFilter.chosen` has it."""
    zone: str = ""
    """In which times are shown; empty for that of the monitor."""

    def rows(self, server_ids: Collection[int], now: datetime, *, late: bool) -> str:
        """The rows of those of `server_ids` that belong in the list, as HTML. Two queries."""
        with translation.override(self.language):
            context = {
                "now": now,
                "late": late,
                "rows": dashboard.rows(server_ids, dict(self.chosen), now),
                "perms": {"monitors": {"change_server": self.changes_servers}},
            }
            return render_to_string("monitors/rows.html", context)


@dataclass(frozen=True, slots=True)
class News:
    """`servers` is None when all may have changed."""

    summary: Summary
    servers: frozenset[int] | None

    def told(self, viewer: Viewer | None, now: datetime) -> dict[str, Any]:
        """`as_dict`, with the HTML that shows it to `viewer`."""
        if viewer is None:
            return self.as_dict()
        with timezone.override(viewer.zone or None):
            found = self.as_dict(self.summary.board(viewer.language, sees_incidents=viewer.sees_incidents))
            if self.servers:
                found["rows"] = viewer.rows(self.servers, now, late=self.summary.late)
        return found

    def as_dict(self, board: str | None = None) -> dict[str, Any]:
        """For JSON. `id` is what to ask `changed_since` for later."""
        found: dict[str, Any] = {
            "id": str(int(self.summary.at.timestamp() * 1000)),
            "now": self.summary.at.isoformat(),
            "down": self.summary.down,
            "late": self.summary.late,
        }
        found |= {"all": True} if self.servers is None else {"servers": sorted(self.servers)}
        return found | ({} if board is None else {"board": board})


def changed_since(then: datetime, now: datetime) -> frozenset[int] | None:
    """Servers whose state or registration changed since; None when all may have. Two queries."""
    if now - then > OLDEST or then - now > SLACK:  # the clock was set back
        return None
    seen_after = then - SLACK
    stored = StatusTransition.objects.filter(at__gte=seen_after - LONGEST_PROBE, created_at__gte=seen_after)
    found = set(stored.order_by().values_list("server_id", flat=True).distinct()[: MOST_SERVERS + 1])
    edited = Server.objects.filter(updated_at__gte=seen_after).order_by()
    found.update(edited.values_list("id", flat=True)[: MOST_SERVERS + 1])
    return None if len(found) > MOST_SERVERS else frozenset(found)


def missed_since(then: datetime, now: datetime) -> frozenset[int] | None:
    """`changed_since`, and the servers that grew stale meanwhile, of which nothing is stored. Three queries."""
    changed = changed_since(then, now)
    if changed is None:
        return None
    aged = Server.objects.annotate(stale=stale(now), already=stale(then, known_by=now)).filter(
        stale=True, already=False
    )
    return merged(changed, aged.order_by().values_list("id", flat=True)[: MOST_SERVERS + 1])


def stale_servers(now: datetime) -> frozenset[int] | None:
    """Those that were not seen lately; None where they are too many to name."""
    found = Server.objects.annotate(stale=stale(now)).filter(stale=True).order_by()
    return merged((), found.values_list("id", flat=True)[: MOST_SERVERS + 1])


def instant_of(id_: str) -> datetime | None:
    """When the news with this id were true; None for what is no such id."""
    if not (id_.isascii() and id_.isdecimal() and len(id_) <= 14):
        return None
    return datetime.fromtimestamp(int(id_) / 1000, UTC)


def merged(one: Iterable[int] | None, other: Iterable[int] | None) -> frozenset[int] | None:
    """Both together; None stands for all."""
    if one is None or other is None:
        return None
    both = frozenset(one) | frozenset(other)
    return None if len(both) > MOST_SERVERS else both


def servers_of(message: Mapping[str, Any]) -> frozenset[int] | None:
    """What a message of the bell names."""
    return None if message.get("all") else frozenset(message.get("servers", ()))
