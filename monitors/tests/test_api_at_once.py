"""Requests that meet each other: these need real transactions, hence no test's own around them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection

from monitors import recording
from monitors.engine import loop as engine
from monitors.engine.base import Outcome
from monitors.models import Server
from monitors.tests.builders import server
from monitors.tests.people import client_of
from monitors.tests.test_concurrency import together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

NEW = {"host_name": "Chat", "host": "chat.example.com", "port": 443, "type": 2, "environment": "LIVE"}


@pytest.fixture
def root():
    """A superuser: the roles of the migration do not outlive tests of this kind."""
    return client_of(is_superuser=True)


def test_two_changes_of_a_server_at_once_are_both_kept(root):
    target = server()
    for number in range(1, 9):
        changes = {"port": number, "healthy_threshold": number, "tags": [str(number)], "notification": bool(number % 2)}
        jobs = [
            lambda field=field, value=value: root.patch(f"/api/servers/{target.pk}/", {field: value}, format="json")
            for field, value in changes.items()
        ]
        assert [response.status_code for response in together(*jobs)] == [200] * len(changes)
        stored = Server.objects.get()
        assert {field: getattr(stored, field) for field in changes} == changes


def test_of_two_servers_of_one_name_at_once_one_is_refused(root):
    for number in range(6):
        jobs = [
            lambda name=name: root.post("/api/servers/", {**NEW, "host_name": name}, format="json")
            for name in (f"chat-{number}", f"CHAT-{number}")
        ]
        assert sorted(response.status_code for response in together(*jobs)) == [201, 400]
    assert Server.objects.count() == 6


def test_a_list_that_a_stranger_overtakes_is_refused_and_nothing_is_written(root, monkeypatch):
    def overtaken(servers, *, now):
        raise IntegrityError(1062, "Duplicate entry 'chat' for key 'host_name'")

    monkeypatch.setattr(recording, "create", overtaken)
    response = root.post("/api/servers/bulk/", [NEW], format="json")
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "host_name")


def test_nothing_is_locked_while_the_prober_looks(root, monkeypatch):
    def look(target, probers, *, deny):
        assert not connection.in_atomic_block
        return Outcome(None, timedelta(milliseconds=1))

    monkeypatch.setattr(engine, "look", look)
    target = server()
    assert root.post(f"/api/servers/{target.pk}/probe/").json()["ok"] is True
