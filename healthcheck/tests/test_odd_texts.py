"""The character NUL and halves of characters: no database takes them all, so whoever writes one is told where, and
whoever looks for one finds nothing or is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from monitors.models import Server
from monitors.tests.builders import server
from monitors.tests.forms import TYPED, filled
from monitors.tests.people import client_of, visitor
from notifications.models import Channel

pytestmark = pytest.mark.django_db

ODD = {"NUL": "a\0b", "half a character": "a\ud800b"}
ROW = {"host_name": "a", "host": "http://127.0.0.1", "port": 80, "type": 1, "environment": "DEV"}
TEXTS = ("host_name", "host", "path", "scheme", "expected_status", "expected_text", "subprotocol", "environment")


@pytest.fixture(params=ODD)
def odd(request: pytest.FixtureRequest) -> str:
    return ODD[request.param]


def sent(client: Any, method: str, path: str, body: Any) -> Any:
    return client.generic(method, path, json.dumps(body), content_type="application/json")


@pytest.mark.parametrize("column", [*TEXTS, "tags", "request_headers"])
def test_a_server_is_refused_with_the_field_and_the_row(odd, column):
    api, stored = client_of("operator"), server()
    value: Any = {"tags": [odd], "request_headers": {"X-A": odd}}.get(column, odd)
    for method, path in (("POST", "/api/servers/"), ("PUT", f"/api/servers/{stored.pk}/")):
        answer = sent(api, method, path, {**ROW, column: value})
        assert answer.status_code == 400, path
        assert {error["field"] for error in answer.json()["errors"]} == {column}
    answer = sent(api, "POST", "/api/servers/bulk/", [ROW, {**ROW, "host_name": "b", column: value}])
    assert answer.status_code == 400
    assert {(error["row"], error["field"]) for error in answer.json()["errors"]} == {(2, column)}
    assert Server.objects.count() == 1


def test_channels_tokens_and_selections_are_refused_with_the_field(odd):
    api = client_of("admin")
    Channel.objects.create(channel_id="C2")
    for method, path, body, field in (
        ("POST", "/api/channels/", {"channel_id": "C1", "name": odd}, "name"),
        ("POST", "/api/channels/", {"channel_id": odd}, "channel_id"),
        ("PATCH", "/api/channels/C2/", {"name": odd}, "name"),
        ("PATCH", "/api/channels/C2/", {"hook_url": odd}, "hook_url"),
        ("PUT", "/api/channels/selection/", {"channel_ids": [odd]}, "channel_ids"),
        ("POST", "/api/tokens/", {"name": odd}, "name"),
        ("POST", "/api/tokens/", {odd: "a"}, None),
    ):
        answer = sent(api, method, path, body)
        assert answer.status_code == 400, (path, body)
        errors = answer.json()["errors"]
        assert field is None or errors[0]["field"].startswith(field), errors


@pytest.mark.parametrize("path", ["/?q=", "/?tag=", "/incidents/?q=", "/channels/?q=", "/admin/monitors/server/?q="])
def test_a_page_that_is_asked_for_one_is_shown(path):
    server()
    people = visitor("admin", is_staff=True, is_superuser=True)
    assert people.get(f"{path}a%00b").status_code in (200, 302)
    assert people.get(f"{path}a%ED%A0%80b").status_code in (200, 302)


@pytest.mark.parametrize("path", ["servers/?search=", "servers/?tag=", "status/?search=", "slack/channels/?search="])
def test_a_list_that_is_asked_for_one_finds_nothing_or_says_so(path):
    server()
    api = client_of("viewer")
    assert api.get(f"/api/{path}a%00b").status_code in (200, 400)
    assert api.get(f"/api/{path}a%ED%A0%80b").json()["results"] == []


def test_forms_refuse_it_at_their_field():
    people = visitor("admin", is_staff=True, is_superuser=True)
    stored = server()
    edit = f"/servers/{stored.pk}/edit/"
    for path, typed in (("/servers/new/", TYPED), (edit, filled(people, edit))):
        answer = people.post(path, {**typed, "host_name": "a\0b"})
        assert answer.status_code == 422
        assert "host_name" in answer.context["form"].errors
    answer = people.post("/admin/monitors/server/add/", {**TYPED, "host_name": "a\0b"})
    assert "host_name" in answer.context["adminform"].form.errors
