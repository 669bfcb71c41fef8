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
from django.db.models import F, FloatField, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Cast

from monitors.dashboard.narrowing import matching, weight
from monitors.dashboard.sentences import Tally
from monitors.display import STALE
from monitors.freshness import stale
from monitors.models import Rollup, Server
from monitors.models.server import HEALTH_ORDER
from monitors.spans import floor
from monitors.uptime import PERIODS
from monitors.uptime import tallies as uptime_tallies

PAGE_SIZE = 100
COLUMNS_NOT_SHOWN = (
    "request_headers",
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
    uptime: Sequence[float | None]
    """Of each of `monitors.uptime.PERIODS`, 0 to 1."""


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
    seen = uptime_tallies([server.pk for server in servers], now)
    return [
        Row(
            server,
            [tally.uptime if (tally := seen.get(server.pk, {}).get(period)) else None for period in PERIODS],
        )
        for server in servers
    ]


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
        servers = servers.annotate(uptime=_uptime(now))
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


def _uptime(now: datetime) -> Subquery:
    length, resolution = PERIODS[SORTED_BY]
    seen = Rollup.objects.filter(
        server=OuterRef("pk"), resolution=resolution, start__gte=floor(now - length, resolution)
    )
    share = Cast(Sum("succeeded"), FloatField()) / (Sum("succeeded") + Sum("failed"))
    return Subquery(seen.order_by().values("server").annotate(share=share).values("share"), output_field=FloatField())
