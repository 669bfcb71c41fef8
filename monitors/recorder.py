"""One thread per process that records the outcomes of all batches, so that what recording costs does not depend on the
size of a batch and no slow server delays a neighbour's result."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from math import inf

from celery import current_app
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connection

from monitors import skew
from monitors.claiming import note_outcomes
from monitors.clock import database_now
from monitors.engine.base import Observation
from monitors.engine.loop import Job
from monitors.recording import record
from monitors.status import Health

logger = logging.getLogger(__name__)

LINGER_SECONDS = 1.0
"""How long an outcome waits for company: each flush costs two wake-ups and a transaction, whatever its size."""
SOON_SECONDS = 0.15
"""How long one waits that may complete a run, and so may be news."""
FLUSH_OUTCOMES = 500
PATIENCE_SECONDS = 5.0
"""How long a flush is tried again while the database is away. What cannot be stored then is dropped, and counted: it is
as if nobody had looked, and no counter moves."""

RETRY_SECONDS = 0.25

Hint = Callable[[], None]


def linger(job: Job, observation: Observation) -> float:
    """Seconds that an outcome may wait for company.

    One that speaks against the stored health is soon recorded. So is that of a server with a short interval, whose next
    slot cannot be claimed before.
    """
    expected = {Health.HEALTHY: True, Health.UNHEALTHY: False}.get(job.health)
    if observation.outcome.ok is not None and observation.outcome.ok is not expected:
        return SOON_SECONDS
    return min(LINGER_SECONDS, job.interval.total_seconds() / 5)


class Batch:
    """The probes that one task handed out; `done` is set when each of them is recorded or dropped."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = threading.Lock()
        self.done = threading.Event()
        if not size:
            self.done.set()

    def finish(self, count: int = 1) -> None:
        with self._lock:
            self._left -= count
            if self._left <= 0:
                self.done.set()


class Recorder:
    """Records what has come in when the first of it has waited long enough, or there are `FLUSH_OUTCOMES` of it; rings
    `hint` after news."""

    def __init__(self, hint: Hint) -> None:
        self._hint = hint
        self._waiting: deque[tuple[Observation, Batch]] = deque()
        self._due = inf
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._news = threading.Event()
        self._bell = threading.Thread(target=self._ring, name="bell", daemon=True)
        self._beaten_at = 0.0
        self.dropped = 0

    def start(self) -> None:
        self._thread.start()
        self._bell.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Record what is waiting, then end."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout)

    def put(self, observation: Observation, batch: Batch, within: float = 0) -> None:
        """Have `observation` recorded within so many seconds."""
        with self._changed:
            self._waiting.append((observation, batch))
            due = time.monotonic() + within
            if due < self._due or len(self._waiting) == FLUSH_OUTCOMES:
                self._due = min(due, self._due)
                self._changed.notify()

    def _run(self) -> None:
        while collected := self._collect():
            try:
                self._flush([observation for observation, _ in collected])
                self._beat()
            except Exception:  # a recorder that ends would leave the process alive and blind
                logger.exception("recorder stumbled", extra={"outcomes": len(collected)})
            finally:
                for _, batch in collected:
                    batch.finish()
        connection.close()

    def _collect(self) -> list[tuple[Observation, Batch]]:
        """Wait for what is to be recorded next; empty when nothing will come any more."""
        with self._changed:
            while not self._stopping and len(self._waiting) < FLUSH_OUTCOMES:
                left = self._due - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(None if left == inf else left)
            collected = [self._waiting.popleft() for _ in range(min(FLUSH_OUTCOMES, len(self._waiting)))]
            self._due = time.monotonic() if self._waiting else inf
            return collected

    def _ring(self) -> None:
        """In a thread of its own: a broker that hangs must not hold up what is to be recorded."""
        while True:
            self._news.wait()
            self._news.clear()
            try:
                self._hint()
            except Exception as error:
                logger.warning("hint not sent", exc_info=error)

    def _beat(self) -> None:
        if time.monotonic() - self._beaten_at >= 1:
            self._beaten_at = time.monotonic()
            skew.note("probes")
            if gap := note_outcomes(database_now()):
                logger.warning("nothing was recorded", extra={"seconds": gap.duration.total_seconds()})

    def _flush(self, observations: Sequence[Observation]) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            close_old_connections()
            try:
                news = record(observations)
            except (OperationalError, InterfaceError):
                connection.close()
                if time.monotonic() >= until:
                    self._drop(observations, "the database is away")
                    return
                time.sleep(RETRY_SECONDS)
            except Exception:
                logger.exception("recording failed", extra={"outcomes": len(observations)})
                self._flush_singly(observations)
                return
            else:
                if news:
                    self._news.set()
                return

    def _flush_singly(self, observations: Sequence[Observation]) -> None:
        """One outcome that cannot be stored does not take its neighbours along."""
        for observation in observations:
            try:
                record([observation])
            except Exception:
                logger.exception("outcome cannot be stored", extra={"server": observation.server_id})
                self._drop([observation], "it cannot be stored")
        self._news.set()

    def _drop(self, observations: Sequence[Observation], reason: str) -> None:
        self.dropped += len(observations)
        logger.error(
            "outcomes dropped",
            extra={"reason": reason, "outcomes": len(observations), "server": observations[0].server_id},
        )


def send_hint() -> None:
    """Ring the bell of whoever passes transitions on. Lossy: the next tick makes certain."""
    current_app.send_task(settings.TRANSITION_HINT_TASK, expires=2, retry=False)
