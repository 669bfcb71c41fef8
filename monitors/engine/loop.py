"""The loop that probes: one per process, in a thread of its own, thousands of probes in flight.

Trusted authorities: see `monitors.engine.tls.TlsContexts` (SSL_CERT_FILE adds those of an internal authority).
"""

from __future__ import annotations

import asyncio
import logging
import resource
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock, Thread

import uvloop

from monitors.engine import failures, sentences
from monitors.engine.base import Observation, Outcome, Prober, Target
from monitors.engine.deny import DenyList
from monitors.engine.network import Network
from monitors.engine.resolver import Resolver
from monitors.engine.stalls import Stalls, may_be_ours
from monitors.status import Health
from monitors.steady import steady

logger = logging.getLogger(__name__)

GRACE = timedelta(seconds=2)
"""A job that could not start this long after its slot is dropped: it would overlap the server's next claim."""

SPARE_DESCRIPTORS = 200
"""Left for the database, the broker, the resolver and connections that part."""


@dataclass(frozen=True, slots=True)
class Job:
    """One server to look at, at its slot. Where the address is invalid the outcome is known and comes along instead."""

    server_id: int
    slot: datetime
    target: Target | Outcome
    interval: timedelta = timedelta(seconds=30)
    health: Health = Health.UNKNOWN
    """What was stored when the job was made. This and the interval say how soon its outcome matters."""


Probers = Callable[[Network], Mapping[str, Prober]]
"""Makes the prober of each scheme."""

Sink = Callable[[Job, Observation | None], None]
"""Takes what a job came to, None if it was dropped. Called once per job, in the loop's thread; must be quick."""


@dataclass(slots=True, eq=False)
class _Entry:
    """A job on its way: waiting for its slot, then perhaps for room, until its timer starts or drops it."""

    job: Job
    sink: Sink
    starts_at: float
    """Its slot, by the steady clock."""
    timer: asyncio.TimerHandle | None = None

    def instant(self) -> datetime:
        """What time it is by the clock that the slot was planned by."""
        return self.job.slot + timedelta(seconds=steady() - self.starts_at)

    def has_time_for(self, timeout: timedelta) -> bool:
        """Whether a look that begins now ends before the server's next slot."""
        return self.instant() + timeout <= self.job.slot + self.job.interval


