"""The loop that probes: at the slot, once each, whatever the neighbours do."""

from __future__ import annotations

import logging
import resource
import threading
import time
from datetime import UTC, datetime, timedelta

import pycares
import pytest

from monitors import kinds
from monitors.engine.base import Outcome, Target
from monitors.engine.deny import DenyList
from monitors.engine.loop import GRACE, Engine, Job, look
from monitors.tests import misbehaving as bad
from monitors.tests.failing import Failure
from monitors.tests.misbehaving import AMPLE, BRIEF, Farm, answer, says

LONGER = timedelta(seconds=1.2)


@pytest.fixture(scope="module")
def farm():
    with Farm() as farm:
        yield farm


@pytest.fixture
def started():
    """Starts engines, which end with the test."""
    engines = []

    def start(*args):
        engines.append(Engine(kinds.probers_on, *args))
        engines[-1].start()
        return engines[-1]

    yield start
    for engine in engines:
        engine.stop()


@pytest.fixture
def engine(started):
    return started(1_000, DenyList())


class Collector:
    """A sink that can be waited for."""

    def __init__(self, expected):
        self.taken = []
        self.threads = set()
        self._expected = expected
        self._full = threading.Event()

    def __call__(self, job, observation):
        self.threads.add(threading.current_thread().name)
        self.taken.append((job, observation))
        if len(self.taken) == self._expected:
            self._full.set()

    def wait(self, seconds=10.0):
        assert self._full.wait(seconds), f"{len(self.taken)} of {self._expected} taken"
        return self.taken

    @property
    def failures(self):
        return [observation and observation.outcome.failure for _, observation in self.taken]


def now(**later):
    return datetime.now(UTC) + timedelta(**later)


def web(server, host="127.0.0.1", **target):
    return Target("http", host, server.port, **{"timeout": AMPLE, **target})


def test_a_probe_starts_at_its_slot(farm, engine):
    server = farm.serve(says(answer()))
    slots = [now(seconds=0.1 + n * 0.05) for n in range(6)]
    sink = Collector(6)
    engine.submit([Job(n, slot, web(server)) for n, slot in enumerate(slots)], sink)
    for (job, observation), arrival in zip(sink.wait(), server.arrivals, strict=True):
        assert (observation.server_id, observation.slot) == (job.server_id, job.slot)
        assert observation.outcome.ok
        assert -0.005 < (observation.started_at - job.slot).total_seconds() < 0.25
        assert -0.005 < arrival - job.slot.timestamp() < 0.25


def test_a_slot_in_the_past_starts_at_once(farm, engine):
    sink = Collector(1)
    engine.submit([Job(1, now(seconds=-1), web(farm.serve(says(answer()))))], sink)
    assert sink.wait(1)[0][1].outcome.ok


def test_a_slot_that_is_long_past_is_dropped(farm, engine):
    server = farm.serve(says(answer()))
    sink = Collector(1)
    engine.submit([Job(1, datetime.now(UTC) - GRACE - BRIEF, web(server))], sink)
    assert sink.wait(1)[0][1] is None
    assert not server.arrivals


def test_an_outcome_that_is_known_is_passed_on(engine):
    known = Outcome(Failure.INVALID_ADDRESS, timedelta(0), detail="Enter a port from 1 to 65535.")
    sink = Collector(1)
    engine.submit([Job(1, now(), known)], sink)
    assert sink.wait()[0][1].outcome is known


def test_sinks_are_called_in_the_loop(engine, farm):
    sink = Collector(2)
    engine.submit([Job(n, now(), web(farm.serve(says(answer())))) for n in range(2)], sink)
    sink.wait()
    assert sink.threads == {"probe-engine"}


