"""Whether the monitor itself is looking."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Subquery

from monitors.claiming import SILENCE
from monitors.models import Gap, Heartbeat

GAP_SHOWN_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pulse:
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
