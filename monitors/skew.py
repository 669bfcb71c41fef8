"""How far the clock of each host is from the database's. Nothing is decided by it: it is told to whoever can set it."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Abs
from django.utils import timezone

from monitors.clock import MOST_SKEW, database_now
from monitors.models import Heartbeat
from monitors.steady import steady

PREFIX = "clock "
"""Of the heartbeats that tell it: `clock probes@host`."""
EVERY_SECONDS = 10.0
FRESH = timedelta(minutes=1)
"""What was noted longer ago may have been mended."""
ABSENT = timedelta(days=1)

_noted_at: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class Skew:
    host: str
    seconds: float
    """How far its clock is ahead of the database's."""


def own() -> timedelta | None:
    """How far this machine's clock is ahead of the database's; None where the database has no other one."""
    if connection.vendor != "mysql":
        return None
    began = time.monotonic()
    shown = database_now()
    took = timedelta(seconds=time.monotonic() - began)
    return timezone.now() - took / 2 - shown


def note(part: str) -> None:
    """Store `own` for `part` of the monitor on this machine, now and then."""
    if steady() - _noted_at.get(part, -EVERY_SECONDS) < EVERY_SECONDS:
        return
    _noted_at[part] = steady()
    if (skew := own()) is None:
        return
    name = f"{PREFIX}{part}@{socket.gethostname()}"[:50]
    seen = {"at": timezone.now() - skew, "skew_seconds": round(skew.total_seconds(), 3)}
    if not Heartbeat.objects.filter(name=name).update(**seen):
        Heartbeat.objects.bulk_create([Heartbeat(name=name, **seen)], ignore_conflicts=True)


def far(now: datetime) -> QuerySet[Heartbeat]:
    """What tells of clocks that are further away than is harmless, the furthest first."""
    most = MOST_SKEW.total_seconds()
    beyond = Q(skew_seconds__gt=most) | Q(skew_seconds__lt=-most)
    return Heartbeat.objects.filter(beyond, name__startswith=PREFIX, at__gt=now - FRESH).order_by(
        Abs("skew_seconds").desc(), "name"
    )


def skew_of(name: str, seconds: float) -> Skew:
    return Skew(name.partition("@")[2], seconds)


def forget_absent(now: datetime) -> None:
    """Forget the hosts that are gone."""
    Heartbeat.objects.filter(name__startswith=PREFIX, at__lt=now - ABSENT).delete()
