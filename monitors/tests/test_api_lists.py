from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from monitors import recording
from monitors.models import Incident, Policy, Server, ServerStatus, StatusTransition
from monitors.tests.builders import INTERVAL, NOW, see, server
from monitors.tests.people import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def viewer():
    return client_of("viewer")


def names(client, path: str) -> list[str]:
    response = client.get(path)
    assert response.status_code == 200, response.content
    return [row["host_name"] for row in response.json()["results"]]


@pytest.fixture
def fleet():
    """Six servers, one of each kind of health."""
    server(host_name="chat", type=2, environment="DEV", tags=["payment", "seoul"])
    server(host_name="edit", type=3, environment="STAGE", notification=False, tags=["seoul"], host="edit.example.com")
    server(host_name="game", type=4, environment="LIVE", tags=["pay"])
    up, down, paused = server(host_name="up"), server(host_name="down"), server(host_name="paused")
    see(up, "+")
    see(down, "--")
    recording.pause([paused.pk], actor="somebody", now=NOW)


FILTERS = {
    "": "chat edit game up down paused",
    "environment=DEV": "chat",
    "environment=DEV&environment=STAGE": "chat edit",
    "type=3": "edit",
    "type=2&type=4": "chat game",
    "notification=false": "edit",
    "notification=True": "chat game up down paused",
    "health=UNHEALTHY": "down",
    "health=HEALTHY&health=PAUSED": "up paused",
    "health=UNKNOWN": "chat edit game",
    "tag=seoul": "chat edit",
    "tag=pay": "game",
    "search=EDIT": "edit",
    "search=example.com": "edit",
    "search=%25": "",
    "environment=LIVE&health=UNKNOWN": "game",
    "ordering=-host_name": "up paused game edit down chat",
    "ordering=-type,-id": "game edit chat paused down up",
    "page_size=2": "chat edit",
    "page_size=2&page=3": "down paused",
    "page=last&page_size=4": "down paused",
}


@pytest.mark.parametrize(("query", "expected"), FILTERS.items(), ids=FILTERS)
def test_servers_are_filtered_ordered_and_paged(viewer, fleet, query, expected):
    assert names(viewer, f"/api/servers/?{query}") == expected.split()


def test_a_page_says_how_many_there_are_and_where_the_next_is(viewer, fleet):
    body = viewer.get("/api/servers/?page_size=4").json()
    assert (body["count"], len(body["results"]), body["previous"]) == (6, 4, None)
    assert "page=2" in body["next"]


def test_a_page_has_100_rows_and_at_most_1000(viewer):
    rows = [Server(host_name=f"s{n}", host="a", port=1, type=1, environment="DEV") for n in range(1_001)]
    recording.create(rows, now=NOW)
    assert len(names(viewer, "/api/servers/")) == 100
    assert len(names(viewer, "/api/servers/?page_size=5000")) == 1_000


def test_statuses_are_listed_worst_first(viewer, fleet):
    assert names(viewer, "/api/status/") == ["down", "chat", "edit", "game", "paused", "up"]
    assert names(viewer, "/api/status/?health=PAUSED&health=UNHEALTHY") == ["down", "paused"]


def test_a_status_has_the_fields_of_the_contract(viewer, fleet):
    rows = {row["host_name"]: row for row in viewer.get("/api/status/").json()["results"]}
    began = NOW + timedelta(milliseconds=5)
    assert isinstance(rows["down"].pop("stale"), bool)
    assert rows["down"] == {
        "id": Server.objects.get(host_name="down").pk,
        "host_name": "down",
        "environment": "LIVE",
        "health": "UNHEALTHY",
        "since": began.isoformat().replace("+00:00", "Z"),
        "last_checked_at": (began + INTERVAL).isoformat().replace("+00:00", "Z"),
        "latency_ms": 3.0,
        "failure": "refused",
        "detail": None,
        "notification": True,
        "certificate_expires_at": None,
        "certificate_subject": None,
    }
    assert (rows["up"]["health"], rows["up"]["failure"], rows["up"]["latency_ms"]) == ("HEALTHY", None, 3.0)
    assert (rows["paused"]["health"], rows["paused"]["stale"]) == ("PAUSED", False)
    assert (rows["chat"]["since"], rows["chat"]["last_checked_at"], rows["chat"]["latency_ms"]) == (None, None, None)


def test_seed_defect_16_telling_and_health_are_separate_facts(viewer):
    target = server(notification=False)
    see(target, "+")
    (row,) = viewer.get("/api/status/").json()["results"]
    assert (row["health"], row["notification"]) == ("HEALTHY", False)


