"""Claiming, recording and people, all at once: nothing deadlocks for good, nothing is counted twice."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Count

from monitors import claiming, recording
from monitors.models import Incident, PastOutcome, Server, ServerStatus, StatusTransition
from monitors.tests.builders import INTERVAL, NOW, SECOND, observation, server
from notifications import outbox
from notifications.models import Channel, Delivery

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
THREADS = 4


def together(*jobs):
    """Run `jobs` at once, each in a thread with a connection of its own; raises what any of them raised."""

    def run(job):
        try:
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def test_ticks_at_once_claim_each_server_once():
    ids = {server().pk for _ in range(200)}
    claims = together(*[lambda: claiming.claim_due(NOW)] * THREADS)
    assert Counter(claim.server_id for batch in claims for claim in batch) == Counter(ids)


def test_recorders_at_once_count_each_slot_once():
    ids = [server().pk for _ in range(50)]
    batch = [observation(id_, NOW + n * INTERVAL, ok=False) for id_ in ids for n in range(3)]

    def record():
        shuffled = random.sample(batch, len(batch))
        return recording.record(shuffled)

    together(*[record] * THREADS)
    assert PastOutcome.objects.count() == 150
    assert set(ServerStatus.objects.values_list("failures", flat=True)) == {3}
    assert StatusTransition.objects.filter(outage="began").count() == Incident.objects.count() == 50


def test_people_ticks_and_recorders_get_in_each_others_way_without_harm():
    ids = [server(unhealthy_threshold=1, healthy_threshold=1).pk for _ in range(40)]
    rounds = 12

    def tick():
        for n in range(rounds):
            claiming.claim_due(NOW + n * SECOND)

    def record():
        for n in range(rounds):
            slot = NOW + timedelta(minutes=1) + n * INTERVAL
            recording.record([observation(id_, slot, ok=bool((n + id_) % 2)) for id_ in ids])

    def pause():
        for n in range(rounds):
            some = random.sample(ids, 10)
            recording.pause(some, actor="kim", now=NOW + n * SECOND)
            recording.resume(some, actor="kim", now=NOW + n * SECOND)

    def edit():
        for n in range(rounds):
            target = Server.objects.get(pk=random.choice(ids))
            target.port, target.interval_seconds = 1000 + n, 5 + n
            recording.save(target, actor="lee", now=NOW + n * SECOND)

    together(tick, record, pause, edit, tick)
    open_incidents = dict(Incident.objects.filter(ended_at=None).values_list("server_id", "id"))
    statuses = ServerStatus.objects.all()
    assert {row.pk: row.incident_id for row in statuses if row.incident_id} == open_incidents
    assert {row.pk for row in statuses if row.health == "UNHEALTHY"} == set(open_incidents)


def test_hand_overs_at_once_tell_each_channel_once():
    Channel.objects.create(channel_id="C1")
    Channel.objects.create(channel_id="C2")
    ids = [server(unhealthy_threshold=1).pk for _ in range(60)]
    recording.record([observation(id_, NOW, ok=False) for id_ in ids])
    together(*[lambda: outbox.fan_out_news(NOW)] * THREADS)
    told = Delivery.objects.values_list("channel_id", "kind").annotate(count=Count("id"))
    expected = {(name, kind, count) for name in ("C1", "C2") for kind, count in (("failure", 60), ("storm", 1))}
    assert set(told.order_by()) == expected
    assert not StatusTransition.objects.filter(handed_over_at=None).exists()
