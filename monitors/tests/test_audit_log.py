"""The audit log as it is read: by the API, as CSV, on its page."""

from __future__ import annotations

import csv
import io
import json

import pytest
from asgiref.sync import async_to_sync

from monitors import audit, audit_log
from monitors.audit import Act, Origin, Subject
from monitors.models import Face
from monitors.tests.answers import text
from monitors.tests.builders import NOW, SECOND, server
from monitors.tests.people import client_of, visitor
from monitors.tests.test_audit import HOSTILE, entries, write

# the API

QUERIES = {  # what is asked, and the names that are found, the newest first
    "": ["third", "second", "first"],
    "actor=kim": ["third", "first"],
    "actor=ki": [],
    "face=slack": ["second"],
    "face=slack&face=command": ["third", "second", "first"],
    "action=paused": ["second"],
    "subject_kind=channel": ["third"],
    "subject_kind=server&subject_id=1": ["second", "first"],
    "after=2026-11-22T12:00:01Z": ["third", "second"],
    "before=2026-11-22T12:00:01Z": ["first"],
    "page_size=1&page=2": ["second"],
}


@pytest.fixture
def three(db):
    write("first")
    with audit.acting(Origin(Face.SLACK, "C1", "alice (Slack)")):
        write("second", act=Act.PAUSED, at=NOW + SECOND)
    write("third", subject=Subject.CHANNEL, at=NOW + 2 * SECOND)


@pytest.mark.parametrize(("query", "found"), QUERIES.items(), ids=QUERIES)
def test_the_list_is_filtered(three, query, found):
    rows = client_of("admin").get(f"/api/audit/?{query}").json()["results"]
    assert [row["subject_name"] for row in rows] == found


@pytest.mark.parametrize("query", ["face=fax", "action=stolen", "subject_kind=cat", "after=yesterday", "who=kim"])
def test_a_filter_that_cannot_be_understood_is_refused(three, query):
    for wanted in ("json", "csv"):
        response = client_of("admin").get(f"/api/audit/?{query}&format={wanted}")
        assert (response.status_code, response["Content-Type"]) == (400, "application/json")
        assert response.json()["errors"][0]["field"] == query.partition("=")[0]


def test_an_entry_has_these_fields(three):
    row = client_of("admin").get("/api/audit/?face=slack").json()["results"][0]
    assert isinstance(row.pop("id"), int)
    assert row == {
        "at": "2026-11-22T12:00:01Z",
        "actor": "alice (Slack)",
        "user_id": None,
        "face": "slack",
        "address": "C1",
        "action": "paused",
        "subject_kind": "server",
        "subject_id": "1",
        "subject_name": "second",
        "changes": {"port": [80, 443]},
    }


READERS = {"viewer": 403, "operator": 403, "admin": 200, "": 403}
PATHS = ("/api/audit/", "/api/audit/?format=csv", "/audit/", "/audit/audit.csv")


@pytest.mark.django_db
@pytest.mark.parametrize(("role", "status"), READERS.items())
def test_who_administers_reads_it(role, status):
    for path in PATHS:
        client = client_of(role) if "api" in path else visitor(role)
        assert client.get(path).status_code == status, path
    assert ("Audit log" in visitor(role).get("/").content.decode()) is (status == 200)


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_it_is_only_read(method):
    write("a")
    for path in ("/api/audit/", "/audit/", "/audit/audit.csv"):
        client = client_of("admin") if "api" in path else visitor("admin")
        assert getattr(client, method)(path).status_code in (403, 405)
    assert entries().count() == 1


# CSV


def rows_of(response) -> list[dict[str, str]]:
    async def whole() -> str:
        return b"".join([piece async for piece in response.streaming_content]).decode()

    content = async_to_sync(whole)()
    assert content.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(content.removeprefix("\ufeff"), newline="")))


@pytest.mark.parametrize("path", ["/api/audit/?format=csv&actor=kim", "/audit/audit.csv?q=kim"])
def test_the_whole_list_is_had_as_csv_and_streamed(three, path, monkeypatch):
    monkeypatch.setattr(audit_log, "CHUNK", 1)
    client = client_of("admin") if "api" in path else visitor("admin")
    response = client.get(path)
    assert response.streaming
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="audit-')
    first = rows_of(response)
    assert [row["subject_name"] for row in first] == ["third", "first"]
    assert json.loads(first[0]["changes"]) == {"port": [80, 443]}
    assert first[0]["at"] == "2026-11-22T12:00:02+00:00"


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1"])
def test_no_cell_is_a_formula(name):
    write(name, actor=name)
    [row] = rows_of(visitor("admin").get("/audit/audit.csv"))
    assert (row["actor"], row["subject_name"]) == (f"'{name}", f"'{name}")


# the page


@pytest.mark.django_db
class TestPage:
    def test_a_change_is_shown_with_who_when_and_from_where(self, three):
        page = text(visitor("admin").get("/audit/"))
        for words in ("alice (Slack)", "C1", "button in Slack", "<code>port</code>", "443", "3 entries"):
            assert words in page

    def test_foreign_texts_are_shown_and_not_run(self):
        write(HOSTILE, actor=HOSTILE, detail=(HOSTILE, HOSTILE))
        page = text(visitor("admin").get("/audit/"))
        assert HOSTILE not in page
        assert page.count("&lt;script&gt;") == 4

    def test_an_empty_log_says_what_will_be_in_it(self):
        assert "Nothing has been changed yet." in text(visitor("admin").get("/audit/"))
        assert "No entry matches." in text(visitor("admin").get("/audit/?q=nobody"))

    def test_it_is_narrowed_down(self, three):
        found = {
            "q=ALICE": 1,
            "q=third": 1,
            "face=slack": 1,
            "action=paused&face=command": 0,
            "subject_kind=server&subject_id=1": 2,
            "since=2026-11-22&until=2026-11-22": 3,
            "until=2026-11-21": 0,
            "since=2026-11-23": 0,
            "face=fax&since=never": 3,
        }
        for query, count in found.items():
            page = visitor("admin").get(f"/audit/?{query}").context["page"]
            assert page.paginator.count == count, query

    def test_what_is_exported_is_what_is_listed(self, three):
        page = text(visitor("admin").get("/audit/?q=alice&page=1"))
        assert 'href="/audit/audit.csv?q=alice"' in page

    def test_it_takes_a_constant_number_of_queries(self, django_assert_max_num_queries):
        client = visitor("admin")
        for _ in range(2):
            write(*map(str, range(50)))
            with django_assert_max_num_queries(6):
                client.get("/audit/")

    def test_the_page_of_a_server_leads_to_what_was_done_to_it(self):
        target = server()
        link = f"/audit/?subject_kind=server&amp;subject_id={target.pk}"
        assert link in text(visitor("admin").get(f"/servers/{target.pk}/"))
        assert link not in text(visitor("viewer").get(f"/servers/{target.pk}/"))