def test_a_failure_before_its_run_is_complete_is_not_shown_as_the_state_of_a_healthy_server(viewer):
    see(server(), "+-")
    (row,) = viewer.get("/api/status/").json()["results"]
    assert (row["health"], row["failure"]) == ("HEALTHY", None)


def test_a_server_that_a_stranger_inserted_has_a_status(viewer):
    Server.objects.create(host_name="stranger", host="a", port=1, type=9, environment="LIVE")
    (row,) = viewer.get("/api/status/").json()["results"]
    assert (row["health"], row["stale"], row["failure"]) == ("UNKNOWN", False, None)


AGES = {  # seconds since the last probe, the server: stale
    "just probed": (1, {}, False),
    "a little under two intervals and a timeout": (20, {"timeout_seconds": 2.0}, False),
    "over two intervals and a timeout": (23, {"timeout_seconds": 2.0}, True),
    "over, but within a longer interval": (23, {"interval_seconds": 60}, False),
    "paused": (1_000, {"paused": True}, False),
}


@pytest.mark.parametrize(("seconds", "columns", "stale"), AGES.values(), ids=AGES)
def test_a_status_is_stale_after_two_intervals_and_a_timeout(viewer, seconds, columns, stale):
    long_ago = timezone.now() - timedelta(days=1)
    target = server(**columns)
    Server.objects.filter(pk=target.pk).update(created_at=long_ago)
    checked = timezone.now() - timedelta(seconds=seconds)
    ServerStatus.objects.update(health="HEALTHY", since=long_ago, last_checked_at=checked)
    (row,) = viewer.get("/api/status/").json()["results"]
    assert row["stale"] is stale


def test_a_server_that_was_never_probed_is_stale_when_it_should_have_been(viewer):
    target = server()
    assert viewer.get("/api/status/").json()["results"][0]["stale"] is False
    Server.objects.filter(pk=target.pk).update(created_at=timezone.now() - timedelta(minutes=1))
    assert viewer.get("/api/status/").json()["results"][0]["stale"] is True


def test_a_server_that_was_resumed_is_not_stale_at_once(viewer):
    target = server(paused=True)
    Server.objects.filter(pk=target.pk).update(created_at=timezone.now() - timedelta(days=1))
    ServerStatus.objects.update(last_checked_at=timezone.now() - timedelta(hours=1))
    recording.resume([target.pk], actor="somebody", now=timezone.now())
    assert viewer.get("/api/status/").json()["results"][0]["stale"] is False


def test_transitions_are_listed_newest_first_with_the_fields_of_the_contract(viewer, fleet):
    recording.pause([Server.objects.get(host_name="down").pk], actor="somebody", reason="rest", now=NOW + 9 * INTERVAL)
    rows = viewer.get("/api/transitions/").json()["results"]
    instants = [datetime.fromisoformat(row["at"]) for row in rows]
    assert instants == sorted(instants, reverse=True)
    last = StatusTransition.objects.get(pk=rows[0]["id"])
    assert rows[0] == {
        "id": last.pk,
        "server_id": last.server_id,
        "host_name": "down",
        "environment": "LIVE",
        "from": "UNHEALTHY",
        "to": "UNKNOWN",
        "reason": "paused",
        "failure": "refused",
        "detail": "rest",
        "at": (NOW + 9 * INTERVAL).isoformat().replace("+00:00", "Z"),
        "actor": "somebody",
        "incident_id": Incident.objects.get().pk,
        "notification": True,
    }
    (up,) = [row for row in rows if row["host_name"] == "up"]
    assert (up["from"], up["to"], up["failure"], up["actor"]) == ("UNKNOWN", "HEALTHY", None, None)


def test_transitions_outlive_their_server(viewer):
    target = server(host_name="gone")
    see(target, "+")
    recording.delete([target.pk], actor="somebody", now=NOW)
    assert set(names(viewer, f"/api/transitions/?server={target.pk}")) == {"gone"}


@pytest.fixture
def days():
    """An incident and a transition on each of three days, the first one ended."""
    for day in (1, 2, 3):
        at = datetime(2026, 3, day, 12, tzinfo=UTC)
        facts = {"server_id": day, "host_name": f"day-{day}", "environment": "DEV" if day == 1 else "LIVE"}
        ended = {"ended_at": at + timedelta(minutes=1), "end_reason": "outcomes"} if day == 1 else {}
        Incident.objects.create(**facts, failure="refused", began_at=at, confirmed_at=at, **ended)
        StatusTransition.objects.create(
            **facts, from_health="HEALTHY", to_health="UNHEALTHY", reason="outcomes", notification=True, at=at
        )


