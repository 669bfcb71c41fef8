from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitors.models import Server, ServerStatus
from monitors.tests.builders import server
from monitors.tests.people import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

URL = "/api/servers/bulk/"


def row(name: str, **changes: Any) -> Any:
    return {"host_name": name, "host": "a.example.com", "port": 443, "type": 1, "environment": "LIVE", **changes}


@pytest.fixture
def operator():
    return client_of("operator")


def test_new_servers_are_created_and_existing_ones_skipped(operator):
    server(host_name="Chat", port=8080)
    rows = [row("edit", tags=["a"], request_headers={"X-Key": "secret"}), row(" chat "), row("game", paused=True)]
    response = operator.post(URL, rows, format="json")
    assert response.status_code == 201
    body = response.json()
    assert [created["host_name"] for created in body["created"]] == ["edit", "game"]
    assert body["skipped"] == ["chat"]
    assert body["created"][0]["request_headers"] == {"X-Key": "********"}
    assert body["created"][1]["paused"] is True
    assert Server.objects.get(host_name="Chat").port == 8080
    assert ServerStatus.objects.filter(next_probe_at=None).get().server.host_name == "game"


def test_sending_a_list_again_creates_nothing(operator):
    rows = [row("edit"), row("game")]
    assert operator.post(URL, rows, format="json").status_code == 201
    response = operator.post(URL, rows, format="json")
    assert (response.status_code, response.json()) == (200, {"created": [], "skipped": ["edit", "game"]})


LIKE_EACH_OTHER = [("Ä", "ä"), ("café", "cafe"), ("Straße", "strasse"), ("①", "1"), ("채팅", "채널"), ("a-b", "ab")]


@pytest.mark.parametrize(("one", "other"), LIKE_EACH_OTHER)
def test_a_list_takes_for_one_name_what_the_database_takes_for_one(operator, one, other):
    server(host_name=one)
    same = Server.objects.filter(host_name=other).exists()
    response = operator.post(URL, [row(other)], format="json")
    assert (response.status_code, response.json()["skipped"]) == ((200, [other]) if same else (201, []))
    if same:
        assert operator.post(URL, [row("first"), row(one), row(other)], format="json").status_code == 400


def test_an_empty_list_creates_nothing(operator):
    response = operator.post(URL, [], format="json")
    assert (response.status_code, response.json()) == (200, {"created": [], "skipped": []})


def test_one_invalid_row_refuses_the_whole_list(operator):
    rows = [row(f"server-{number}") for number in range(1, 11)]
    rows[6]["port"] = 70_000
    rows[8] = "no object"
    rows[9]["host"] = rows[9]["type"] = None
    response = operator.post(URL, rows, format="json")
    assert response.status_code == 400
    body = response.json()
    assert [(error["row"], error["field"]) for error in body["errors"]] == [
        (7, "port"),
        (9, "body"),
        (10, "host"),
        (10, "type"),
    ]
    assert (body["code"], body["detail"]) == ("invalid", "3 rows are wrong")
    assert not Server.objects.exists()


def test_a_row_that_exists_must_be_valid_too(operator):
    server(host_name="Chat")
    response = operator.post(URL, [row("edit"), row("Chat", port=0)], format="json")
    assert (response.status_code, response.json()["errors"][0]["row"]) == (400, 2)
    assert Server.objects.count() == 1


@pytest.mark.parametrize("name", ["edit", "EDIT", " edit "])
def test_a_name_twice_in_the_list_is_an_invalid_row(operator, name):
    response = operator.post(URL, [row("edit"), row("game"), row(name)], format="json")
    assert response.status_code == 400
    assert [(error["row"], error["field"]) for error in response.json()["errors"]] == [(3, "host_name")]
    assert "1" in response.json()["errors"][0]["message"]
    assert not Server.objects.exists()


def test_more_than_5000_rows_are_refused(operator):
    response = operator.post(URL, [row("same")] * 5_001, format="json")
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "body")


def test_5000_servers_are_created_at_once(operator):
    rows = [row(f"서버-{number}") for number in range(5_000)]
    response = operator.post(URL, rows, format="json")
    assert response.status_code == 201
    assert len(response.json()["created"]) == Server.objects.count() == ServerStatus.objects.count() == 5_000


def test_reads_do_not_grow_with_the_list(operator):
    def reads(count: int, prefix: str) -> int:
        rows = [row(f"{prefix}-{number}") for number in range(count)]
        with CaptureQueriesContext(connection) as queries:
            assert operator.post(URL, rows, format="json").status_code == 201
        return sum(query["sql"].startswith("SELECT") for query in queries)

    reads(1, "first")
    assert reads(10, "few") == reads(300, "many")


def test_writes_do_not_grow_with_the_list_beyond_what_one_statement_holds(operator):
    with CaptureQueriesContext(connection) as queries:
        operator.post(URL, [row(f"server-{number}") for number in range(300)], format="json")
    inserts = [query for query in queries if query["sql"].startswith("INSERT")]
    assert len(inserts) <= 40
