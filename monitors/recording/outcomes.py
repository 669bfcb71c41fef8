"""Outcomes in, status, history and news out: the hot path, a constant number of statements for each batch."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from monitors.bulk import upsert
from monitors.engine.base import MAX_DETAIL, Observation, Outcome
from monitors.fields import InstantField, to_milliseconds
from monitors.folding import Flip, Memory, fold
from monitors.models import LastFailure, PastOutcome, Reason, Rollup, Server, ServerStatus
from monitors.recording.learning import Learned
from monitors.recording.news import Change, Evidence, store
from monitors.settings_table import RULE_COLUMNS
from monitors.status import Health, Standing
from monitors.strip import MICROSECOND
from monitors.targets import address_text, effective_of, policies
from monitors.transactions import retried_atomic

logger = logging.getLogger(__name__)

STANDING = tuple(Standing.__dataclass_fields__)
MEMORY = tuple(name for name in Memory.__dataclass_fields__ if name != "standing")
STATUS_ROW = ("server_id", *STANDING, *MEMORY, "claimed_until")
_standing, _memory = attrgetter(*STANDING), attrgetter(*MEMORY)
_OF_STATUS = {field.attname: field for field in ServerStatus._meta.concrete_fields}
INSTANTS = [place for place, name in enumerate(MEMORY) if isinstance(_OF_STATUS[name], InstantField)]
HISTORY_COLUMNS = ("server_id", "slot", "failure", "elapsed_us", "status", "stages", "detail")
FAILURE_COLUMNS = ("server_id", "at", "failure", "detail", "status", "peer", "stages", "answer")
ROLLUP_COLUMNS = (
    "server_id",
    "resolution",
    "start",
    "succeeded",
    "failed",
    "inconclusive",
    "blips",
    "elapsed_sum_us",
    "elapsed_max_us",
)
ROLLUP_KEY = ROLLUP_COLUMNS[:3]


def record(observations: Iterable[Observation]) -> int:
    """Store a batch of outcomes and the transitions that they complete. The only writer of outcomes.

    In one short transaction: lock the status rows (in key order), drop observations of paused or deleted servers and
    of slots already recorded, fold the rest, write back in bulk. Returns how many transitions were stored.
    """
    return sum(_record_round(batch) for batch in _rounds(observations))


def _rounds(observations: Iterable[Observation]) -> Iterator[dict[int, Observation]]:
    """Batches with one observation of each server, in the order of the slots."""
    rest = sorted(observations, key=lambda observation: observation.slot)
    while rest:
        batch: dict[int, Observation] = {}
        rest = [seen for seen in rest if batch.setdefault(seen.server_id, seen) is not seen]
        yield batch


@retried_atomic
def _record_round(observations: Mapping[int, Observation]) -> int:
    memories = _lock(observations)
    columns = ("id", "host_name", "notification", "paused", *RULE_COLUMNS)
    rows = Server.objects.filter(id__in=memories).values_list(*columns, named=True)
    servers = {server.id: server for server in rows}
    in_force = policies()
    recorded: dict[int, Memory] = {}
    learned = Learned()
    flips: list[tuple[Any, Memory, Flip]] = []
    for server_id, memory in memories.items():
        observation, server = observations[server_id], servers.get(server_id)
        if server is None or server.paused or (memory.last_slot is not None and observation.slot <= memory.last_slot):
            continue
        rules = effective_of(server, in_force)
        learned.add(memory, observation, rules.interval)
        flip = fold(memory, observation, rules.thresholds)
        recorded[server_id] = memory
        if flip:
            flips.append((server, memory, flip))
    stored = [(observations[server_id], memory) for server_id, memory in recorded.items()]
    _store_flips(flips, observations)
    upsert(
        ServerStatus,
        STATUS_ROW,
        map(_status_row, recorded.items()),
        key=("server_id",),
    )
    failed = [_failure_row(*pair) for pair in stored if pair[0].outcome.ok is False]
    upsert(LastFailure, FAILURE_COLUMNS, failed, key=("server_id",))
    upsert(PastOutcome, HISTORY_COLUMNS, (_history_row(*pair) for pair in stored), key=("server_id", "slot"))
    upsert(
        Rollup,
        ROLLUP_COLUMNS,
        (row for observation, _ in stored for row in _rollup_rows(observation, learned.blips)),
        key=ROLLUP_KEY,
        sums=("succeeded", "failed", "inconclusive", "blips", "elapsed_sum_us"),
        maxima=("elapsed_max_us",),
    )
    learned.store()
    return len(flips)


def _lock(observations: Mapping[int, Observation]) -> dict[int, Memory]:
    rows = ServerStatus.objects.lock(observations).values_list("server_id", *STANDING, *MEMORY)
    return {
        server_id: Memory(Standing(Health(health), *run[: len(STANDING) - 1]), *run[len(STANDING) - 1 :])
        for server_id, health, *run in rows
    }


def _store_flips(flips: Sequence[tuple[Any, Memory, Flip]], observations: Mapping[int, Observation]) -> None:
    """Store the transitions and remember in each memory which incident is open now."""
    if not flips:
        return
    opening = [server.id for server, memory, flip in flips if flip.after is Health.UNHEALTHY]
    addresses = {
        server.id: address_text(server)
        for server in Server.objects.filter(id__in=opening).defer("request_headers", "options")
    }
    changes = [_change(*flip, addresses, observations[flip[0].id].outcome) for flip in flips]
    incidents = store(changes)
    for server, memory, flip in flips:
        memory.incident_id = incidents[server.id]
        if (flip.before, flip.after) != (Health.UNKNOWN, Health.HEALTHY):  # ten thousand new servers are no news
            extra = {"server": server.id, "from": flip.before, "to": flip.after, "failure": flip.failure}
            logger.info("status changed", extra=extra)


def _change(server: Any, memory: Memory, flip: Flip, addresses: Mapping[int, str], outcome: Outcome) -> Change:
    return Change(
        server_id=server.id,
        host_name=server.host_name,
        environment=server.environment,
        notification=server.notification,
        before=flip.before,
        after=flip.after,
        reason=Reason.INCONCLUSIVE if flip.after is Health.UNKNOWN else Reason.OUTCOMES,
        at=flip.at,
        incident_id=memory.incident_id,
        began_at=flip.began_at,
        failure=flip.failure,
        detail=flip.detail,
        address=addresses.get(server.id, ""),
        evidence=Evidence(outcome.status, outcome.address, memory.stages, outcome.answer),
    )


def _status_row(item: tuple[int, Memory]) -> tuple[Any, ...]:
    server_id, memory = item
    row = list(_memory(memory))
    for place in INSTANTS:
        if (value := row[place]) is not None:
            row[place] = to_milliseconds(value)
    return (server_id, *_standing(memory.standing), *row, None)  # the claim is done


def _history_row(observation: Observation, memory: Memory) -> tuple[Any, ...]:
    outcome = observation.outcome
    return (
        observation.server_id,
        to_milliseconds(observation.slot),
        outcome.failure or "",
        outcome.elapsed // MICROSECOND,
        outcome.status,
        memory.stages,
        "" if outcome.failure is None else outcome.detail[:MAX_DETAIL],
    )


def _failure_row(observation: Observation, memory: Memory) -> tuple[Any, ...]:
    outcome = observation.outcome
    return (
        observation.server_id,
        to_milliseconds(observation.started_at),
        outcome.failure,
        outcome.detail[:MAX_DETAIL],
        outcome.status,
        outcome.address,
        memory.stages,
        outcome.answer,
    )


def _rollup_rows(observation: Observation, blips: Mapping[int, int]) -> Iterator[tuple[int, ...]]:
    outcome = observation.outcome
    ok, failed, inconclusive = outcome.ok is True, outcome.ok is False, outcome.ok is None
    elapsed = outcome.elapsed // MICROSECOND if ok else 0
    broken_off = blips.get(observation.server_id, 0)
    seconds = int(observation.slot.timestamp())
    for resolution in (Rollup.MINUTE, Rollup.HOUR, Rollup.DAY):
        start = (seconds - seconds % resolution) * 1000
        yield observation.server_id, resolution, start, +ok, +failed, +inconclusive, broken_off, elapsed, elapsed
