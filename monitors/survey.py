"""Looking at many targets at once, outside the schedule. Nothing is stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from threading import Semaphore

from monitors import kinds
from monitors.engine import failures
from monitors.engine.base import Observation, Outcome, Target
from monitors.engine.deny import DenyList
from monitors.engine.loop import Engine, Job

APART = timedelta(milliseconds=2)
"""Between two starts. Thousands of TLS handshakes begun at once would time each other out and look like an outage."""


def survey(
    targets: Sequence[Target | Outcome], *, deny: DenyList, max_in_flight: int, nameservers: Sequence[str] = ()
) -> list[Outcome]:
    """The outcome of each target, in their order. Blocks until the last one is in."""
    engine = Engine(kinds.probers_on, max_in_flight, deny, nameservers)
    engine.start()
    found: SimpleQueue[tuple[int, Observation | None]] = SimpleQueue()
    room = Semaphore(engine.max_in_flight)

    def sink(job: Job, observation: Observation | None) -> None:
        room.release()
        found.put((job.server_id, observation))

    try:
        slot = datetime.now(UTC)
        for position, target in enumerate(targets):
            room.acquire()
            slot = max(slot + APART, datetime.now(UTC))
            engine.submit([Job(position, slot, target)], sink)
        by_position = dict(found.get() for _ in targets)
    finally:
        engine.stop()
    return [_outcome(by_position[position]) for position in range(len(targets))]


def _outcome(observation: Observation | None) -> Outcome:
    """A probe that this machine was too busy to start says nothing about its server."""
    return Outcome(failures.PROBER_FAULT, timedelta(0)) if observation is None else observation.outcome
