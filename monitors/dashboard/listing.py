"""The servers that were asked for, a page at a time, worst first unless asked for otherwise.

Most servers are fine most of the time. So what is wrong is sorted by how wrong it is, and where; what is fine is read
in the order of its names, for which there is an index: a page of ten thousand servers costs little more than one of a
hundred. static/js/dashboard.js puts rows that change where they belong in the same order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import F, Q

from monitors import uptime
from monitors.availability import Availability
from monitors.dashboard.narrowing import matching, weight
from monitors.dashboard.sentences import Tally
from monitors.display import STALE, status_of
from monitors.freshness import stale
from monitors.models import Server
from monitors.models.server import HEALTH_ORDER

PAGE_SIZE = 100
COLUMNS_NOT_SHOWN = (
    "request_headers",
    "options",
    "expected_text",
    "expected_status",
    "subprotocol",
    "verify_tls",
    "status__stages",
    "status__peer",
    "status__first_failure",
    "status__first_detail",
)
"""Not loaded: headers would be decrypted for nothing."""
FINE = HEALTH_ORDER.index("HEALTHY")
SORTED_BY = "24h"
"""The uptime that the list is sorted by."""


@dataclass(frozen=True, slots=True)
class Row:
    server: Any
    availability: Sequence[Availability]
    """In each of `monitors.uptime.PERIODS`."""


@dataclass(frozen=True, slots=True)
class Listing:
    page: Page[Server]
    rows: Sequence[Row]


def listing(chosen: Mapping[str, str], number: str | None, counted: Sequence[Tally], now: datetime) -> Listing:
    """A page of the servers that were asked for. They were counted already."""
    wanted = [
        tally
        for tally in counted
        if chosen["environment"] in ("", tally.environment) and chosen["health"] in ("", tally.health)
    ]
    paginator = Paginator(_ordered(chosen, wanted, now), PAGE_SIZE)
    paginator.count = sum(tally.matching for tally in wanted)
    page = paginator.get_page(number)
    return Listing(page, _with_uptime(list(page.object_list), now))


def rows(server_ids: Collection[int], chosen: Mapping[str, str], now: datetime) -> list[Row]:
    """Those of `server_ids` that were asked for, in no order. Two queries."""
    return _with_uptime(list(_narrowed(chosen, now).filter(pk__in=server_ids)), now)


def ids(chosen: Mapping[str, str], now: datetime) -> list[int]:
    """All that were asked for, on whichever page they are, in no order."""
    return list(_narrowed(chosen, now).order_by().values_list("pk", flat=True))


def _with_uptime(servers: Sequence[Any], now: datetime) -> list[Row]:
    found = uptime.tallies_of([_facts(server) for server in servers], now)
    return [Row(server, list(found[server.pk].values())) for server in servers]


def _facts(server: Any) -> uptime.Facts:
    status = status_of(server)
    return uptime.Facts(server.pk, server.created_at, server.paused, status.known_until if status else None)


def _narrowed(chosen: Mapping[str, str], now: datetime) -> Any:
    servers: Any = Server.objects.with_health().annotate(stale=stale(now)).defer(*COLUMNS_NOT_SHOWN)
    if chosen["environment"]:
        servers = servers.filter(environment=chosen["environment"])
    health = chosen["health"]
    if health == STALE:
        servers = servers.filter(stale=True, shown_health="HEALTHY")
    elif health:
        servers = servers.filter(shown_health=health)
        servers = servers.filter(stale=False) if health == "HEALTHY" else servers
    return servers.filter(matching(chosen))


def _ordered(chosen: Mapping[str, str], counted: Sequence[Tally], now: datetime) -> Any:
    servers, sort = _narrowed(chosen, now), chosen["sort"]
    name, backwards = sort.removeprefix("-"), sort.startswith("-")
    if name in ("", "state"):
        return _by_state(servers, counted, backwards=backwards)
    if name == "name":
        return servers.order_by("-host_name" if backwards else "host_name", "id")
    if name == "uptime":
        return _Ranked(servers, _by_uptime(servers, now, backwards=backwards))
    column = F({"since": "status__since", "latency": "status__elapsed_us"}.get(name, name))
    return servers.order_by(column.desc(nulls_last=True) if backwards else column.asc(nulls_last=True), "id")


def _by_state(servers: Any, counted: Sequence[Tally], *, backwards: bool) -> _Parts:
    fine = Q(paused=False, status__health="HEALTHY", stale=False)
    number_fine = sum(tally.matching for tally in counted if tally.health == "HEALTHY")
    wrong = (servers.exclude(severity=FINE, stale=False), sum(tally.matching for tally in counted) - number_fine)
    if backwards:
        return _Parts(
            (servers.filter(fine).order_by("-host_name", "-id"), number_fine),
            (wrong[0].order_by("-severity", weight().desc(), "-host_name", "-id"), wrong[1]),
        )
    return _Parts(
        (wrong[0].order_by("severity", weight(), "host_name", "id"), wrong[1]),
        (servers.filter(fine).order_by("host_name", "id"), number_fine),
    )


class _Parts:
    """Lists one after the other, with the length of each; what a slice does not touch is not asked for."""

    def __init__(self, *parts: tuple[Any, int]) -> None:
        self._parts = parts

    def __getitem__(self, wanted: slice) -> list[Any]:
        found: list[Any] = []
        begin, end = wanted.start, wanted.stop
        for part, length in self._parts:
            if begin < length and end > 0:
                found += part[max(begin, 0) : min(end, length)]
            begin, end = begin - length, end - length
        return found


class _Ranked:
    """Servers in the order of their keys."""

    def __init__(self, servers: Any, keys: Sequence[int]) -> None:
        self._servers, self._keys = servers, keys

    def __getitem__(self, wanted: slice) -> list[Any]:
        keys = self._keys[wanted]
        found = {server.pk: server for server in self._servers.filter(pk__in=keys)}
        return [found[key] for key in keys if key in found]


def _by_uptime(servers: Any, now: datetime, *, backwards: bool) -> list[int]:
    """Keys, those of servers of which nothing is known last."""
    facts = [uptime.Facts(*row) for row in servers.order_by("pk").values_list(*uptime.FACTS)]
    found = uptime.tallies_of(facts, now, {SORTED_BY: uptime.PERIODS[SORTED_BY]})
    shares = {key: share for key in found if (share := found[key][SORTED_BY].uptime) is not None}
    known = sorted(shares, key=lambda key: float(shares[key]), reverse=backwards)
    return known + [key for key in found if key not in shares]
