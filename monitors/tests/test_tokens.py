"""Tokens that end, tokens that only read, and tokens that are none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from monitors import authentication
from monitors.api import events
from monitors.authentication import MOST_ADDRESSES, MOST_WRONG, WRONG_WITHIN_SECONDS, WrongTokens, wrong_tokens
from monitors.models import ApiToken
from monitors.tests.builders import server
from monitors.tests.people import client_of, person

pytestmark = pytest.mark.django_db

NEW = {"host_name": "new", "host": "new.example.com", "port": 443, "type": 1, "environment": "DEV"}
HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture(autouse=True)
def _nobody_was_wrong():
    wrong_tokens.forget()
    yield
    wrong_tokens.forget()


def client_with(role="operator", **columns):
    token, text = ApiToken.objects.issue(person(role), **columns)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    return client, token


def asked(token, *, address=HERE, path="/api/servers/", keyword="Token"):
    return APIClient().get(path, headers={"Authorization": f"{keyword} {token}"}, REMOTE_ADDR=address)


def test_a_token_ends_when_it_expires():
    client, token = client_with(expires_at=timezone.now() + timedelta(days=1))
    assert client.get("/api/servers/").status_code == 200
    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now())
    answer = client.get("/api/servers/")
    assert (answer.status_code, answer.json()["detail"]) == (401, "This token has expired. Make a new one.")
    assert client.get("/metrics").status_code == 401


def test_a_token_that_only_reads_is_told_so_when_it_writes():
    client, _token = client_with(read_only=True)
    assert client.get("/api/servers/").status_code == 200
    assert client.head("/api/servers/").status_code == 200
    answer = client.post("/api/servers/", NEW, format="json")
    assert answer.status_code == 403
    assert answer.json()["detail"] == "This token is read-only: it changes nothing."


SEEN = {"only reads": (True, "/health?********"), "may do what its user may": (False, "/health?key=s3cret")}


@pytest.mark.parametrize(("read_only", "path"), SEEN.values(), ids=SEEN)
def test_a_token_that_only_reads_sees_of_an_address_what_a_viewer_sees(read_only, path):
    one = server(path="/health?key=s3cret")
    client, _token = client_with(read_only=read_only)
    assert client.get("/api/servers/").json()["results"][0]["path"] == path
    assert client.get(f"/api/servers/{one.pk}/").json()["path"] == path


def test_a_token_that_only_reads_opens_nothing_that_a_viewer_may_not_open():
    paths = [f"/api/servers/{server().pk}/probe/", "/api/incidents/1/acknowledge/", "/api/servers/all/?confirm=1"]
    client, _token = client_with("admin", read_only=True)
    viewer, _token = client_with("viewer")
    for path in paths:
        assert client.options(path).status_code == viewer.options(path).status_code == 403, path


@pytest.mark.parametrize("read_only", [True, False], ids=["only reads", "may do what its user may"])
def test_a_stream_for_a_token_that_only_reads_has_no_switches(monkeypatch, read_only):
    opened: list[Any] = []

    def heard(stream: Any, first: Any) -> Iterator[str]:
        opened.append(stream)
        return iter(())

    monkeypatch.setattr(events, "_heard", heard)
    client, _token = client_with(read_only=read_only)
    client.get("/api/events/?board=1")
    assert opened[0].viewer.changes_servers is not read_only
    assert opened[0].viewer.sees_incidents


def test_existing_tokens_go_on():
    token = ApiToken.objects.create(user=person(), digest="0" * 64, hint="0000")
    token.refresh_from_db()
    assert (token.read_only, token.expires_at) == (False, None)


def test_a_script_makes_tokens_that_end_and_only_read():
    client = client_of("viewer")
    made = client.post("/api/tokens/", {"name": "ci", "days": 30, "read_only": True}, format="json").json()
    assert made["read_only"] is True
    assert "days" not in made
    token = ApiToken.objects.get(name="ci")
    assert token.expires_at is not None
    assert timedelta(days=29) < token.expires_at - timezone.now() <= timedelta(days=30)
    at = (timezone.now() + timedelta(days=2)).isoformat()
    assert client.post("/api/tokens/", {"expires_at": at}, format="json").status_code == 201
    assert client.post("/api/tokens/", {}, format="json").json()["expires_at"] is None


WRONG = {
    "no day": ({"days": 0}, "days"),
    "too many days": ({"days": 4000}, "days"),
    "the past": ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    "both": ({"days": 1, "expires_at": "2100-01-01T00:00:00Z"}, "days"),
    "no instant": ({"expires_at": "soon"}, "expires_at"),
}


@pytest.mark.parametrize(("body", "field"), WRONG.values(), ids=WRONG)
def test_an_end_that_makes_no_sense_is_refused(body, field):
    answer = client_of("viewer").post("/api/tokens/", body, format="json")
    assert (answer.status_code, [entry["field"] for entry in answer.json()["errors"]]) == (400, [field])


def test_a_token_makes_none_that_lasts_longer_than_itself():
    end = timezone.now() + timedelta(days=1)
    client, _token = client_with(expires_at=end)
    assert client.post("/api/tokens/", {"days": 2}, format="json").status_code == 400
    made = client.post("/api/tokens/", {"name": "child"}, format="json")
    assert made.status_code == 201
    assert ApiToken.objects.get(name="child").expires_at == end


def test_wrong_tokens_from_an_address_are_limited_and_right_ones_are_not():
    _token, right = ApiToken.objects.issue(person("viewer"))
    for number in range(MOST_WRONG):
        assert asked(f"wrong-{number}").status_code == 401
    answer = asked("wrong")
    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    assert 0 < int(answer["Retry-After"]) <= WRONG_WITHIN_SECONDS
    assert asked("wrong", path="/metrics", keyword="Bearer").status_code == 429
    assert asked(right).status_code == 200
    assert asked("wrong", address=ELSEWHERE).status_code == 401


def test_wrong_tokens_write_nothing_into_the_database():
    with CaptureQueriesContext(connection) as queries:
        for number in range(MOST_WRONG + 5):
            asked(f"wrong-{number}")
    assert {query["sql"].split()[0] for query in queries} == {"SELECT"}


def test_wrong_tokens_are_logged_until_they_are_limited(caplog):
    for number in range(MOST_WRONG + 20):
        asked(f"wrong-{number}")
    said = [record.message for record in caplog.records if record.name == authentication.__name__]
    assert said == ["a token does not exist"] * MOST_WRONG + ["an address sends too many wrong tokens"]
    assert "wrong-1" not in caplog.text


def test_an_expired_token_is_no_guess():
    _token, text = ApiToken.objects.issue(person("viewer"), expires_at=timezone.now())
    for _ in range(MOST_WRONG + 5):
        assert asked(text).status_code == 401


def test_counting_begins_anew_after_a_while_and_knows_so_many_addresses_at_most():
    counted = WrongTokens()
    assert counted.note("a", 0.0) == (1, WRONG_WITHIN_SECONDS)
    assert counted.note("a", 100.0) == (2, WRONG_WITHIN_SECONDS - 100)
    assert counted.note("a", WRONG_WITHIN_SECONDS) == (1, WRONG_WITHIN_SECONDS)
    for number in range(MOST_ADDRESSES + 10):
        counted.note(str(number), 0.0)
    assert len(counted._seen) == MOST_ADDRESSES


def test_the_command_makes_a_token_that_ends_and_only_reads(capsys):
    somebody = person("viewer")
    call_command("api_token", somebody.username, days=7, read_only=True)
    text = capsys.readouterr().out.splitlines()[-1]
    token = ApiToken.objects.get()
    assert token.read_only
    assert token.expires_at is not None
    assert timedelta(days=6) < token.expires_at - timezone.now() <= timedelta(days=7)
    assert asked(text).status_code == 200


@pytest.mark.parametrize("days", [0, -1, 100_000])
def test_the_command_refuses_days_that_make_no_sense(days):
    with pytest.raises(CommandError, match="1 to 3650 days"):
        call_command("api_token", person().username, days=days)
