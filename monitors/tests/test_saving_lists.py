"""Many servers edited at once: what each edit means is what it means alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from monitors import recording
from monitors.models import Server, ServerStatus, StatusTransition
from monitors.tests.builders import NOW, see, server

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

LATER = NOW + timedelta(minutes=1)


def edited(target: Server, **changes: object) -> Server:
    fresh = Server.objects.get(pk=target.pk)
    for name, value in changes.items():
        setattr(fresh, name, value)
    return fresh


def test_each_server_is_reset_told_again_or_left_as_its_own_change_asks():
    moved, heard, renamed, paused = server(), server(notification=False), server(), server()
    for target in (moved, heard, renamed):
        see(target, "--")
    recording.pause([paused.pk], actor="tests", now=NOW, reason="replaced")
    StatusTransition.objects.all().delete()
    recording.save_all(
        [
            edited(renamed, tags=["a"]),
            edited(moved, port=81, notification=True),
            edited(paused, port=81),
            edited(heard, notification=True),
        ],
        actor="kim",
        now=LATER,
    )
    said = {row.server_id: (row.reason, row.outage, row.actor) for row in StatusTransition.objects.all()}
    assert said == {
        moved.pk: ("edited", "ended", "kim"),
        heard.pk: ("notification_on", "ongoing", "kim"),
        paused.pk: ("edited", "", "kim"),
    }
    healths = dict(ServerStatus.objects.values_list("server_id", "health"))
    assert healths == {moved.pk: "UNKNOWN", heard.pk: "UNHEALTHY", renamed.pk: "UNHEALTHY", paused.pk: "UNKNOWN"}
    assert ServerStatus.objects.get(server=paused).next_probe_at is None
    assert Server.objects.get(pk=paused.pk).paused_reason == "replaced"


def test_shorter_intervals_hold_from_now_on():
    slow, fast = server(interval_seconds=3_600), server(interval_seconds=3_600)
    ServerStatus.objects.update(next_probe_at=LATER + timedelta(minutes=50))
    recording.save_all([edited(slow, tags=["a"]), edited(fast, interval_seconds=10)], actor="kim", now=LATER)
    assert ServerStatus.objects.get(server=slow).next_probe_at == LATER + timedelta(minutes=50)
    planned = ServerStatus.objects.get(server=fast).next_probe_at
    assert planned is not None
    assert LATER < planned <= LATER + timedelta(seconds=10)


def test_a_name_that_exists_and_a_server_that_is_gone_are_refused():
    one, two = server(host_name="one"), server(host_name="two")
    with pytest.raises(IntegrityError):
        recording.save_all([edited(two, host_name="one")], actor="kim", now=LATER)
    gone = edited(one)
    recording.delete([one.pk], actor="tests", now=NOW)
    with pytest.raises(Server.DoesNotExist):
        recording.save_all([gone], actor="kim", now=LATER)


def test_a_list_takes_one_statement_for_each_server_and_a_few_for_all():
    targets = [edited(server(), port=81) for _ in range(50)]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        recording.save_all(targets, actor="kim", now=LATER)
    assert len(queries) <= 50 + 15
