from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from monitors.models import ApiToken, Server
from monitors.tests.builders import server
from monitors.tests.people import client_of, person

pytestmark = pytest.mark.django_db

NEW = {"host_name": "new", "host": "new.example.com", "port": 443, "type": 1, "environment": "DEV"}

REQUESTS = {  # what is asked: (method, path, body, status by viewer, operator, admin)
    "the root": ("get", "/api/", None, 200, 200, 200),
    "list servers": ("get", "/api/servers/", None, 200, 200, 200),
    "read a server": ("get", "/api/servers/{id}/", None, 200, 200, 200),
    "register a server": ("post", "/api/servers/", NEW, 403, 201, 201),
    "register many": ("post", "/api/servers/bulk/", [NEW], 403, 201, 201),
    "replace a server": ("put", "/api/servers/{id}/", NEW, 403, 200, 200),
    "change a server": ("patch", "/api/servers/{id}/", {"port": 1}, 403, 200, 200),
    "switch telling off": ("patch", "/api/servers/{id}/notification/", {"notification": False}, 403, 200, 200),
    "look now": ("post", "/api/servers/{id}/probe/", None, 403, 200, 200),
    "delete a server": ("delete", "/api/servers/{id}/", None, 403, 204, 204),
    "delete all servers": ("delete", "/api/servers/all/?confirm=1", None, 403, 403, 200),
    "list statuses": ("get", "/api/status/", None, 200, 200, 200),
    "list transitions": ("get", "/api/transitions/", None, 200, 200, 200),
    "list incidents": ("get", "/api/incidents/", None, 200, 200, 200),
    "acknowledge what is not there": ("post", "/api/incidents/1/acknowledge/", None, 403, 404, 404),
    "list policies": ("get", "/api/policies/", None, 200, 200, 200),
    "replace a policy": ("put", "/api/policies/LIVE/", {}, 403, 200, 200),
    "list one's tokens": ("get", "/api/tokens/", None, 200, 200, 200),
    "make a token": ("post", "/api/tokens/", {}, 201, 201, 201),
    "read the last synchronisation": ("get", "/api/inventory/sync/", None, 404, 404, 404),
    "synchronise": ("post", "/api/inventory/sync/", {}, 403, 409, 409),
    "read the schema": ("get", "/api/schema/", None, 200, 200, 200),
    "read the documentation": ("get", "/api/docs/", None, 200, 200, 200),
    "ask for what is not there": ("get", "/api/nothing/", None, 404, 404, 404),
}


@pytest.mark.parametrize(("method", "path", "body", *("viewer", "operator", "admin")), REQUESTS.values(), ids=REQUESTS)
def test_a_role_decides_what_is_answered(method, path, body, viewer, operator, admin):
    for role, expected in {"viewer": viewer, "operator": operator, "admin": admin}.items():
        target = server()
        client = client_of(role)
        response = getattr(client, method)(path.format(id=target.pk), body, format="json")
        assert response.status_code == expected, (role, response.content[:300])
        if expected == 403:
            assert response.json()["code"] == "permission_denied"
        Server.objects.all().delete()


@pytest.mark.parametrize(("method", "path", "body", *"abc"), REQUESTS.values(), ids=REQUESTS)
def test_seed_defect_11_without_a_login_nothing_is_answered(method, path, body, a, b, c):
    response = getattr(APIClient(), method)(path.format(id=1), body, format="json")
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Token"


def test_without_a_role_nothing_but_ones_own_tokens_is_answered():
    client = client_of()
    assert client.get("/api/servers/").status_code == 403
    assert client.get("/api/tokens/").status_code == 200


def test_a_refusal_has_the_shape_of_every_error():
    body = APIClient().get("/api/servers/").json()
    assert body["code"] == "not_authenticated"
    assert body["errors"] == []
    assert isinstance(body["detail"], str)


@pytest.mark.parametrize("header", ["Token", "Token a b", "Token wrong", "Token \xff", "Token " + "x" * 5000])
def test_a_token_that_is_none_is_refused(header):
    response = APIClient().get("/api/servers/", headers={"Authorization": header})
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Token")
    assert response.json()["code"] == "authentication_failed"


def test_a_token_of_an_inactive_user_is_refused():
    assert client_of("admin", is_active=False).get("/api/servers/").status_code == 401


def test_a_session_is_as_good_as_a_token():
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(person("operator"))
    assert client.get("/api/servers/").status_code == 200


def test_a_session_writes_only_with_the_csrf_token():
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(person("operator"))
    response = client.post("/api/servers/", NEW, format="json")
    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    assert not Server.objects.exists()


def test_a_superuser_needs_no_role():
    assert client_of(is_superuser=True).delete("/api/servers/all/?confirm=0").json() == {"deleted": 0}


def test_the_text_of_a_token_is_shown_once_and_stored_nowhere():
    client = client_of("viewer")
    created = client.post("/api/tokens/", {"name": "deploy script"}, format="json")
    text = created.json()["token"]
    assert "no-store" in created["Cache-Control"]
    assert created.json()["hint"] == text[-4:]
    rows = client.get("/api/tokens/").json()["results"]
    assert {row["name"] for row in rows} == {"", "deploy script"}
    assert all("token" not in row and "digest" not in row for row in rows)
    assert not any(text in str(row) for row in ApiToken.objects.values())
    assert APIClient().get("/api/servers/", headers={"Authorization": f"Token {text}"}).status_code == 200


def test_a_deleted_token_is_refused_and_only_ones_own_can_be_deleted():
    client, other = client_of("viewer"), client_of("admin")
    token = client.get("/api/tokens/").json()["results"][0]
    assert other.delete(f"/api/tokens/{token['id']}/").status_code == 404
    assert client.delete(f"/api/tokens/{token['id']}/").status_code == 204
    assert client.get("/api/tokens/").status_code == 401


def test_the_use_of_a_token_is_noted_once_a_minute():
    client = client_of("viewer")
    client.get("/api/tokens/")
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get("/api/tokens/")
    assert not [query for query in queries if query["sql"].startswith("UPDATE")]
    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    client.get("/api/tokens/")
    latest = ApiToken.objects.get().last_used_at
    assert latest is not None
    assert latest >= first


def test_the_use_of_a_token_is_noted_although_a_wrong_clock_noted_one_in_the_future():
    scripted = client_of()
    scripted.get("/api/servers/")
    ahead = timezone.now() + timedelta(hours=1)
    ApiToken.objects.update(last_used_at=ahead)
    scripted.get("/api/servers/")
    noted = ApiToken.objects.get().last_used_at
    assert noted is not None
    assert noted < ahead - timedelta(minutes=30)