WINDOWS = {
    "": "day-3 day-2 day-1",
    "server=2": "day-2",
    "environment=LIVE": "day-3 day-2",
    "after=2026-03-02T12:00:00Z": "day-3 day-2",
    "before=2026-03-02T12:00:00Z": "day-1",
    "after=2026-03-02T21:00:01+09:00": "day-3",
    "after=2026-03-02T00:00:00&before=2026-03-03": "day-2",
    "after=2026-03-02": "day-3 day-2",
}


@pytest.mark.parametrize("path", ["transitions", "incidents"])
@pytest.mark.parametrize(("query", "expected"), WINDOWS.items(), ids=WINDOWS)
def test_history_is_filtered(viewer, days, path, query, expected):
    assert names(viewer, f"/api/{path}/?{quote(query, safe='=&')}") == expected.split()


@pytest.mark.parametrize(("query", "expected"), {"open=true": "day-3 day-2", "open=false": "day-1"}.items())
def test_incidents_are_filtered_by_whether_they_last(viewer, days, query, expected):
    assert names(viewer, f"/api/incidents/?{query}") == expected.split()


def test_an_incident_has_the_fields_of_the_contract(viewer):
    target = server(host_name="web")
    see(target, "+--++")
    (body,) = viewer.get("/api/incidents/").json()["results"]
    began = NOW + INTERVAL + timedelta(milliseconds=5)
    assert body == {
        "id": Incident.objects.get().pk,
        "server_id": target.pk,
        "host_name": "web",
        "environment": "LIVE",
        "address": "http://127.0.0.1:8080/",
        "failure": "refused",
        "detail": "",
        "began_at": began.isoformat().replace("+00:00", "Z"),
        "confirmed_at": (began + INTERVAL).isoformat().replace("+00:00", "Z"),
        "ended_at": (began + 2 * INTERVAL).isoformat().replace("+00:00", "Z"),
        "end_reason": "outcomes",
        "duration_seconds": 20.0,
        "acknowledged_by": None,
        "acknowledged_at": None,
    }
    assert viewer.get(f"/api/incidents/{body['id']}/").json() == body


def test_the_first_who_takes_care_of_an_outage_is_noted():
    see(server(), "--")
    url = f"/api/incidents/{Incident.objects.get().pk}/"
    first, second = client_of("operator"), client_of("operator")
    taken = first.post(f"{url}acknowledge/").json()
    assert taken["acknowledged_by"].startswith("operator-")
    assert taken["ended_at"] is None
    assert taken["duration_seconds"] > 0
    again = second.post(f"{url}acknowledge/").json()
    assert (again["acknowledged_by"], again["acknowledged_at"]) == (taken["acknowledged_by"], taken["acknowledged_at"])


@pytest.mark.parametrize("path", ["servers", "status", "transitions", "incidents"])
def test_the_queries_of_a_list_do_not_grow_with_its_rows(viewer, path):
    def queries(count: int) -> int:
        for _ in range(count):
            see(server(request_headers={"X-Key": "secret"}, tags=["a"]), "--")
        with CaptureQueriesContext(connection) as captured:
            assert len(viewer.get(f"/api/{path}/?page_size=1000").json()["results"]) >= count
        return len(captured)

    queries(1)
    few, many = queries(2), queries(110)
    assert few == many <= 7


def test_policies_are_listed_read_and_changed():
    operator = client_of("operator")
    environments = [row["environment"] for row in operator.get("/api/policies/").json()["results"]]
    assert environments == ["DEV", "LIVE", "STAGE", "UNKNOWN"]
    assert operator.patch("/api/policies/LIVE/", {"interval_seconds": 7}, format="json").status_code == 200
    changed = operator.patch("/api/policies/LIVE/", {"healthy_threshold": 2}, format="json").json()
    nothing_more = {"timeout_seconds": None, "unhealthy_threshold": None, "slow_after_ms": None}
    assert changed == {"environment": "LIVE", "interval_seconds": 7, "healthy_threshold": 2, **nothing_more}
    assert operator.get("/api/policies/LIVE/").json() == changed
    assert operator.patch("/api/policies/LIVE/", {}, format="json").json() == changed
    replaced = operator.put("/api/policies/LIVE/", {"timeout_seconds": 1}, format="json").json()
    assert (replaced["timeout_seconds"], replaced["interval_seconds"]) == (1, None)
    assert Policy.objects.exclude(pk="LIVE").exclude(interval_seconds=None).count() == 0
