"""A stall of our own is never the server's failure."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitors import kinds
from monitors.engine import loop as engines
from monitors.engine import stalls
from monitors.engine.base import Outcome, Target
from monitors.engine.deny import DenyList
from monitors.engine.loop import Engine, Job
from monitors.engine.stalls import LATE_SECONDS, Stalls, may_be_ours
from monitors.steady import steady
from monitors.tests import misbehaving as bad
from monitors.tests.failing import Failure
from monitors.tests.misbehaving import Farm, answer, says

SECOND = timedelta(seconds=1)
HANGING = Failure.TIMEOUT_FIRST_BYTE


# what counts as ours


def failed(failure, status=None):
    return Outcome(failure, SECOND, status=status)


JUDGED = {  # sentence: (outcome, seconds that we stood still, timeout in seconds, looked again, may be ours)
    "a timeout while we ran": (failed(HANGING), 0.0, 5, False, False),
    "a timeout while we were a little late": (failed(HANGING), 0.3, 5, False, False),
    "a timeout while we stood still for a tenth of it": (failed(HANGING), 0.5, 5, False, True),
    "a short timeout": (failed(HANGING), LATE_SECONDS, 1, False, True),
    "a long timeout, and a second": (failed(HANGING), 1.0, 60, False, True),
    "a reset": (failed(Failure.RESET), 15.0, 5, False, True),
    "a handshake that was broken off": (failed(Failure.TLS_HANDSHAKE), 15.0, 5, False, True),
    "a WebSocket that was closed": (failed(Failure.WS_CLOSED), 15.0, 5, False, True),
    "names that were not resolved in time": (failed(Failure.RESOLVER_TIMEOUT), 15.0, 5, False, True),
    "a network that is not back yet": (failed(Failure.UNREACHABLE), 15.0, 5, False, True),
    "a server that waited for our request": (failed(Failure.HTTP_4XX, 408), 15.0, 5, False, True),
    "a refusal, which takes no time": (failed(Failure.REFUSED), 15.0, 5, False, False),
    "an answer that is bad": (failed(Failure.HTTP_5XX, 503), 15.0, 5, False, False),
    "a certificate": (failed(Failure.CERT_EXPIRED), 15.0, 5, False, False),
    "a success": (Outcome(None, SECOND), 15.0, 5, False, False),
    "what is inconclusive anyway": (failed(Failure.PROBER_FAULT), 15.0, 5, False, False),
    "late again, but not for long": (failed(HANGING), 1.0, 5, True, False),
    "still again for half of the timeout": (failed(HANGING), 2.5, 5, True, True),
}


@pytest.mark.parametrize(("outcome", "stood_still", "timeout", "again", "ours"), JUDGED.values(), ids=JUDGED)
def test_what_may_come_of_a_stall_of_ours(outcome, stood_still, timeout, again, ours):
    assert may_be_ours(outcome, stood_still, timeout * SECOND, again=again) is ours


class Loop:
    """Calls its one timer when it is told to."""

    def __init__(self):
        self.timers: list[Callable[[], None]] = []

    def call_later(self, _seconds, call):
        self.timers.append(call)
        return object()

    def fire(self):
        self.timers.pop()()


@pytest.fixture
def clocks(monkeypatch):
    """The monotonic clock, and for how long the machine was suspended."""
    shown = {"monotonic": 100.0, "suspended": 7.0}
    monkeypatch.setattr("monitors.engine.stalls.time.monotonic", lambda: shown["monotonic"])
    monkeypatch.setattr(stalls, "_suspended", lambda: shown["suspended"])
    return shown


def watching(in_flight=lambda: True):
    loop: Any = Loop()
    watch = Stalls(loop, in_flight)
    watch.watch()
    return loop, watch


def test_a_loop_that_is_on_time_stands_still_for_no_time(clocks):
    loop, watch = watching()
    for _ in range(5):
        clocks["monotonic"] += stalls.PERIOD_SECONDS + 0.1
        loop.fire()
    assert watch.since(100.0) == 0


def test_a_timer_that_comes_late_tells_of_a_stall_in_what_was_on_its_way_then(clocks):
    loop, watch = watching()
    clocks["monotonic"] += stalls.PERIOD_SECONDS + 1.5
    loop.fire()
    assert watch.since(100.1) == pytest.approx(1.5)
    assert watch.since(clocks["monotonic"]) == 0, "what began afterwards"


def test_a_stall_is_known_before_its_timer_has_come(clocks):
    _, watch = watching()
    clocks["monotonic"] += stalls.PERIOD_SECONDS + 1.5
    assert watch.since(100.1) == pytest.approx(1.5)


def test_a_suspended_machine_stands_still_though_no_timer_is_late(clocks):
    loop, watch = watching()
    clocks["monotonic"] += stalls.PERIOD_SECONDS
    clocks["suspended"] += 600
    assert watch.since(100.1) == pytest.approx(600)
    loop.fire()
    assert watch.since(100.1) == pytest.approx(600)


def test_nothing_is_timed_while_nothing_is_on_its_way(clocks):
    loop, watch = watching(in_flight=lambda: False)
    clocks["monotonic"] += 0.3
    loop.fire()
    assert not loop.timers
    clocks["monotonic"] += 3600
    watch.watch()
    assert watch.since(100.1) == 0


# the loop that probes


@pytest.fixture(scope="module")
def farm():
    with Farm() as farm:
        yield farm


@pytest.fixture
def engine():
    engine = Engine(kinds.probers_on, 1_000, DenyList())
    engine.start()
    yield engine
    engine.stop()


class Look:
    """One server that is looked at, by a loop that stands still once the server has been asked."""

    def __init__(self, farm, engine, behaviour, *, waits=False):
        """`waits`: the server answers only once the loop stands still."""
        self._engine = engine
        self.asked, self.standing, self.done = threading.Event(), threading.Event(), threading.Event()
        self.outcome = None

        async def behave(visit):
            self.asked.set()
            if waits:
                await asyncio.to_thread(self.standing.wait, 10)
            await behaviour(visit)

        self.server = farm.serve(behave)

    def begin(self, timeout=1.0, interval=30.0, slot=None):
        target = Target("http", "127.0.0.1", self.server.port, timeout=timedelta(seconds=timeout))
        job = Job(1, slot or datetime.now(UTC), target, timedelta(seconds=interval))
        self._engine.submit([job], self._take)
        return self

    def stand_still(self, seconds):
        def stand():
            self.standing.set()
            time.sleep(seconds)

        assert self.asked.wait(10)
        self._engine._loop.call_soon_threadsafe(stand)
        return self

    def end(self):
        assert self.done.wait(20)
        return self.outcome

    def _take(self, _job, observation):
        self.outcome = observation and observation.outcome
        self.done.set()


def test_a_server_that_answers_while_we_stand_still_is_healthy(farm, engine):
    assert Look(farm, engine, says(answer()), waits=True).begin().stand_still(1.5).end().ok


def test_a_server_that_hangs_is_found_out_by_the_second_look(farm, engine):
    look = Look(farm, engine, bad.hangs).begin().stand_still(1.5)
    assert look.end().failure is HANGING
    assert len(look.server.arrivals) == 2


def test_a_look_that_has_no_time_for_another_one_is_inconclusive(farm, engine):
    outcome = Look(farm, engine, bad.hangs).begin(interval=1.0).stand_still(1.5).end()
    assert (outcome.ok, outcome.failure) == (None, Failure.PROBER_FAULT)
    assert outcome.detail.startswith("The monitor itself stood still for")


def test_a_server_that_resets_while_we_stand_still_is_looked_at_again(farm, engine):
    visits = []

    async def resets_once(visit):
        visits.append(visit)
        await (bad.resets if len(visits) == 1 else says(answer()))(visit)

    assert Look(farm, engine, resets_once, waits=True).begin().stand_still(1.5).end().ok


@pytest.fixture
def suspended(monkeypatch):
    """Suspends the machine: every clock but the monotonic one goes on by so many seconds."""
    extra = 0.0

    def suspend(seconds):
        nonlocal extra
        extra += seconds

    for module in (engines, stalls):
        monkeypatch.setattr(module, "steady", lambda: steady() + extra)
    return suspend


def test_what_was_in_flight_when_the_machine_was_suspended_is_inconclusive(farm, engine, suspended):
    look = Look(farm, engine, bad.hangs).begin()
    assert look.asked.wait(10)
    suspended(600)
    assert look.end().ok is None


def test_what_waits_for_its_slot_when_the_machine_is_suspended_is_dropped(farm, engine, suspended):
    look = Look(farm, engine, says(answer())).begin(slot=datetime.now(UTC) + SECOND)
    suspended(600)
    assert look.end() is None
    assert not look.asked.is_set()


def test_slots_are_those_of_the_clock_that_planned_them(farm, engine):
    """Whatever this machine's own clock says."""
    planned_by = datetime(2020, 1, 1, tzinfo=UTC)
    look, found = Look(farm, engine, says(answer())), []
    target = Target("http", "127.0.0.1", look.server.port, timeout=5 * SECOND)
    job = Job(1, planned_by + 0.2 * SECOND, target)

    def take(_job, seen):
        found.append(seen)
        look.done.set()

    engine.submit([job], take, steady() - planned_by.timestamp())
    look.end()
    assert found[0].outcome.ok
    assert timedelta(seconds=-0.005) < found[0].started_at - job.slot < 2 * SECOND
