"""Servers and observations for tests; time is an argument."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from monitors import recording
from monitors.engine.base import Observation, Outcome, Stages
from monitors.models import Server
from monitors.tests.failing import Failure

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
INTERVAL = 10 * SECOND
_numbers = count(1)


def server(**columns: Any) -> Server:
    """A stored LIVE web server with a status row; thresholds of 2 unless given."""
    defaults = {
        "host_name": f"web-{next(_numbers)}",
        "host": "127.0.0.1",
        "port": 8080,
        "type": 1,
        "environment": "LIVE",
        "healthy_threshold": 2,
        "unhealthy_threshold": 2,
        "interval_seconds": 10,
    }
    return recording.save(Server(**{**defaults, **columns}), actor="tests", now=NOW)


def outcome(ok: bool | None = True, detail: str = "") -> Outcome:
    failure = None if ok else Failure.PROBER_FAULT if ok is None else Failure.REFUSED
    stages = Stages(connect=timedelta(microseconds=300), first_byte=timedelta(milliseconds=2))
    return Outcome(failure, timedelta(milliseconds=3), stages, detail, 200 if ok else None, "127.0.0.1")


def observation(server_id: int, slot: datetime, ok: bool | None = True, detail: str = "") -> Observation:
    """An observation that began 5 ms after its slot."""
    return Observation(server_id, slot, slot + timedelta(milliseconds=5), outcome(ok, detail))


def see(target: Server, outcomes: str, start: datetime = NOW) -> datetime:
    """Record `outcomes` (+ success, - failure, i inconclusive), an interval apart from `start` on; returns the slot
    that follows."""
    slot = start
    for letter in outcomes:
        recording.record([observation(target.pk, slot, {"+": True, "-": False, "i": None}[letter])])
        slot += INTERVAL
    return slot
