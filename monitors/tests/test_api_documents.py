from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import get_resolver
from rest_framework.test import APIClient

from monitors.models import InventoryRun
from monitors.tests.people import client_of, person

CONTRACT = {  # path: methods; what scripts depend on
    "/api/servers/": "get post",
    "/api/servers/{id}/": "get put patch delete",
    "/api/servers/bulk/": "post",
    "/api/servers/all/": "delete",
    "/api/servers/{id}/notification/": "patch",
    "/api/servers/{id}/probe/": "post",
    "/api/status/": "get",
    "/api/transitions/": "get",
    "/api/incidents/": "get",
    "/api/incidents/{id}/": "get",
    "/api/incidents/{id}/acknowledge/": "post",
    "/api/policies/": "get",
    "/api/policies/{environment}/": "get put patch",
    "/api/tokens/": "get post",
    "/api/tokens/{id}/": "delete",
    "/api/inventory/sync/": "get post",
}


@pytest.fixture(scope="module")
def schema() -> Any:
    """The OpenAPI document, which must come out without a warning."""
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=out)
    return json.loads(out.getvalue())


@pytest.mark.parametrize(("path", "methods"), CONTRACT.items(), ids=CONTRACT)
def test_the_schema_has_the_paths_of_the_contract(schema, path, methods):
    assert set(schema["paths"][path]) == set(methods.split())


def test_the_schema_says_how_to_log_in(schema):
    assert set(schema["components"]["securitySchemes"]) == {"tokenAuth", "cookieAuth"}


def test_the_schema_says_what_an_error_looks_like(schema):
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            content = operation["responses"]["default"]["content"]["application/json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Error"}, (path, method)


def test_the_schema_shows_no_secret_and_no_read_only_field_as_writable(schema):
    request = schema["components"]["schemas"]["ServerRequest"]["properties"]
    assert {"id", "effective", "created_at", "updated_at"}.isdisjoint(request)
    assert {"host_name", "paused", "request_headers", "tags"} <= set(request)
    assert schema["components"]["schemas"]["ServerRequest"]["required"] == [
        "environment",
        "host",
        "host_name",
        "port",
        "type",
    ]


def test_every_operation_has_a_summary(schema):
    silent = [(path, name) for path, item in schema["paths"].items() for name in item if "summary" not in item[name]]
    assert silent == []


@pytest.mark.django_db
def test_the_documentation_needs_no_other_host():
    client = APIClient()
    client.force_login(person("viewer"))
    page = client.get("/api/docs/", headers={"Accept": "text/html"})
    assert page.status_code == 200
    html = page.content.decode()
    assert re.findall(r"(?:src|href)=\"([^\"]+)\"", html) == [
        "/static/drf_spectacular_sidecar/swagger-ui-dist/favicon-32x32.png",
        "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui.css",
        "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js",
        "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-standalone-preset.js",
    ]
    assert "http://" not in html.replace("http://testserver", "")
    assert "https://" not in html
    assert client.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).json()["openapi"]


@pytest.mark.django_db
def test_a_browser_without_a_session_is_sent_from_the_documentation_to_the_login():
    response = APIClient().get("/api/docs/", headers={"Accept": "text/html,*/*"})
    assert (response.status_code, response["Location"]) == (302, "/login/?next=/api/docs/")


@pytest.mark.django_db
def test_the_root_lists_every_set_of_views():
    root = client_of("viewer").get("/api/").json()
    assert {"servers", "status", "transitions", "incidents", "policies", "tokens"} <= set(root)
    assert all(url.startswith("http://testserver/api/") for url in root.values())


PAGES = ["", "servers/", "servers/?search=a", "status/", "transitions/", "incidents/", "policies/", "policies/LIVE/"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", [*PAGES, "tokens/", "inventory/sync/", "nothing/"])
@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_the_api_can_be_browsed(path, role):
    client = APIClient()
    client.force_login(person(role))
    response = client.get(f"/api/{path}", headers={"Accept": "text/html"})
    assert response.status_code in (200, 404)
    assert "<html" in response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/servers", "/api/servers?page=1", "/api/nothing"])
def test_reading_without_the_final_slash_is_sent_on(path):
    response = APIClient().get(path)
    bare, _, query = path.partition("?")
    assert (response.status_code, response["Location"]) == (301, f"{bare}/" + (f"?{query}" if query else ""))


@pytest.mark.django_db
def test_writing_without_the_final_slash_is_refused_with_the_reason():
    response = client_of("operator").post("/api/servers", {}, format="json")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert "slash" in response.json()["detail"]


@pytest.mark.django_db
def test_the_last_synchronisation_is_shown():
    client = client_of("viewer")
    assert client.get("/api/inventory/sync/").json()["code"] == "not_found"
    run = InventoryRun.objects.create(started_at="2026-03-01T00:00:00Z", created=["chat"], error="no answer")
    body = client.get("/api/inventory/sync/").json()
    assert (body["id"], body["created"], body["error"], body["finished_at"]) == (run.pk, ["chat"], "no answer", None)


@pytest.mark.django_db
def test_a_synchronisation_that_cannot_be_done_says_why():
    response = client_of("operator").post("/api/inventory/sync/", {"dry_run": True}, format="json")
    assert (response.status_code, response.json()["code"]) == (409, "conflict")
    assert "INVENTORY_URL" in response.json()["detail"]


@pytest.mark.django_db
@pytest.mark.parametrize("body", [{"dry_run": "perhaps"}, {"dryrun": True}, [1]])
def test_a_synchronisation_that_is_not_understood_is_refused(body):
    assert client_of("operator").post("/api/inventory/sync/", body, format="json").status_code == 400


def test_every_path_of_the_api_needs_a_login():
    views = [pattern.callback for pattern in _patterns(get_resolver("healthcheck.api_urls"))]
    assert views
    for view in views:
        permissions = {permission.__name__ for permission in view.cls.permission_classes}
        assert permissions in ({"RolePermission"}, {"IsAuthenticated"}), view


def _patterns(resolver: Any) -> Iterator[Any]:
    for pattern in resolver.url_patterns:
        if hasattr(pattern, "url_patterns"):
            yield from _patterns(pattern)
        else:
            yield pattern
