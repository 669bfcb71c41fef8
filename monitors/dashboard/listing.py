"""The servers that were asked for, a page at a time, worst first unless asked for otherwise.

Which servers are on a page is decided on few columns; only those hundred are then read in full.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import F, FloatField, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Cast

from monitors.dashboard.narrowing import matching
from monitors.dashboard.sentences import Tally
from monitors.display import STALE
from monitors.freshness import stale
from monitors.models import Rollup, Server
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
SORTED_BY = "24h"
"""The uptime that the list is sorted by."""


@dataclass(frozen=True, slots=True)
class Row:
    server: Any
    uptime: Sequence[float | None]
    """Of each of `monitors.uptime.PERIODS`, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Listing:
    page: Page[int]
    rows: Sequence[Row]


def listing(chosen: Mapping[str, str], number: str | None, counted: Sequence[Tally], now: datetime) -> Listing:
    """A page of the servers that were asked for. They were counted already."""
    environment, health = chosen["environment"], chosen["health"]
    paginator = Paginator(_ordered(_narrowed(chosen, now), chosen["sort"], now).values_list("pk", flat=True), PAGE_SIZE)
    paginator.count = sum(
        tally.matching
        for tally in counted
        if (not environment or tally.environment == environment) and (not health or tally.health == health)
    )
    page = paginator.get_page(number)
    ids = list(page.object_list)
    found = {row.server.pk: row for row in _read(Server.objects.filter(pk__in=ids), ids, now)}
    return Listing(page, [found[pk] for pk in ids if pk in found])  # one may have been deleted in between


def rows(server_ids: Collection[int], chosen: Mapping[str, str], now: datetime) -> list[Row]:
    """Those of `server_ids` that were asked for, in no order. Two queries."""
    return _read(_narrowed(chosen, now).filter(pk__in=server_ids), server_ids, now)


def _read(servers: QuerySet[Server], ids: Collection[int], now: datetime) -> list[Row]:
    found: Any = servers.with_health().annotate(stale=stale(now)).defer(*COLUMNS_NOT_SHOWN)  # type: ignore[attr-defined]
    seen = uptime_tallies(ids, now)
    return [
        Row(
            server,
            [tally.uptime if (tally := seen.get(server.pk, {}).get(period)) else None for period in PERIODS],
        )
        for server in found
    ]


def _narrowed(chosen: Mapping[str, str], now: datetime) -> Any:
    servers: Any = Server.objects.with_health().annotate(stale=stale(now))
    if chosen["environment"]:
        servers = servers.filter(environment=chosen["environment"])
    health = chosen["health"]
    if health == STALE:
        servers = servers.filter(stale=True, shown_health="HEALTHY")
    elif health:
        servers = servers.filter(shown_health=health)
        servers = servers.filter(stale=False) if health == "HEALTHY" else servers
    return servers.filter(matching(chosen))


def _ordered(servers: Any, sort: str, now: datetime) -> Any:
    name, backwards = sort.removeprefix("-"), sort.startswith("-")
    if name in ("", "state"):
        order = ("-severity", "stale", "host_name", "id") if backwards else ("severity", "-stale", "host_name", "id")
        return servers.order_by(*order)
    if name == "uptime":
        servers = servers.annotate(uptime=_uptime(now))
    column = F({"name": "host_name", "since": "status__since", "latency": "status__elapsed_us"}.get(name, name))
    ordered = column.desc(nulls_last=True) if backwards else column.asc(nulls_last=True)
    return servers.order_by(ordered, "id")


def _uptime(now: datetime) -> Subquery:
    length, resolution = PERIODS[SORTED_BY]
    seen = Rollup.objects.filter(
        server=OuterRef("pk"), resolution=resolution, start__gte=floor(now - length, resolution)
    )
    share = Cast(Sum("succeeded"), FloatField()) / (Sum("succeeded") + Sum("failed"))
    return Subquery(seen.order_by().values("server").annotate(share=share).values("share"), output_field=FloatField())
