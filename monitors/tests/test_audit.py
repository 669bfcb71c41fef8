"""The audit log: what is written, what is hidden, how it is read, how long it is kept."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from monitors import audit, recording, retention
from monitors.audit import Act, Item, Origin, Subject
from monitors.models import AuditEntry, Face, Incident, Server
from monitors.tests.answers import text
from monitors.tests.builders import NOW, see, server

HOSTILE = "<script>alert(1)</script>"


def write(*names, act=Act.CHANGED, subject=Subject.SERVER, at=NOW, actor="kim", **changes):
    items = [Item(number, name, changes or {"port": (80, 443)}) for number, name in enumerate(names, 1)]
    audit.record(act, subject, items, at=at, actor=actor)


def servers(count):
    """Not stored yet."""
    columns = {"host": "h", "port": 1, "type": 1, "environment": "DEV"}
    return [Server(host_name=f"w-{number}", **columns) for number in range(count)]


def entries(**condition):
    return AuditEntry.objects.filter(**condition).order_by("id")


# what is written


@pytest.mark.django_db
class TestWriting:
    def test_only_what_changed_is_written_with_its_value_before_and_after(self):
        target = server()
        AuditEntry.objects.all().delete()
        target.port, target.tags = 9090, ["payment"]
        recording.save(target, actor="kim", now=NOW)
        entry = entries().get()
        assert entry.changes == {"port": [8080, 9090], "tags": [None, ["payment"]]}
        assert (entry.at, entry.actor, entry.subject_id, entry.subject_name) == (
            NOW,
            "kim",
            str(target.pk),
            str(target),
        )

    def test_what_is_saved_as_it_was_is_no_change(self):
        target = server()
        before = entries().count()
        recording.save(target, actor="kim", now=NOW)
        assert entries().count() == before

    def test_what_is_undone_leaves_no_entry(self):
        target = server()
        before = entries().count()
        with transaction.atomic():
            recording.pause([target.pk], actor="kim", now=NOW)
            assert entries().count() == before + 1
            transaction.set_rollback(True)
        assert entries().count() == before
        assert not Server.objects.get().paused

    def test_what_a_server_was_is_kept_with_its_deletion(self):
        target = server(host_name="gone", tags=["a", "b"])
        recording.delete([target.pk], actor="kim", now=NOW)
        changes = entries(action="deleted").get().changes
        assert changes["host_name"] == ["gone", None]
        assert changes["tags"] == [["a", "b"], None]
        assert "created_at" not in changes

    def test_many_that_are_made_at_once_are_found_by_their_keys(self):
        recording.create(servers(2), now=NOW)
        keys = {str(one.pk): one.host_name for one in Server.objects.all()}
        assert dict(entries(action="created").values_list("subject_id", "subject_name")) == keys

    def test_the_end_of_a_pause_says_what_the_pause_was_for(self):
        target = server()
        recording.pause([target.pk], actor="kim", now=NOW, reason="new disks")
        recording.resume([target.pk], actor="lee", now=NOW)
        assert entries(action="resumed").get().changes == {
            "paused": [True, False],
            "paused_reason": ["new disks", None],
        }

    def test_who_comes_second_acknowledges_nothing(self):
        see(server(), "--")
        for actor in ("kim", "lee"):
            recording.acknowledge(Incident.objects.get().pk, actor=actor, now=NOW)
        assert [entry.actor for entry in entries(action="acknowledged")] == ["kim"]

    def test_what_probes_find_is_nobodys_doing(self):
        target = server()
        before = entries().count()
        see(target, "+--++")
        assert entries().count() == before

    def test_texts_that_are_too_long_are_cut_off(self):
        write("n" * 300, actor="a" * 300, detail=("", "x" * 5_000))
        entry = entries().get()
        assert (len(entry.actor), len(entry.subject_name), len(entry.changes["detail"][1])) == (150, 255, 2_000)

    def test_any_text_is_kept(self):
        write("한국어 🩺 \\ '\"", detail=("%s", HOSTILE))
        entry = entries().get()
        assert (entry.subject_name, entry.changes) == ("한국어 🩺 \\ '\"", {"detail": ["%s", HOSTILE]})


BULK = {  # what is done to all servers at once
    "pause": lambda ids: recording.pause(ids, actor="kim", now=NOW),
    "notification": lambda ids: recording.set_notification(ids, False, actor="kim", now=NOW),
    "delete": lambda ids: recording.delete(ids, actor="kim", now=NOW),
    "edit": lambda ids: recording.save_all(
        [_moved(one) for one in Server.objects.filter(pk__in=ids)], actor="kim", now=NOW
    ),
}


def _moved(one: Server) -> Server:
    one.port += 1
    return one


@pytest.mark.django_db
@pytest.mark.parametrize("change", BULK.values(), ids=BULK)
def test_many_changes_at_once_are_one_statement(change):
    many = servers(150)
    with CaptureQueriesContext(connection) as creating:
        recording.create(many, now=NOW)
    with CaptureQueriesContext(connection) as changing:
        change(list(Server.objects.values_list("pk", flat=True)))
    for captured in (creating, changing):
        assert sum("monitors_auditentry" in query["sql"] for query in captured.captured_queries) == 1
    assert entries().count() == 300


# who, and from where


@pytest.mark.django_db
class TestOrigin:
    def test_who_acts_goes_before_whom_the_writer_was_told(self):
        with audit.acting(Origin(Face.SLACK, "C1", "alice (Slack)")):
            write("a", actor="somebody")
        write("b", actor="somebody")
        assert list(entries().values_list("actor", "face", "address")[:1]) == [("alice (Slack)", "slack", "C1")]
        assert entries().get(subject_name="b").actor == "somebody"

    def test_what_nobody_is_named_for_was_done_by_the_account_of_the_process(self, monkeypatch):
        def nameless():
            raise OSError("no name for this number")

        monkeypatch.setattr("getpass.getuser", nameless)
        monkeypatch.setattr("os.getuid", lambda: 4711)
        write("a", actor="")
        assert (entries().get().actor, entries().get().face) == ("4711", "command")

    def test_the_one_before_is_restored_also_after_an_error(self):
        with audit.acting(Origin(Face.PAGE, actor="outer")):
            with pytest.raises(ZeroDivisionError), audit.acting(Origin(Face.API, actor="inner")):
                raise ZeroDivisionError
            write("a")
        assert entries().get().actor == "outer"


# what is hidden

SHOWN: dict[str, tuple[str, Any, Any]] = {  # field, value, what is kept of it
    "headers": ("request_headers", {"Authorization": "secret"}, {"Authorization": "********"}),
    "a webhook": ("hook_url", "https://hooks.slack.com/services/secret", "********"),
    "a password": ("password", "md5$secret", "********"),
    "no webhook": ("hook_url", None, None),
    "a path": ("path", "/health", "/health"),
    "a query": ("path", "/health?key=secret", "/health?********"),
    "a bare host": ("host", "web.example.com", "web.example.com"),
    "a host with a path": ("host", "https://web.example.com:8443/a", "https://web.example.com:8443/a"),
    "a host with a query": ("host", "https://web.example.com/a?secret", "https://web.example.com/a?********"),
    "a host with a password": ("host", "https://me:secret@web.example.com/a", "https://********@web.example.com/a"),
    "a password with an @": ("host", "https://me:secr@et@web.example.com", "https://********@web.example.com"),
    "a bare host with a password": ("host", "me:secret@web.example.com", "********@web.example.com"),
    "an @ in a path": ("path", "/users/@me", "/users/@me"),
    "a list": ("tags", ["a", 1, None], ["a", 1, None]),
    "an instant": ("expires_at", NOW, "2026-11-22T12:00:00+00:00"),
    "a truth": ("enabled", True, True),
    "anything else": ("odd", timedelta(seconds=1), "0:00:01"),
}


@pytest.mark.parametrize(("field", "value", "kept"), SHOWN.values(), ids=SHOWN)
def test_secrets_are_masked(field, value, kept):
    assert audit.shown(field, value) == kept


VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())


@given(st.dictionaries(st.text(), VALUES), st.dictionaries(st.text(), VALUES))
def test_differences_are_what_changed_and_nothing_else(before, after):
    found = audit.differences(before, after)
    for name in {*before, *after}:
        old, new = before.get(name), after.get(name)
        same = old == new or (old in ("", None, []) and new in ("", None, []))
        assert (name in found) is not same
    assert audit.differences(before, before) == {}
    json.dumps({name: [audit.shown(name, value) for value in pair] for name, pair in found.items()})


# how long it is kept


@pytest.mark.django_db
def test_entries_are_kept_for_400_days_and_deleted_by_chunks(monkeypatch):
    monkeypatch.setattr(retention, "CHUNK", 2)
    write("a", "b", "c", at=NOW - timedelta(days=400, seconds=1))
    write("kept", at=NOW - timedelta(days=400))
    assert retention.prune(NOW) == 3
    assert [entry.subject_name for entry in entries()] == ["kept"]


@pytest.mark.django_db
def test_nobody_adds_changes_or_deletes_an_entry(admin_client):
    write("a")
    key = entries().get().pk
    path = f"/admin/monitors/auditentry/{key}/"
    assert "port: 80 → 443" in text(admin_client.get("/admin/monitors/auditentry/"))
    assert admin_client.post(f"{path}delete/", {"post": "yes"}).status_code == 403
    assert admin_client.post(f"{path}change/", {"actor": "x"}).status_code == 403
    assert admin_client.post("/admin/monitors/auditentry/add/", {"actor": "x"}).status_code == 403
    admin_client.post("/admin/monitors/auditentry/", {"action": "delete_selected", "_selected_action": [key]})
    assert entries().get().actor == "kim"
