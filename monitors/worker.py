"""What a probing worker process holds: one engine, one recorder."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from celery.signals import worker_shutting_down
from django.conf import settings

from monitors import kinds
from monitors.engine.base import Observation
from monitors.engine.loop import Engine, Job
from monitors.models import Server
from monitors.recorder import Batch, Recorder, linger, send_hint
from monitors.settings_table import RULE_COLUMNS, TARGET_COLUMNS
from monitors.status import Health
from monitors.targets import effective_of, policies, target_from
from monitors.validation import deny_list

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Worker:
    engine: Engine
    recorder: Recorder

    def probe(self, jobs: Sequence[Job], offset: float | None = None) -> Batch:
        """Hand `jobs` to the loop; the batch is done when every outcome is recorded. For `offset` see the engine."""
        batch = Batch(len(jobs))

        def sink(job: Job, observation: Observation | None) -> None:
            if observation is None:
                batch.finish()
            else:
                self.recorder.put(observation, batch, linger(job, observation))

        self.engine.submit(jobs, sink, offset)
        return batch


_worker: Worker | None = None
_lock = threading.Lock()
_stopped = threading.Event()


def running_worker() -> Worker | None:
    """This process's worker, started at the first use; None once the process is shutting down."""
    global _worker
    with _lock:
        if _stopped.is_set():
            return None
        if _worker is None:
            engine = Engine(kinds.probers_on, max_in_flight=settings.PROBE_MAX_IN_FLIGHT, deny=deny_list())
            recorder = Recorder(send_hint)
            engine.start()
            recorder.start()
            _worker = Worker(engine, recorder)
        return _worker


@worker_shutting_down.connect
def stop(**_: Any) -> None:
    """Give up the probes in flight, so that the process ends at once: what was not recorded was not looked at."""
    _stopped.set()
    with _lock:
        if _worker:
            _worker.engine.stop()
            _worker.recorder.stop()


def load(slots: dict[int, datetime]) -> list[Job]:
    """One job for each server that still exists and is not paused."""
    servers = Server.objects.active().filter(id__in=slots)
    in_force = policies()
    jobs = []
    for server in servers.values_list("id", "status__health", *RULE_COLUMNS, *TARGET_COLUMNS, named=True):
        rules = effective_of(server, in_force)
        target, health = target_from(server, rules.timeout), Health(server.status__health or Health.UNKNOWN)
        jobs.append(Job(server.id, slots[server.id], target, rules.interval, health))
    return jobs


def patience(jobs: Sequence[Job], now: datetime) -> float:
    """Seconds after which a batch must have been done whatever happened: the last slot, its timeout, and time to
    record."""
    margin = timedelta(seconds=30)
    longest = max(job.slot - now + getattr(job.target, "timeout", timedelta(0)) for job in jobs)
    return (longest + margin).total_seconds()
