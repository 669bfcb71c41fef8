"""No method on any path is answered by a mistake of ours, and nothing that needs a log-in is kept by caches."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import Mock

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLResolver, get_resolver
from rest_framework.test import APIClient

from healthcheck.tests.length import AT_LENGTH
from monitors.api import events
from monitors.tests.builders import server
from monitors.tests.people import client_of, person

pytestmark = pytest.mark.django_db

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "QUERY", "X-ODD")
VALUES = {"format": "json", "slack_id": "C1", "environment": "LIVE"}
"""Of parameters of paths that do not take any number."""
ODD_PATHS = (
    *("/%00", "/%ff", "/%ff%fe/", "/%0d%0aA:b", "//example.com/", "/" + "a" * 9_000, "/servers/%D9%A1/", "/static/%00"),
    *("/servers/99999999999999999999/", "/incidents/?page=%00", "/?q=%00", "/?q=%ff", "/?" + "a=1&" * 5_000),
    *("/api/%00", "/api/%ff/", "/api/servers/%00/", "/api/servers/?search=%00", "/admin/%00", "/live/?since=%00"),
    *("/admin/auth/user/?q=%00", "/admin/auth/user/?id__exact=%00", "/admin/monitors/server/?p=9999999999999999999999"),
    *("/login/?next=%00", "/login/?next=//example.com/", "/language/setlang/?next=%00", "/admin/auth/user/%00/change/"),
    *("/admin/r/9999999999999999999/1/", "/admin/auth/user/99999999999999999999999999/change/"),
)


def every_path(resolver: URLResolver | None = None, prefix: str = "/") -> Iterator[str]:
    """One of each that the resolver knows."""
    resolver = resolver or get_resolver()
    for name in list(resolver.reverse_dict):
        for possibilities, *_rest in resolver.reverse_dict.getlist(name):
            for template, parameters in possibilities:
                yield prefix + template % {one: VALUES.get(one, "1") for one in parameters}
    for deeper, inside in resolver.namespace_dict.values():
        yield from every_path(inside, prefix + deeper)


@pytest.fixture(scope="module")
def paths() -> list[str]:
    found = sorted({path.replace("%%", "%") for path in every_path()})
    assert len(found) > 150
    return found


@pytest.fixture(autouse=True)
def one_connection(monkeypatch):
    """A stream gives its connection to the database back, which is that of the test."""
    monkeypatch.setattr(events, "connections", Mock())


def visitor() -> Client:
    return Client()


def administrator() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


def script() -> APIClient:
    return client_of("admin")


ASKED = {
    administrator: METHODS,
    **dict.fromkeys((visitor, script), METHODS if AT_LENGTH else ("GET", "POST", "OPTIONS")),
}


@pytest.mark.parametrize(("who", "method"), [(who, method) for who, methods in ASKED.items() for method in methods])
def test_every_path_answers_every_method_without_a_mistake_of_ours(method, who, paths, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    client = who()
    wrong = []
    for path in paths:
        if path.startswith("/logout/") or path == "/admin/logout/":
            continue
        answer = client.generic(method, path, b"{}", content_type="application/json")
        if answer.status_code >= 500 and answer.status_code != 503:
            wrong.append((path, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("path", ODD_PATHS, ids=lambda path: path[:40])
def test_an_odd_path_is_answered_without_a_mistake_of_ours(path):
    client = administrator()
    for method in ("GET", "POST"):
        assert client.generic(method, path).status_code < 500


@pytest.mark.parametrize("shape", ["csv", "json", "api", "odd", ""])
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "TRACE", "POST"])
def test_every_path_of_the_api_answers_in_whatever_shape_is_asked_for(method, shape, paths):
    client = script()
    for path in paths:
        if path.startswith("/api/"):
            answer = client.generic(method, f"{path}?format={shape}", "{}", content_type="application/json")
            assert answer.status_code < 500 or answer.status_code == 503, path


def test_whatever_is_answered_to_somebody_who_is_logged_in_is_kept_by_nobody(paths):
    server()
    kept = []
    for client in (administrator(), script()):
        for path in paths:
            answer = client.get(path)
            rules = set(answer.headers.get("Cache-Control", "").replace(" ", "").split(","))
            if "private" not in rules or not rules & {"no-store", "no-cache"}:
                kept.append((path, answer.headers.get("Cache-Control")))
    assert kept == []


def test_our_pages_allow_no_scripts_or_styles_but_those_of_our_files():
    client = Client()
    client.force_login(person("admin"))
    for path in ("/", "/incidents/", "/channels/", "/servers/new/", "/nothing", "/login/"):
        policy = client.get(path).headers["Content-Security-Policy"]
        rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
        assert (rules["script-src"], rules["style-src"]) == ("'self'", "'self'"), path
        assert rules["frame-ancestors"] == rules["base-uri"] == rules["default-src"] == "'none'"
        assert "unsafe" not in policy


def test_the_scripts_of_the_documentation_are_named_by_a_nonce_that_is_used_once():
    client = Client()
    client.force_login(person("viewer"))
    policies = {client.get("/api/docs/").headers["Content-Security-Policy"] for _ in range(2)}
    assert len(policies) == 2
    assert all("'nonce-" in policy and "unsafe" not in policy for policy in policies)


def test_errors_are_json_for_scripts_whatever_they_accept():
    client = client_of("viewer")
    for path in ("/api/servers/0/", "/api/nonesuch/", "/api/servers/?page=0", "/api/schema/?format=odd"):
        for accept in ("text/html", "application/yaml", "a/b", "*/*"):
            answer = client.get(path, headers={"Accept": accept})
            assert answer.status_code in (404, 406), path
            assert set(answer.json()) == {"code", "detail", "errors"}
    assert client.post("/api/docs/").json()["code"] == "method_not_allowed"


def test_people_who_browse_the_api_see_errors_as_pages():
    client = Client()
    client.force_login(person("viewer"))
    answer = client.get("/api/servers/0/", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


def test_a_method_that_the_list_of_changes_has_not_is_405_in_csv_as_well():
    answer = script().generic("TRACE", "/api/audit/?format=csv")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert script().options("/api/audit/?format=csv").headers["Content-Type"] == "application/json"
