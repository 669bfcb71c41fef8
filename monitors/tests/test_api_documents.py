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


def response(schema, path, method, status):
    found = schema["paths"][path][method]["responses"][status]
    return schema["components"]["responses"][found["$ref"].rpartition("/")[2]] if "$ref" in found else found


def test_the_schema_says_of_every_operation_how_it_may_be_refused_and_what_that_looks_like(schema):
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert {"400", "401", "429", "503"} <= set(operation["responses"]), (path, method)
            assert "default" not in operation["responses"]
            for status in operation["responses"]:
                if status >= "400":
                    answer = response(schema, path, method, status)["content"]["application/json"]["schema"]
                    assert "#/components/schemas/Error" in str(answer) or status == "424", (path, method, status)


REFUSALS = {  # method and path: what it may answer beside 400, 401, 406, 429 and 503, which any may
    "get /api/tokens/": "404",
    "post /api/tokens/": "403 408 411 413 415",
    "delete /api/tokens/{id}/": "403 404",
    "get /api/servers/": "403 404",
    "get /api/servers/{id}/": "403 404",
    "put /api/servers/{id}/": "403 404 408 411 413 415",
    "post /api/servers/{id}/probe/": "403 404",
    "delete /api/servers/all/": "403 409",
    "get /api/inventory/sync/": "403 404",
    "post /api/inventory/sync/": "403 408 409 411 413 415",
}


@pytest.mark.parametrize(("operation", "refusals"), REFUSALS.items(), ids=REFUSALS)
def test_an_operation_is_refused_only_as_it_can_be(schema, operation, refusals):
    method, path = operation.split()
    statuses = {status for status in schema["paths"][path][method]["responses"] if status >= "400"}
    assert statuses - {"400", "401", "406", "429", "503"} == set(refusals.split())


def test_the_schema_says_when_to_come_again_and_how_to_log_in(schema):
    headers = {name: set(answer.get("headers", ())) for name, answer in schema["components"]["responses"].items()}
    assert headers["NotAuthenticated"] == {"WWW-Authenticate"}
    assert headers["TooManyWrongTokens"] == headers["Unavailable"] == {"Retry-After"}


def test_the_schema_forbids_unknown_fields_where_they_are_refused_and_nowhere_else(schema):
    closed = {name for name, one in schema["components"]["schemas"].items() if one.get("additionalProperties") is False}
    assert closed == {name for name in schema["components"]["schemas"] if name.endswith("Request")}
    assert "ServerRequest" in closed


def test_what_is_answered_has_no_bounds_because_an_adopted_row_may_have_any_value(schema):
    columns = schema["components"]["schemas"]
    assert columns["ServerRequest"]["properties"]["port"]["maximum"] == 65_535
    assert "maximum" not in columns["Server"]["properties"]["port"]
    assert columns["ServerRequest"]["properties"]["host_name"]["maxLength"] == 255
    assert "maxLength" not in columns["Server"]["properties"]["host_name"]


def test_a_change_that_needs_its_field_says_so(schema):
    assert schema["components"]["schemas"]["PatchedNotificationRequest"]["required"] == ["notification"]
    assert schema["paths"]["/api/servers/{id}/notification/"]["patch"]["requestBody"]["required"] is True
    assert "required" not in schema["components"]["schemas"]["PatchedServerRequest"]


def test_the_schema_has_the_bounds_of_parameters(schema):
    parameters = {one["name"]: one["schema"] for one in schema["paths"]["/api/incidents/"]["get"]["parameters"]}
    assert parameters["server"] == {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
    assert parameters["page_size"]["minimum"] == 1
    assert parameters["page"]["anyOf"] == [{"type": "integer", "minimum": 1}, {"type": "string", "enum": ["last"]}]
    (policy,) = schema["paths"]["/api/policies/{environment}/"]["get"]["parameters"]
    assert policy["schema"]["pattern"] == "^(?:DEV|STAGE|LIVE|UNKNOWN)$"


def test_the_schema_links_what_is_made_to_what_can_be_done_with_it(schema):
    links = schema["paths"]["/api/servers/"]["post"]["responses"]["201"]["links"]
    assert {link["parameters"]["id"] for link in links.values()} == {"$response.body#/id"}
    assert {"servers_retrieve", "servers_partial_update", "servers_destroy", "servers_probe_create"} <= set(links)
    assert set(schema["paths"]["/api/tokens/"]["post"]["responses"]["201"]["links"]) == {"tokens_destroy"}


def test_no_description_is_a_note_for_those_who_change_the_code(schema):
    text = json.dumps(schema)
    assert "Refuses fields that do not exist" not in text
    assert "Refuses a body without" not in text


TEXTS = {  # field: (texts that it takes, texts that it refuses)
    "host_name": (
        ["web", " shop ", "웹 서버", "a\u00adb"],
        ["", "  ", "a\0", "a\x1fb", "a\x85b", "a\u2028b", "a\u202eb"],
    ),
    "host": (["web.example.com", "https://a:1/b?c"], ["a b", "a\tb", "a\\b", "a#b", "a\0"]),
    "path": (["", "/a?b=c", "a"], ["a b", "a\\b", "a#b", "a\x7f"]),
    "scheme": (["", "http", "HTTPS", "wSs"], ["ftp", "httpx", "wssx"]),
    "expected_status": (["", "200", "200-299,301", "200 - 299 , 301"], ["99", "600", "200-", ",", "200,", "2xx"]),
    "expected_text": (["", "a\tb\nc"], ["a\0", "a\x0bb", "a\x9f"]),
    "subprotocol": (["", "chat.v1"], ["a b", "a,b", "ä"]),
}


@pytest.mark.django_db
@pytest.mark.parametrize("field", TEXTS)
def test_a_text_is_refused_where_the_schema_says_so_and_nowhere_else(schema, field):
    pattern = schema["components"]["schemas"]["ServerRequest"]["properties"][field]["pattern"]
    server = {"host": "127.0.0.1", "port": 80, "type": 1, "environment": "LIVE"}
    client = client_of("operator")
    taken, refused = TEXTS[field]
    for text in [*taken, *refused]:
        body = {"host_name": f"web-{text.encode().hex()}", **server, field: text}
        answer = client.post("/api/servers/", body, format="json")
        assert (answer.status_code == 201) is (text in taken), (text, answer.json())
        assert bool(re.search(pattern, text)) is (text in taken), text


def test_the_schema_shows_no_secret_and_no_read_only_field_as_writable(schema):
    request = schema["components"]["schemas"]["ServerRequest"]["properties"]
    assert {"id", "effective", "created_at", "updated_at"}.isdisjoint(request)
    assert {"host_name", "paused", "request_headers", "tags"} <= set(request)
    assert schema["components"]["schemas"]["ServerRequest"]["required"] == [
        "environment",
        "host",
        "host_name",
        "port",
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
