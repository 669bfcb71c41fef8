"""From a claim to a stored status through the real loop, the real recorder and a real server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from monitors import recording, worker
from monitors.models import PastOutcome, ServerStatus
from monitors.probers.deny import DenyList
from monitors.probers.engine import Engine
from monitors.recorder import Batch, Recorder
from monitors.tests.builders import NOW, observation, server
from monitors.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)
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
    engine, recorder = Engine(max_in_flight=100, deny=DenyList()), Recorder(lambda: hints.append("ring"))
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