class Engine:
    """Probes jobs at their slots, by the probers that `probers` makes in the loop.

    `max_in_flight` is lowered to what the descriptors of this process allow; the soft limit is raised to the hard one.
    `nameservers` (`127.0.0.1:5353`) replace those of resolv.conf.
    """

    def __init__(self, probers: Probers, max_in_flight: int, deny: DenyList, nameservers: Sequence[str] = ()) -> None:
        self._probers_on = probers
        self.max_in_flight = max_in_flight
        self._deny = deny
        self._nameservers = nameservers
        self._lock = Lock()
        self._accepting = False
        self._thread: Thread | None = None
        self._scheduled: set[_Entry] = set()
        self._waiting: deque[_Entry] = deque()
        self._running: dict[asyncio.Task[Observation], _Entry] = {}

    def start(self) -> None:
        """Start the loop's thread; returns when it runs. Raises what went wrong there."""
        self.max_in_flight = max(1, min(self.max_in_flight, _raise_descriptor_limit() - SPARE_DESCRIPTORS))
        ready: Future[None] = Future()
        self._thread = Thread(target=self._main, args=(ready,), name="probe-engine", daemon=True)
        self._thread.start()
        ready.result()
        self._accepting = True

    def stop(self) -> None:
        """Cancel everything that is scheduled or in flight: each sink gets None. Returns when the thread has ended."""
        with self._lock:
            if not self._accepting or self._thread is None:
                return
            self._accepting = False
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def submit(self, jobs: Sequence[Job], sink: Sink, offset: float | None = None) -> None:
        """Hand over jobs from any thread. Each starts at its slot, or at once if that is past by less than `GRACE`.

        `offset` leads from the clock of the slots (seconds since 1970) to the steady one; without it they are of this
        machine's clock. Raises RuntimeError if the engine does not run.
        """
        if offset is None:
            offset = steady() - time.time()
        entries = [_Entry(job, sink, job.slot.timestamp() + offset) for job in jobs]
        with self._lock:
            if not self._accepting:
                raise RuntimeError("the engine is not running")
            self._loop.call_soon_threadsafe(self._schedule, entries)

    def _main(self, ready: Future[None]) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve(ready))

    async def _serve(self, ready: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        try:
            network = Network(Resolver(self._deny, self._nameservers), self._deny)
        except Exception as exc:  # noqa: BLE001 - handed to the thread that starts
            ready.set_exception(exc)
            return
        self._probers = self._probers_on(network)
        self._stalls = Stalls(self._loop, in_flight=lambda: bool(self._running))
        ready.set_result(None)
        await self._stopping.wait()
        for entry in (*self._scheduled, *self._waiting):
            self._settle(entry, None)
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(tuple(self._running))
        await asyncio.sleep(0)  # for the callbacks of the last task
        await network.close()

    def _schedule(self, entries: list[_Entry]) -> None:
        for entry in entries:
            self._scheduled.add(entry)
            entry.timer = self._loop.call_later(max(0.0, entry.starts_at - steady()), self._slot_reached, entry)

    def _slot_reached(self, entry: _Entry) -> None:
        self._scheduled.discard(entry)
        left = entry.starts_at + GRACE.total_seconds() - steady()
        if left < 0:
            self._settle(entry, None)
        elif len(self._running) < self.max_in_flight or isinstance(entry.job.target, Outcome):
            self._begin(entry)
        else:
            self._waiting.append(entry)
            entry.timer = self._loop.call_later(left, self._drop, entry)

    def _begin(self, entry: _Entry) -> None:
        task = self._loop.create_task(self._observe(entry))
        self._running[task] = entry
        self._stalls.watch()
        task.add_done_callback(self._ended)

    def _drop(self, entry: _Entry) -> None:
        self._waiting.remove(entry)
        self._settle(entry, None)

    def _ended(self, task: asyncio.Task[Observation]) -> None:
        entry = self._running.pop(task)
        self._settle(entry, None if task.cancelled() else task.result())
        if self._waiting and not self._stopping.is_set():
            following = self._waiting.popleft()
            if following.timer is not None:
                following.timer.cancel()
            self._begin(following)

    def _settle(self, entry: _Entry, observation: Observation | None) -> None:
        if entry.timer is not None:
            entry.timer.cancel()
        try:
            entry.sink(entry.job, observation)
        except Exception:
            logger.exception("sink failed", extra={"server": entry.job.server_id})

    async def _observe(self, entry: _Entry) -> Observation:
        """Look; once more where it failed while we stood still ourselves and there is time; else it is inconclusive."""
        job, again = entry.job, False
        while True:
            at, began = entry.instant(), time.monotonic()
            if isinstance(job.target, Outcome):
                return Observation(job.server_id, job.slot, at, job.target)
            outcome = await _outcome(self._probers, job.target)
            stood_still = self._stalls.since(began)
            if not may_be_ours(outcome, stood_still, job.target.timeout, again=again):
                return Observation(job.server_id, job.slot, at, outcome)
            if again or not entry.has_time_for(job.target.timeout):
                detail = sentences.STOOD_STILL % {"seconds": f"{stood_still:.1f}"}
                unseen = Outcome(failures.PROBER_FAULT, outcome.elapsed, outcome.stages, detail)
                return Observation(job.server_id, job.slot, at, unseen)
            again = True


def look(target: Target, probers: Probers, *, deny: DenyList, nameservers: Sequence[str] = ()) -> Outcome:
    """Look once, now, in the calling thread, which must not run a loop. Blocks for at most the target's timeout."""

    async def once() -> Outcome:
        network = Network(Resolver(deny, nameservers), deny)
        try:
            return await _outcome(probers(network), target)
        finally:
            await network.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(once())


async def _outcome(probers: Mapping[str, Prober], target: Target) -> Outcome:
    """What the prober of the target's scheme finds. A bug of ours is inconclusive, and logged."""
    started_at = time.monotonic()
    try:
        return await probers[target.scheme](target, started_at + target.timeout.total_seconds())
    except Exception as exc:
        logger.exception("prober failed", extra={"scheme": target.scheme})
        elapsed = timedelta(seconds=time.monotonic() - started_at)
        return Outcome(failures.PROBER_FAULT, elapsed, detail=sentences.OWN_FAULT % {"kind": type(exc).__name__})


def _raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one (Debian's soft limit is 1,024). Returns the limit now."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems refuse their own "unlimited"
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2**31 if soft == resource.RLIM_INFINITY else soft
