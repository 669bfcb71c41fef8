"""From a claim to a stored status through the real loop, the real recorder and a real server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from monitors import kinds, recording, worker
from monitors.engine.base import Outcome
from monitors.engine.deny import DenyList
from monitors.engine.loop import Engine, Job
from monitors.models import PastOutcome, ServerStatus
from monitors.recorder import FLUSH_OUTCOMES, SOON_SECONDS, Batch, Recorder, linger
from monitors.status import Health
from monitors.tests.builders import NOW, observation, server
from monitors.worker import Worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
PATIENCE = 10


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_args):
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as web:
        thread = Thread(target=web.serve_forever, daemon=True)
        thread.start()
        yield web.server_address[1]
        web.shutdown()
        thread.join()


@pytest.fixture
def hints() -> list[str]:
    return []


@pytest.fixture
def running(hints) -> Iterator[Worker]:
    engine, recorder = (
        Engine(kinds.probers_on, max_in_flight=100, deny=DenyList()),
        Recorder(lambda: hints.append("ring")),
    )
    engine.start()
    recorder.start()
    yield Worker(engine, recorder)
    engine.stop()
    recorder.stop()


def test_a_batch_is_done_when_each_of_its_outcomes_is_stored(running, port, hints):
    up, down = server(port=port), server(port=1, unhealthy_threshold=1)
    slots = dict.fromkeys([up.pk, down.pk], timezone.now())
    assert running.probe(worker.load(slots)).done.wait(PATIENCE)
    health = dict(ServerStatus.objects.values_list("server_id", "health"))
    assert health == {up.pk: "HEALTHY", down.pk: "UNHEALTHY"}
    assert PastOutcome.objects.filter(server=up).get().status == 200
    assert hints == ["ring"]


def test_a_server_whose_stored_address_cannot_be_read_fails_and_harms_no_other(running, port):
    fine, broken = server(port=port), server(unhealthy_threshold=1)
    type(broken).objects.filter(pk=broken.pk).update(host="user:pw@nowhere")
    slots = dict.fromkeys([fine.pk, broken.pk], timezone.now())
    assert running.probe(worker.load(slots)).done.wait(PATIENCE)
    assert ServerStatus.objects.get(server=broken).failure == "invalid_address"
    assert ServerStatus.objects.get(server=fine).health == "HEALTHY"


def test_paused_and_deleted_servers_are_not_loaded():
    kept, paused, deleted = server(), server(), server()
    slots = dict.fromkeys([kept.pk, paused.pk, deleted.pk], NOW)
    recording.pause([paused.pk], actor="kim", now=NOW)
    recording.delete([deleted.pk], actor="kim", now=NOW)
    assert [job.server_id for job in worker.load(slots)] == [kept.pk]


def test_probes_given_up_at_shutdown_end_their_batch_and_store_nothing(running, port):
    jobs = worker.load({server(port=port).pk: timezone.now() + timedelta(minutes=1)})
    batch = running.probe(jobs)
    assert not batch.done.is_set()
    running.engine.stop()
    assert batch.done.wait(PATIENCE)
    assert not PastOutcome.objects.exists()


def test_loading_a_batch_takes_two_statements(django_assert_num_queries):
    slots = dict.fromkeys([server().pk for _ in range(40)], NOW)
    with django_assert_num_queries(2):
        assert len(worker.load(slots)) == 40


def test_one_outcome_that_cannot_be_stored_does_not_take_its_neighbours_along(caplog):
    good, bad = server(), server()
    recorder = Recorder(lambda: None)
    poisoned = observation(bad.pk, NOW)
    object.__setattr__(poisoned.outcome, "status", "not a number")
    object.__setattr__(poisoned.outcome, "elapsed", timedelta(days=-1))
    batch = Batch(2)
    recorder.start()
    for seen in (observation(good.pk, NOW), poisoned):
        recorder.put(seen, batch)
    assert batch.done.wait(PATIENCE)
    recorder.stop()
    assert ServerStatus.objects.get(server=good).health == "HEALTHY"
    assert recorder.dropped == 1


def test_a_flush_waits_for_a_database_that_is_away_for_a_moment():
    target = server()
    failures = [OperationalError("away"), OperationalError("away")]
    seen = Event()

    def interrupted(execute, sql, params, many, context):
        if failures:
            raise failures.pop()
        seen.set()
        return execute(sql, params, many, context)

    recorder = Recorder(lambda: None)
    with connection.execute_wrapper(interrupted):
        recorder._flush([observation(target.pk, NOW)])
    assert seen.is_set()
    assert ServerStatus.objects.get(server=target).health == "HEALTHY"
    assert recorder.dropped == 0


def test_a_header_that_no_key_can_read_makes_one_server_unseen_and_not_its_batch(running, port):
    fine, sealed = server(port=port), server(port=port, request_headers={"X-Key": "secret"}, unhealthy_threshold=1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE server_health SET request_headers = 'not encrypted' WHERE id = %s", [sealed.pk])
    slots = dict.fromkeys([fine.pk, sealed.pk], timezone.now())
    assert running.probe(worker.load(slots)).done.wait(PATIENCE)
    assert ServerStatus.objects.get(server=fine).health == "HEALTHY"
    assert ServerStatus.objects.get(server=sealed).health == "UNKNOWN"


def test_a_hint_that_fails_does_not_end_the_recorder():
    def fail():
        raise RuntimeError("no broker")

    recorder = Recorder(fail)
    recorder.start()
    for target in (server(unhealthy_threshold=1), server()):
        batch = Batch(1)
        recorder.put(observation(target.pk, NOW, ok=False), batch)
        assert batch.done.wait(PATIENCE)
    recorder.stop()
    assert PastOutcome.objects.count() == 2


@pytest.mark.parametrize(
    ("health", "ok", "interval", "seconds"),
    [
        (Health.HEALTHY, True, 30, 1.0),
        (Health.HEALTHY, True, 1, 0.2),
        (Health.HEALTHY, None, 30, 1.0),
        (Health.HEALTHY, False, 30, SOON_SECONDS),
        (Health.UNHEALTHY, False, 30, 1.0),
        (Health.UNHEALTHY, True, 30, SOON_SECONDS),
        (Health.UNKNOWN, True, 30, SOON_SECONDS),
        (Health.UNKNOWN, False, 30, SOON_SECONDS),
    ],
)
def test_an_outcome_that_may_be_news_is_recorded_before_one_that_is_not(health, ok, interval, seconds):
    target = Outcome(None, timedelta(0))
    job = Job(1, NOW, target, timedelta(seconds=interval), health)
    assert linger(job, observation(1, NOW, ok=ok)) == seconds


@pytest.fixture
def flushes(monkeypatch) -> list[int]:
    """How many outcomes each flush recorded; none is stored."""
    sizes: list[int] = []
    monkeypatch.setattr("monitors.recorder.record", lambda observations: sizes.append(len(observations)))
    return sizes


def put(recorder: Recorder, count: int, within: float) -> Batch:
    batch = Batch(count)
    for number in range(count):
        recorder.put(observation(number, NOW), batch, within)
    return batch


def test_one_outcome_that_may_be_news_takes_those_that_wait_along(flushes):
    recorder = Recorder(lambda: None)
    recorder.start()
    patient = put(recorder, 20, within=60)
    put(recorder, 1, within=0)
    assert patient.done.wait(PATIENCE)
    recorder.stop()
    assert flushes == [21]


def test_as_many_outcomes_as_one_flush_takes_do_not_wait(flushes):
    recorder = Recorder(lambda: None)
    recorder.start()
    assert put(recorder, FLUSH_OUTCOMES, within=60).done.wait(PATIENCE)
    recorder.stop()
    assert flushes == [FLUSH_OUTCOMES]


def test_what_waits_when_the_recorder_stops_is_recorded_first(flushes):
    recorder = Recorder(lambda: None)
    recorder.start()
    put(recorder, 3, within=60)
    recorder.stop(PATIENCE)
    assert flushes == [3]


def test_a_backlog_is_recorded_in_flushes_of_bounded_size(flushes):
    recorder = Recorder(lambda: None)
    batch = put(recorder, FLUSH_OUTCOMES + 1, within=60)
    recorder.start()
    assert batch.done.wait(PATIENCE)
    recorder.stop()
    assert flushes == [FLUSH_OUTCOMES, 1]


def test_the_jobs_of_a_batch_carry_what_was_stored_of_their_servers():
    up, new = server(interval_seconds=20), server()
    recording.record([observation(up.pk, NOW)])
    jobs = {job.server_id: job for job in worker.load(dict.fromkeys([up.pk, new.pk], NOW))}
    assert (jobs[up.pk].health, jobs[up.pk].interval) == (Health.HEALTHY, timedelta(seconds=20))
    assert (jobs[new.pk].health, jobs[new.pk].interval) == (Health.UNKNOWN, timedelta(seconds=10))