def test_any_thread_may_submit(engine, farm):
    server = farm.serve(says(answer()))
    sink = Collector(80)

    def submit(first):
        engine.submit([Job(first + n, now(), web(server)) for n in range(10)], sink)

    threads = [threading.Thread(target=submit, args=(n * 10,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {job.server_id for job, _ in sink.wait()} == set(range(80))
    assert set(sink.failures) == {None}


def test_hanging_servers_and_silent_names_delay_nobody(farm, started):
    names = farm.names(web=["127.0.0.1"])
    hanging, healthy = farm.serve(bad.hangs), farm.serve(says(answer()))
    engine = started(1_000, DenyList(), [names.server])
    slow, fast = Collector(240), Collector(40)
    at = now(seconds=0.05)
    patient = timedelta(seconds=4)  # the healthy ones are to be first even on a machine that is busy otherwise
    silent = [web(healthy, f"silent{n}.test", timeout=patient) for n in range(40)]
    targets = [web(hanging, timeout=patient)] * 200 + silent
    engine.submit([Job(n, at, target) for n, target in enumerate(targets)], slow)
    engine.submit([Job(n, at, web(healthy, "web.test")) for n in range(40)], fast)
    fast.wait()
    assert not slow.taken
    assert {observation.outcome.ok for _, observation in fast.taken} == {True}
    slow.wait()
    assert slow.failures.count(Failure.TIMEOUT_FIRST_BYTE) == 200
    assert slow.failures.count(Failure.RESOLVER_TIMEOUT) == 40


def test_no_more_than_the_limit_are_in_flight(farm, started):
    server = farm.serve(bad.drips(answer(), every=0))
    engine = started(3, DenyList())
    sink = Collector(30)
    engine.submit([Job(n, now(), web(server)) for n in range(30)], sink)
    assert len(sink.wait()) == 30
    assert set(sink.failures) == {None}
    assert server.most_open <= 4  # a server may see a connection end a moment after the next one begins


def test_a_job_for_which_there_was_no_room_is_dropped(farm, started):
    came = threading.Event()

    async def hangs(visit):
        came.set()
        await bad.hangs(visit)

    hanging, healthy = farm.serve(hangs), farm.serve(says(answer()))
    engine = started(1, DenyList())
    first, second = Collector(1), Collector(1)
    engine.submit([Job(1, now(), web(hanging))], first)
    assert came.wait(5)
    engine.submit([Job(2, datetime.now(UTC) - GRACE + BRIEF, web(healthy))], second)
    assert second.wait(1)[0][1] is None
    assert not first.taken
    assert not healthy.arrivals


def test_stopping_is_quick_and_forgets_nobody(farm, started):
    hanging = farm.serve(bad.hangs)
    names = farm.names()
    engine = started(100, DenyList(), [names.server])
    sink = Collector(180)
    in_flight = [Job(n, now(), web(hanging)) for n in range(60)]
    resolving = [Job(n, now(), web(hanging, f"silent{n}.test")) for n in range(60, 100)]
    without_room = [Job(n, now(seconds=0.02), web(hanging)) for n in range(100, 140)]
    later = [Job(n, now(seconds=60), web(hanging)) for n in range(140, 180)]
    begun = Collector(1)
    engine.submit([*in_flight, *resolving, *without_room, *later], sink)
    engine.submit([Job(0, now(seconds=0.1), Outcome(None, timedelta(0)))], begun)
    begun.wait()
    assert not sink.taken
    began = time.monotonic()
    engine.stop()
    assert time.monotonic() - began < 2
    assert sorted(job.server_id for job, _ in sink.wait(0)) == list(range(180))
    assert {observation for _, observation in sink.taken} == {None}
    assert "probe-engine" not in {thread.name for thread in threading.enumerate()}


def test_an_engine_that_does_not_run_takes_nothing(farm):
    engine = Engine(kinds.probers_on, 10, DenyList())
    job = Job(1, now(), web(farm.serve(says(answer()))))
    with pytest.raises(RuntimeError, match="not running"):
        engine.submit([job], Collector(1))
    engine.start()
    engine.stop()
    engine.stop()
    with pytest.raises(RuntimeError, match="not running"):
        engine.submit([job], Collector(1))


def test_a_bad_name_server_is_told_at_the_start():
    with pytest.raises(pycares.AresError, match="Misformatted"):
        Engine(kinds.probers_on, 10, DenyList(), ["not a name server"]).start()


def test_a_sink_that_fails_is_logged_and_harms_nobody(farm, engine, caplog):
    server = farm.serve(says(answer()))
    sink = Collector(2)

    def fails_once(job, observation):
        sink(job, observation)
        if len(sink.taken) == 1:
            raise RuntimeError("full")

    engine.submit([Job(n, now(), web(server)) for n in range(2)], fails_once)
    sink.wait()
    assert [(record.message, record.levelno) for record in caplog.records] == [("sink failed", logging.ERROR)]


def test_a_bug_of_ours_is_inconclusive_and_logged(engine, caplog):
    sink = Collector(1)
    engine.submit([Job(1, now(), Target("gopher", "127.0.0.1", 70))], sink)
    outcome = sink.wait()[0][1].outcome
    assert (outcome.failure, outcome.ok) == (Failure.PROBER_FAULT, None)
    assert "KeyError" in outcome.detail
    assert [record.message for record in caplog.records] == ["prober failed"]


def test_running_out_of_descriptors_is_our_fault(farm, engine):
    server = farm.serve(says(answer()))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    sink = Collector(1)
    resource.setrlimit(resource.RLIMIT_NOFILE, (4, hard))
    try:
        engine.submit([Job(1, now(), web(server))], sink)
        outcome = sink.wait()[0][1].outcome
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (outcome.failure, outcome.ok) == (Failure.PROBER_FAULT, None)
    assert "EMFILE" in outcome.detail


def test_the_limit_stays_under_the_descriptors_of_the_process(started):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1_024), hard))
    engine = started(10**9, DenyList())
    engine.stop()
    try:
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
        assert engine.max_in_flight <= (2**31 if hard == resource.RLIM_INFINITY else hard) - 200
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_look_works_in_any_thread(farm):
    server = farm.serve(says(answer()))
    seen = []
    thread = threading.Thread(target=lambda: seen.append(look(web(server), kinds.probers_on, deny=DenyList())))
    thread.start()
    thread.join()
    assert seen[0].ok
    assert look(web(server), kinds.probers_on, deny=DenyList()).ok
