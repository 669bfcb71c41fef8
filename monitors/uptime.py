"""The availability of servers from what is stored, in a constant number of queries, however many servers.

`monitors.availability` has the definition. Its parts are stored as spans, not as counts or sums, so any window in any
zone is exact to the second: incidents say when a server was down, transitions when it was paused, and `UnknownTime`
when more than two intervals passed without a conclusive outcome. The last is written by the outcome that ends such a
time, so the hot path pays for one column of the status row, `known_until`; what is unknown now lies behind that.
Sums of known seconds per hour were considered: they cost more in each batch, and cannot tell which part of an hour was
also down, or paused, or outside the window.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import CharField, F, Q, QuerySet, Sum, Value

from monitors import legacy
from monitors.availability import Availability, Life
from monitors.models import Incident, Reason, Rollup, Server, StatusTransition, UnknownTime
from monitors.schedule import EPOCH
from monitors.spans import NONE, Outage, Span, floor, merged, month_begins, overlap, without

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PERIODS = {"24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
MOST_NAMED = 1_000
"""Servers that a statement names; of more, everything is read. SQLite takes 32,766 parameters at most."""
DOWN, UNKNOWN = "down", "unknown"

Planned = Mapping[int, Sequence[Span]]
"""The maintenance of servers by id: what was planned before it began."""
NOTHING: Planned = {}


class Facts(NamedTuple):
    """What the rows of a server say about its time."""

    server_id: int
    created_at: datetime | None
    paused: bool
    known_until: datetime | None


FACTS = ("pk", "created_at", "paused", "status__known_until")
"""The columns of `Facts`, seen from a server."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The figures of one server from an instant on."""

    began_at: datetime
    """In the zone that was asked for."""
    availability: Availability
    outages: int
    """Those that began in it, or went on in it."""
    blips: int
    """Failed checks that were no incident, to the hour; where hours are gone, to the day."""


def tallies(
    server_ids: Collection[int], now: datetime, planned: Planned = NOTHING
) -> dict[int, dict[str, Availability]]:
    """Of each server its availability in each of `PERIODS`. Two queries."""
    return tallies_of(_facts(server_ids), now, planned=planned)


def tallies_of(
    facts: Collection[Facts],
    now: datetime,
    periods: Mapping[str, timedelta] = PERIODS,
    planned: Planned = NOTHING,
) -> dict[int, dict[str, Availability]]:
    """The same of servers whose rows were read already. One query."""
    now = now.astimezone(UTC)  # elsewhere a day in which the clock is changed has 24 hours
    lives = lives_of(facts, now - max(periods.values()), now, planned)
    return {
        server_id: {name: life.between(now - period, now) for name, period in periods.items()}
        for server_id, life in lives.items()
    }


def life_of(server_id: int, since: datetime, now: datetime, planned: Planned = NOTHING) -> Life:
    """What is known of the time of one server between `since` and `now`. Two queries."""
    return lives_of(_facts([server_id]), since, now, planned).get(server_id, Life(now, now))


def stretches(server_id: int, life: Life, spans: Iterable[Span], now: datetime) -> list[Stretch]:
    """The figures of each of `spans` of the `life` of a server. One query."""
    spans = list(spans)
    return [
        Stretch(begin, life.between(begin, end), sum(overlap(outage, begin, end) > NONE for outage in life.down), count)
        for (begin, end), count in zip(spans, _blips(server_id, spans, now), strict=True)
    ]


def months(now: datetime, zone: tzinfo, count: int = 3) -> list[Span]:
    """This month so far and those before it, newest first, as `zone` has them."""
    begins = month_begins(now.astimezone(zone), count)
    return list(zip(begins, [now, *begins], strict=False))


def outages(server_id: int, since: datetime) -> list[Outage]:
    """Those of the server that did not end before `since`, oldest first."""
    found = Incident.objects.filter(_lasted(since), server=server_id).order_by("began_at")
    return list(found.values_list("began_at", "ended_at"))


def lives_of(facts: Collection[Facts], since: datetime, now: datetime, planned: Planned = NOTHING) -> dict[int, Life]:
    """What is known of the time of each server between `since` and `now`. One query, and another where that may reach
    back to before `UnknownTime` was stored."""
    if not facts:
        return {}
    since, now = since.astimezone(UTC), now.astimezone(UTC)
    named = [server.server_id for server in facts] if len(facts) <= MOST_NAMED else None
    stored = _stored(named, since)
    lives = {server.server_id: _life(server, stored[server.server_id], since, now, planned) for server in facts}
    ends = {server_id: end for server_id, life in lives.items() if (end := _untraced(life, since))}
    known = legacy.known(ends, named, since, now) if ends else {}
    for server_id, spans in known.items():
        life = lives[server_id]
        lives[server_id] = replace(life, unknown=without(merged(life.unknown, since, now), spans))
    return lives


class _Stored:
    """What is stored of the time of one server, in the order of the database."""

    __slots__ = ("down", "pauses", "unknown")

    def __init__(self) -> None:
        self.down: list[Outage] = []
        self.unknown: list[Span] = []
        self.pauses: list[tuple[int, str, datetime]] = []


