"""What a server's status remembers, and how one observation changes it. Pure: rows in, rows out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from monitors.engine.base import MAX_DETAIL, Observation
from monitors.schedule import EPOCH
from monitors.spans import Span
from monitors.status import Health, Standing, Thresholds, advance
from monitors.strip import MICROSECOND, append, pack_stages

INTERVALS_KNOWN = 2
"""For how many intervals a conclusive outcome speaks for its server."""


@dataclass(slots=True)
class Memory:
    """The columns of a status row that outcomes move."""

    standing: Standing
    since: datetime | None = None
    run_began_at: datetime | None = None
    first_failure: str = ""
    """The failure, and its detail, that began the current or latest failing run."""
    first_detail: str = ""
    failure: str = ""
    """The latest failure; kept while the server is unhealthy, empty once it is healthy again."""
    detail: str = ""
    last_checked_at: datetime | None = None
    elapsed_us: int | None = None
    stages: str = ""
    peer: str = ""
    recent: str = ""
    incident_id: int | None = None
    last_slot: datetime | None = None
    certificate_expires_at: datetime | None = None
    """The earliest end of the last certificates that were seen: a handshake that fails shows none."""
    certificate_subject: str = ""
    known_until: datetime | None = None
    """Until when the last conclusive outcome speaks for the server."""


@dataclass(frozen=True, slots=True)
class Flip:
    """A change of health: when the run began that caused it, and the latest failure before or at it."""

    before: Health
    after: Health
    began_at: datetime
    at: datetime
    failure: str
    detail: str


def fold(memory: Memory, observation: Observation, thresholds: Thresholds) -> Flip | None:
    """Fold `observation` into `memory`; returns the change of health that it completes, if any.

    An outage is dated from the first failed probe of its run, a recovery from its first success. A server that nobody
    could see during its outage keeps the outage's beginning as its `since`. What is remembered as later than the
    observation was written by a clock that was wrong.
    """
    outcome, at = observation.outcome, observation.started_at
    before = memory.standing
    outage = memory.incident_id is not None
    after = memory.standing = advance(before, ok=outcome.ok, thresholds=thresholds, incident_open=outage)
    memory.last_slot = observation.slot
    memory.last_checked_at = at
    memory.elapsed_us = outcome.elapsed // MICROSECOND
    memory.stages = pack_stages(outcome.stages)
    memory.peer = outcome.address
    if outcome.certificate_expires_at:
        memory.certificate_expires_at = outcome.certificate_expires_at
        memory.certificate_subject = outcome.certificate_subject
    memory.recent = append(memory.recent, observation)
    if after.successes + after.failures == 1 and outcome.ok is not None:
        memory.run_began_at = at
        if not outcome.ok:
            memory.first_failure, memory.first_detail = str(outcome.failure), outcome.detail[:MAX_DETAIL]
    memory.run_began_at = _not_after(at, memory.run_began_at)
    memory.since = _not_after(at, memory.since)
    unseen = outage and before.health is Health.UNKNOWN
    previous = (memory.first_failure, memory.first_detail) if unseen else (memory.failure, memory.detail)
    if outcome.ok is False or (after.health is Health.UNKNOWN and outcome.failure):
        memory.failure, memory.detail = str(outcome.failure), outcome.detail[:MAX_DETAIL]
    elif outcome.ok and after.health is Health.HEALTHY:
        memory.failure = memory.detail = ""
    if after.health is before.health:
        return None
    began_at = at if outcome.ok is None else memory.run_began_at or at
    if not outage or after.health is Health.HEALTHY:
        memory.since = began_at
    failure, detail = previous if outcome.ok else (memory.failure, memory.detail)
    return Flip(before.health, after.health, began_at, at, failure, detail)


def _not_after(at: datetime, remembered: datetime | None) -> datetime | None:
    return at if remembered is not None and remembered > at else remembered


def learn(memory: Memory, observation: Observation, interval: timedelta) -> Span | None:
    """Note that a conclusive outcome speaks for its server for two intervals; returns the time before it in which
    nothing did, if there was any.

    It is the interval in force at the outcome that counts: one that was changed since says nothing about when the next
    outcome could be expected. Slots are compared, so that it plays no part how long a look waits or takes; but what was
    not known is not known until the look begins.
    """
    slot, began_at = observation.slot, observation.started_at
    known_until, memory.known_until = memory.known_until, slot + INTERVALS_KNOWN * interval
    if known_until is not None and known_until >= slot:
        return None
    return known_until or EPOCH, min(max(slot, began_at), slot + interval)
