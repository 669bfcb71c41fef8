"""What the queues carry, by the clock that all hosts share."""

from __future__ import annotations

from datetime import timedelta
from threading import Event
from types import SimpleNamespace

import pytest

from monitors import clock, skew, tasks, worker
from monitors.models import ServerStatus
from monitors.schedule import next_slot
from monitors.steady import steady
from monitors.tests.builders import INTERVAL, NOW, SECOND, server

pytestmark = pytest.mark.django_db


class Shared:
    """The database's clock and the steady one, both moved by the test."""

    def __init__(self):
        self.now, self.steady = NOW, 1_000.0

    def pass_(self, seconds, said=None):
        self.steady += seconds
        self.now += timedelta(seconds=seconds if said is None else said)


@pytest.fixture
def shared(monkeypatch):
    shown = Shared()
    monkeypatch.setattr(tasks, "database_now", lambda: shown.now)
    monkeypatch.setattr(clock, "steady", lambda: shown.steady)
    monkeypatch.setattr(tasks, "_set_back", clock.SetBack())
    monkeypatch.setattr(tasks, "_planned_by", None)
    monkeypatch.setattr(tasks, "_waiting_batches", lambda: 0)
    monkeypatch.setattr(skew, "note", lambda _part: None)
    return shown


@pytest.fixture
def handed_out(monkeypatch):
    """The claims of every batch that was sent."""
    sent = []
    monkeypatch.setattr(tasks.probe_servers, "apply_async", lambda args, **_more: sent.extend(args[0]))
    return sent


@pytest.mark.parametrize("back", [3, 5, 10])
def test_a_small_step_back_delays_no_server_that_is_looked_at_every_second(shared, handed_out, back):
    target = server(interval_seconds=1, timeout_seconds=0.5)
    for _ in range(5):
        tasks.probe_due()
        ServerStatus.objects.update(claimed_until=None)
        shared.pass_(1)
    shared.pass_(0, said=-back)
    handed_out.clear()
    for _ in range(2):
        tasks.probe_due()
        shared.pass_(1)
    assert [server_id for server_id, _ in handed_out][:1] == [target.pk]
    assert ServerStatus.objects.get().next_probe_at <= shared.now + 3 * SECOND


def test_a_tick_hands_out_what_is_due_by_the_database_s_clock(shared, handed_out):
    target = server()
    tasks.probe_due()
    assert handed_out == [(target.pk, NOW.isoformat())]
    assert ServerStatus.objects.get().next_probe_at == next_slot(target.pk, NOW, INTERVAL)


def test_slots_are_started_by_the_database_s_clock_and_those_long_past_are_given_up(shared, monkeypatch):
    late, early = server(), server()
    taken = []

    def probe(jobs, offset):
        taken.append(({job.server_id: job.slot for job in jobs}, offset))
        done = Event()
        done.set()
        return SimpleNamespace(done=done)

    monkeypatch.setattr(worker, "running_worker", lambda: SimpleNamespace(probe=probe))
    monkeypatch.setattr("monitors.tasks.connection.close", lambda: None)  # the test's transaction lives in it
    slots = [(late.pk, (NOW - 3 * SECOND).isoformat()), (early.pk, (NOW + SECOND).isoformat())]
    tasks.probe_servers(slots)
    ((jobs, offset),) = taken
    assert jobs == {early.pk: NOW + SECOND}
    assert NOW.timestamp() + offset == shared.steady != steady()