def _facts(server_ids: Collection[int]) -> list[Facts]:
    return [Facts(*row) for row in Server.objects.filter(pk__in=server_ids).values_list(*FACTS)] if server_ids else []


def _lasted(since: datetime) -> Q:
    return Q(ended_at=None) | Q(ended_at__gt=since)


def _stored(server_ids: Collection[int] | None, since: datetime) -> defaultdict[int, _Stored]:
    """By server, also one of which nothing is stored, what did not end before `since`; of all where none are named."""
    incidents = Incident.objects.filter(_lasted(since))
    unknown = UnknownTime.objects.filter(ended_at__gt=since)
    changes = StatusTransition.objects.filter(at__gt=since, reason__in=(Reason.PAUSED, Reason.RESUMED))
    rows = _rows(incidents, server_ids, Value(DOWN, CharField()), F("began_at"), F("ended_at")).union(
        _rows(unknown, server_ids, Value(UNKNOWN, CharField()), F("began_at"), F("ended_at")),
        _rows(changes, server_ids, F("reason"), F("at"), F("at")),
        all=True,
    )
    found = defaultdict[int, _Stored](_Stored)
    for server_id, row_id, what, began_at, ended_at in rows:
        stored = found[server_id]
        if what == DOWN:
            stored.down.append((began_at, ended_at))
        elif what == UNKNOWN:
            stored.unknown.append((began_at, ended_at))
        else:
            stored.pauses.append((row_id, what, began_at))
    return found


def _rows(
    found: QuerySet[Any], server_ids: Collection[int] | None, what: Any, began_at: Any, ended_at: Any
) -> QuerySet[Any, Any]:
    if server_ids is not None:
        found = found.filter(server__in=server_ids)
    columns = {"what": what, "since": began_at, "until": ended_at}
    rows: QuerySet[Any, Any] = found.order_by().annotate(**columns).values_list("server_id", "id", *columns)
    return rows


def _life(facts: Facts, stored: _Stored, since: datetime, now: datetime, planned: Planned) -> Life:
    unknown = list(stored.unknown)
    if facts.known_until is None or facts.known_until < now:
        unknown.append((facts.known_until or EPOCH, now))
    return Life(
        began_at=_began_at(facts, unknown, since),
        known_to=now,
        down=stored.down,
        unknown=unknown,
        paused=_pauses(facts, stored.pauses, since, now),
        maintenance=planned.get(facts.server_id, ()),
    )


def _began_at(facts: Facts, unknown: Iterable[Span], since: datetime) -> datetime:
    """When the server was created; or first seen, where its row says that it was created later than that, as one that
    was restored does."""
    first_seen = next((ended_at for began_at, ended_at in unknown if began_at <= EPOCH), since)
    return min(facts.created_at or since, first_seen)


def _untraced(life: Life, since: datetime) -> datetime | None:
    """The end of a time of which only sums may tell whether anything was known, None where there is none."""
    end = next((ended_at for began_at, ended_at in life.unknown if began_at <= EPOCH), None)
    return end if end and end - max(life.began_at, since) > HOUR else None


def _pauses(facts: Facts, changes: Iterable[tuple[int, str, datetime]], since: datetime, now: datetime) -> list[Span]:
    """From each pause to the resumption after it, in the order in which they were stored, whatever clock dated them.
    What began before `since` shows in its end, or in the server's row: then no outcome came since `known_until`."""
    spans: list[Span] = []
    began_at, paused = since, False
    for position, (_, reason, at) in enumerate(sorted(changes)):
        if reason == Reason.PAUSED:
            began_at, paused = at, True
        elif paused or not position:
            spans.append((began_at, at))
            paused = False
    if facts.paused:
        spans.append((began_at if paused and began_at <= now else facts.known_until or since, now))
    return spans


def _blips(server_id: int, spans: Sequence[Span], now: datetime) -> list[int]:
    parts = [
        _sum(server_id, number, part) for number, (begin, end) in enumerate(spans) for part in _rollups(begin, end, now)
    ]
    counts = [0] * len(spans)
    if parts:
        for number, count in parts[0].union(*parts[1:], all=True):
            counts[number] += int(count or 0)
    return counts


def _sum(server_id: int, number: int, part: Q) -> QuerySet[Rollup, Any]:
    """Each is a range of the table's key."""
    counted = Rollup.objects.filter(part, server=server_id).values("server_id")
    return counted.annotate(number=Value(number), count=Sum("blips")).values_list("number", "count").order_by()


def _rollups(begin: datetime, end: datetime, now: datetime) -> list[Q]:
    """The rollups of a span: by the hour, which fits nearly any zone, where hours are kept; before that, days of UTC
    that lie in it for the most part."""
    kept = floor(now - timedelta(days=settings.HISTORY_HOURS_DAYS), Rollup.DAY) + DAY
    parts = [Q(resolution=Rollup.HOUR, start__gte=max(begin, kept), start__lt=end)]
    if begin < kept:
        first, last = (at.astimezone(UTC) - DAY / 2 for at in (begin, end))
        parts.append(Q(resolution=Rollup.DAY, start__gte=first, start__lt=min(last, kept)))
    return parts
