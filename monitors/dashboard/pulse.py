"""Whether the monitor itself is looking."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Subquery

from monitors import freshness
from monitors.claiming import SILENCE
from monitors.freshness import stale
from monitors.models import Gap, Heartbeat, Server
from monitors.skew import Skew, far, skew_of

GAP_SHOWN_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pulse:
    ticked_at: datetime | None
    late: bool
    """Whether nothing is probed, so that nothing that is shown may be taken for true."""
    gap_ended_at: datetime | None = None
    gap: timedelta = timedelta(0)
    """The last one, if it is recent."""
    unanswered_since: datetime | None = None
    """The last outcome, where the schedule goes on and nobody does what it asks for."""
    skew: Skew | None = None
    """The clock that is furthest from the database's, if that is too far."""


def pulse(now: datetime) -> Pulse:
    """The last tick, outcome and gap, in one query; another one while no outcome came lately."""
    skewed = far(now)
    outcomes = Heartbeat.objects.filter(name="outcomes")
    gaps = Gap.objects.filter(ended_at__lte=now + freshness.AHEAD).order_by("-ended_at")
    beats = Heartbeat.objects.filter(name="tick").annotate(
        outcome_at=Subquery(outcomes.values("at")[:1]),
        gap_began_at=Subquery(gaps.values("began_at")[:1]),
        gap_ended_at=Subquery(gaps.values("ended_at")[:1]),
        clock=Subquery(skewed.values("name")[:1]),
        ahead=Subquery(skewed.values("skew_seconds")[:1]),
    )
    row = beats.values_list("at", "outcome_at", "gap_began_at", "gap_ended_at", "clock", "ahead").first()
    if row is None:
        return Pulse(None, late=True)
    ticked_at, outcome_at, began_at, ended_at, clock, ahead = row
    ticks = -freshness.AHEAD <= now - ticked_at <= SILENCE
    unanswered = ticks and _unanswered(outcome_at, ended_at, now)
    recent = ended_at is not None and -freshness.AHEAD < now - ended_at < GAP_SHOWN_FOR
    return Pulse(
        ticked_at,
        late=unanswered or not ticks,
        gap_ended_at=ended_at if recent else None,
        gap=ended_at - began_at if recent else timedelta(0),
        unanswered_since=outcome_at if unanswered else None,
        skew=skew_of(clock, ahead) if clock else None,
    )


def _unanswered(outcome_at: datetime | None, gap_ended_at: datetime | None, now: datetime) -> bool:
    """Whether a server is out of date, and would be if it had been the last one that was looked at.

    So it is no fault of the workers where a server alone is out of date, where all are looked at every hour, or where
    the monitor was down until now and the first slots are still to come. Before the first outcome of all, servers are
    unknown, which needs no warning.
    """
    if outcome_at is None:
        return False
    told = (outcome_at, gap_ended_at)
    quiet_since = max((at for at in told if at and at <= now + freshness.AHEAD), default=None)
    if quiet_since and now - quiet_since <= SILENCE:
        return False
    return Server.objects.annotate(silent=stale(now, at_the_earliest=quiet_since)).filter(silent=True).exists()
