"""What the page of one server says, in a constant number of queries, however long its history."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from monitors.charts import latency, stages
from monitors.charts.latency import RANGES, Chart
from monitors.dashboard import pulse
from monitors.display import effective_settings, status_of
from monitors.engine.base import Outcome
from monitors.models import Incident, LastFailure, PastOutcome, Rollup, Server, ServerStatus, StatusTransition
from monitors.policy import Policies
from monitors.spans import NONE, Outage, downtime, overlap
from monitors.strip import stages_ms
from monitors.targets import effective_of, policies
from monitors.uptime import PERIODS, life_of, months, outages, stretches

NEWEST = 10
"""Incidents, transitions and outcomes shown of one server."""
MONTHS = 3
DEFAULT_RANGE = "24h"
AHEAD = timedelta(seconds=10)
"""Clocks of hosts that work together differ by less: what is dated further ahead is of a clock that was wrong, and not
the latest that is known."""
EXPIRES_SOON = timedelta(days=14)


def overview(server: Server, chosen: str, now: datetime) -> dict[str, Any]:
    """For the template; `server` comes with its health and staleness, `chosen` is what the reader asked for."""
    in_force = policies()
    return {
        **_now(server, in_force, now),
        "settings": effective_settings(server, in_force),
        "last_failure": last_failure(server),
        **_uptime(server, now),
        "incidents": Incident.objects.filter(server=server).order_by("-began_at")[:NEWEST],
        "transitions": StatusTransition.objects.filter(server=server).order_by("-at", "-id")[:NEWEST],
        "outcomes": PastOutcome.objects.filter(server=server, slot__lte=now + AHEAD).order_by("-slot")[:NEWEST],
        **latency_of(server, chosen, in_force, now),
    }


def lately(server: Server, now: datetime) -> dict[str, Any]:
    """What every probe changes."""
    return _now(server, policies(), now)


def _uptime(server: Server, now: datetime) -> dict[str, Any]:
    calendar = months(now, timezone.get_current_timezone(), MONTHS)
    periods = [(now - length, now) for length in PERIODS.values()]
    life = life_of(server.pk, min(begin for begin, _ in (*calendar, *periods)), now)
    found = stretches(server.pk, life, [*periods, *calendar], now)
    return {"periods": list(zip(PERIODS, found, strict=False)), "months": found[len(periods) :]}


def _now(server: Server, in_force: Policies, now: datetime) -> dict[str, Any]:
    status, beat = status_of(server), pulse(now)
    return {
        "now": now,
        "server": server,
        "pulse": beat,
        "stale": getattr(server, "stale", False) or beat.late,
        "parts": parts_of(status) if status else [],
        "thresholds": effective_of(server, in_force).thresholds,
        "certificate": certificate(status, now),
    }


def latency_of(server: Server, chosen: str, in_force: Policies, now: datetime) -> dict[str, Any]:
    """The chart alone, for whoever asks for another range."""
    name = chosen if chosen in RANGES else DEFAULT_RANGE
    reach = RANGES[name]
    known = outages(server.pk, now - reach.length)
    rollups = Rollup.objects.filter(
        server=server,
        resolution=reach.resolution,
        start__gte=now - reach.length - reach.width,
        start__lte=now + AHEAD,
    ).order_by("start")
    sums = ("succeeded", "failed", "inconclusive", "elapsed_sum_us", "elapsed_max_us")
    chart: Chart = latency.draw(
        [row for row in rollups.values_list("start", *sums) if row[0] > now - reach.length],
        known,
        reach,
        now=now,
        interval=effective_of(server, in_force).interval,
        zone=timezone.get_current_timezone(),
    )
    return {"range": name, "ranges": RANGES, "chart": chart, "chart_down": _down(known, chart.begin, now)}


def parts_of(probe: ServerStatus | LastFailure | Incident) -> list[stages.Part]:
    """The bar of the stages that are stored with a probe."""
    return stages.parts(stages_ms(probe.stages), getattr(probe, "latency_ms", None))


def certificate(status: ServerStatus | Outcome | None, now: datetime) -> dict[str, Any] | None:
    """When the first of the certificates that were seen ends, and whose it is, where there were any."""
    if status is None or status.certificate_expires_at is None:
        return None
    left = status.certificate_expires_at - now
    return {
        "expires_at": status.certificate_expires_at,
        "subject": status.certificate_subject,
        "days": max(0, left.days),
        "soon": left < EXPIRES_SOON,
    }


def last_failure(server: Server) -> LastFailure | None:
    """None for a server that never failed."""
    return getattr(server, "last_failure", None)


def _down(known: list[Outage], begin: datetime, end: datetime) -> dict[str, Any]:
    return {
        "downtime": downtime(known, begin, end),
        "outages": sum(overlap(outage, begin, end) > NONE for outage in known),
    }
