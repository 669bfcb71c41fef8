"""Who may ask for what: every path that the resolver knows, by every method, as everybody.

A new path needs a line in one of the tables below, or this fails. What is decided is who gets past the door; what they
are told there is for other tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from monitors.models import ApiToken, Incident
from monitors.tests.builders import see, server
from monitors.tests.people import person
from notifications.models import Channel

pytestmark = pytest.mark.django_db

RANKS = ("anonymous", "person", "viewer", "operator", "admin", "root", "nobody")
"""Each may what those before may: without a log-in, without a role, by role, a superuser. `nobody`: not even those."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

VIEWED = {"GET": "viewer"}
OPERATED = {"GET": "operator", "POST": "operator"}
OWN = {"GET": "person", "POST": "person"}
PATHS: dict[str, dict[str, str]] = {
    # The lowest rank that gets past the door. A method that is not named is refused to all.
    "": {"GET": "viewer", "POST": "operator"},
    "rows/": VIEWED,
    "live/": VIEWED,
    "servers/<int:server_id>/": {"GET": "viewer", "POST": "operator"},
    "servers/<int:server_id>/edit/": OPERATED,
    "servers/<int:server_id>/delete/": OPERATED,
    "servers/new/": OPERATED,
    "servers/paste/": OPERATED,
    r"^servers/servers\.(?P<format>csv|yaml|json)$": VIEWED,
    "servers/inventory/": OPERATED,
    "servers/selection/": {"POST": "operator"},
    "servers/undo/": {"POST": "operator"},
    "servers/all/delete/": {"GET": "admin", "POST": "admin"},
    "first-steps/dismiss/": {"POST": "viewer"},
    "audit/": {"GET": "admin"},
    "audit/audit.csv": {"GET": "admin"},
    "incidents/": {"GET": "viewer", "POST": "operator"},
    "incidents/<int:incident_id>/": {"GET": "viewer", "POST": "operator"},
    "channels/": {"GET": "viewer", "POST": "operator"},
    "channels/add/": OPERATED,
    "channels/new/": OPERATED,
    "channels/settings/": OPERATED,
    "^channels/(?P<slack_id>[A-Z0-9]{1,32})/rename/$": OPERATED,
    "^channels/(?P<slack_id>[A-Z0-9]{1,32})/archive/$": OPERATED,
    # one's own account; people
    "account/": OWN,
    "account/password/": OWN,
    "account/sessions/end/": {"POST": "person"},
    "account/tokens/": {"POST": "person"},
    "account/tokens/<int:token_id>/delete/": OWN,
    "account/people/new/": {"GET": "admin", "POST": "admin"},
    # doors
    "login/": {"GET": "anonymous", "POST": "anonymous"},
    "logout/": {"POST": "anonymous"},
    "account/set-password/<uidb64>/<token>/": dict.fromkeys(METHODS, "anonymous"),  # it is the link that opens
    "language/setlang/": dict.fromkeys(METHODS, "anonymous"),
    # for whoever watches the watcher
    "healthz": {"GET": "anonymous"},
    "readyz": {"GET": "anonymous"},
    "metrics": {"GET": "person"},
    # the API
    "api/": {"GET": "person"},
    "api/^servers/$": {"GET": "viewer", "POST": "operator"},
    "api/^servers/bulk/$": {"POST": "operator"},
    "api/^servers/all/$": {"DELETE": "admin"},
    "api/^servers/(?P<pk>[0-9]{1,18})/$": {
        "GET": "viewer",
        "PUT": "operator",
        "PATCH": "operator",
        "DELETE": "operator",
    },
    "api/^servers/(?P<pk>[0-9]{1,18})/notification/$": {"PATCH": "operator"},
    "api/^servers/(?P<pk>[0-9]{1,18})/probe/$": {"POST": "operator"},
    "api/^status/$": VIEWED,
    "api/^transitions/$": VIEWED,
    "api/^audit/$": {"GET": "admin"},
    "api/^incidents/$": VIEWED,
    "api/^incidents/(?P<pk>[0-9]{1,18})/$": VIEWED,
    "api/^incidents/(?P<pk>[0-9]{1,18})/acknowledge/$": {"POST": "operator"},
    "api/^channels/$": {"GET": "viewer", "POST": "operator"},
    "api/^channels/selection/$": {"GET": "viewer", "PUT": "operator"},
    "api/^channels/(?P<pk>[ -.0-~]{1,255})/$": {
        "GET": "viewer",
        "PUT": "operator",
        "PATCH": "operator",
        "DELETE": "operator",
    },
    "api/^channels/(?P<pk>[ -.0-~]{1,255})/test/$": {"POST": "operator"},
    "api/^slack/channels/$": {"GET": "viewer", "POST": "operator"},
    "api/^slack/channels/(?P<pk>[A-Z0-9]{1,32})/$": {"GET": "viewer", "PATCH": "operator", "DELETE": "operator"},
    "api/^deliveries/$": VIEWED,
    "api/^deliveries/(?P<pk>[0-9]{1,18})/$": VIEWED,
    "api/^deliveries/(?P<pk>[0-9]{1,18})/resend/$": {"POST": "operator"},
    "api/^kinds/$": {"GET": "person"},
    "api/^policies/$": VIEWED,
    "api/^policies/(?P<pk>DEV|STAGE|LIVE|UNKNOWN)/$": {"GET": "viewer", "PUT": "operator", "PATCH": "operator"},
    "api/^tokens/$": {"GET": "person", "POST": "person"},
    "api/^tokens/(?P<pk>[0-9]{1,18})/$": {"DELETE": "person"},
    "api/channel-kinds/": {"GET": "viewer"},
    "api/events/": VIEWED,
    "api/inventory/sync/": {"GET": "viewer", "POST": "operator"},
    "api/schema/": {"GET": "person"},
    "api/docs/": {"GET": "person"},
    "api//": dict.fromkeys(METHODS, "person"),  # what is not there: 404
    # the admin itself; to enter it takes `is_staff`, too
    "admin/password_change/": dict.fromkeys(METHODS, "anonymous"),  # sends to the account
}
SITE = {  # of the admin; any other method of it counts as GET
    "search/": ("person", "person"),
    "": ("person", "person"),
    "login/": ("anonymous", "anonymous"),
    "logout/": ("anonymous", "anonymous"),
    "password_change/": ("anonymous", "anonymous"),
    "password_change/done/": ("person", "nobody"),
    "autocomplete/": ("nobody", "nobody"),  # without naming a model
    "jsi18n/": ("person", "nobody"),
    "r/<path:content_type_id>/<path:object_id>/": ("person", "person"),
    "^(?P<app_label>auth|monitors|notifications)/$": ("person", "person"),  # 404 where they see nothing of it
    "(?P<url>.*)$": ("person", "person"),
    "auth/user/<id>/password/": ("admin", "admin"),
    "monitors/server/paste/": ("operator", "operator"),
    "monitors/server/export/": ("viewer", "viewer"),
    "notifications/delivery/<path:object_id>/send-again/": ("nobody", "person"),  # there is none: 404
}
"""Pages of the admin that are no model's: who may read, and who may write."""
MODELS = {  # who may view, add, change, delete
    "auth.user": "admin admin admin admin",
    "auth.group": "admin admin admin admin",
    "monitors.auditentry": "admin nobody nobody nobody",
    "monitors.apitoken": "viewer admin nobody admin",
    "monitors.loginfailures": "admin nobody nobody admin",
    "monitors.gap": "viewer nobody nobody nobody",
    "monitors.heartbeat": "viewer nobody nobody nobody",
    "monitors.inventoryrun": "viewer nobody nobody nobody",
    "monitors.policy": "viewer nobody operator nobody",
    "monitors.serverstatus": "viewer nobody nobody nobody",
    "monitors.lastfailure": "viewer nobody nobody nobody",
    "monitors.incident": "viewer nobody nobody nobody",
    "monitors.statustransition": "viewer nobody nobody nobody",
    "monitors.pastoutcome": "viewer nobody nobody nobody",
    "monitors.rollup": "viewer nobody nobody nobody",
    "monitors.server": "viewer operator operator operator",
    "notifications.delivery": "viewer nobody nobody nobody",
    "notifications.stormrule": "viewer operator operator operator",
    "notifications.storm": "viewer nobody nobody nobody",
    "notifications.workspace": "viewer nobody nobody nobody",
    "notifications.workspacechannel": "viewer nobody nobody nobody",
    "notifications.slacksocket": "viewer nobody nobody nobody",
    "notifications.channel": "viewer operator operator operator",
}
EXAMPLES = {  # of what stands in a path, named as the patterns name it
    "token_id": "1",
    "slack_id": "C1",
    "format": "csv",
    "uidb64": "MQ",
    "token": "x-y",
    "id": "0",
    "object_id": "0",
    "content_type_id": "0",
    "app_label": "auth",
    "url": "nothing/",
    "pk": "1",
}
EXAMPLES_OF = {"api/^policies/(?P<pk>DEV|STAGE|LIVE|UNKNOWN)/$": "api/policies/LIVE/", "api//": "api/nothing/"}
BODIES = {  # where what is asked for decides who may ask for it
    "servers/<int:server_id>/": "act=pause",
    "servers/selection/": "act=pause",
    "channels/": "on=C1",
    "incidents/": "incident={incident_id}",
    "incidents/<int:incident_id>/": "act=acknowledge",
}


def patterns(resolver: Any = None, before: str = "") -> Iterator[str]:
    """Of every view there is. The one that answers what is not there is "api//"."""
    for one in (resolver or get_resolver()).url_patterns:
        here = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from patterns(one, here)
        elif isinstance(one, URLPattern):
            yield "api//" if one.name == "unknown" else here


def example(pattern: str, stored: dict[str, Any]) -> str:
    """A path that `pattern` is for."""
    known = {**EXAMPLES, **{name: str(value) for name, value in stored.items()}}
    filled = EXAMPLES_OF.get(pattern, pattern)
    filled = re.sub(r"\(\?P<(\w+)>(?:\[[^\]]*\]|[^()\[\]])*\)", lambda found: known[found[1]], filled)
    filled = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: known[found[1]], filled)
    return "/" + filled.replace("^", "").replace("$", "").replace("\\", "")


def decided(pattern: str) -> dict[str, str]:
    """The lowest rank by method. Raises KeyError where nobody has decided."""
    if not pattern.startswith("admin/") or pattern in PATHS:
        return PATHS[pattern]
    within = pattern.removeprefix("admin/")
    if within in SITE:
        reading, writing = SITE[within]
        return {"GET": reading, "POST": writing}
    app, model, rest = within.split("/", 2)
    view, add, change, delete = MODELS[f"{app}.{model}"].split()
    return {
        "": {"GET": view, "POST": view},  # actions ask for themselves
        "add/": {"GET": add, "POST": add},
        "<path:object_id>/history/": {"GET": "admin", "POST": "admin"},  # sends to the audit log
        "<path:object_id>/delete/": {"GET": delete, "POST": delete},
        "<path:object_id>/change/": {"GET": view, "POST": change},
        "<path:object_id>/": {"GET": "person", "POST": "person"},  # sends to change/
    }[rest]


@pytest.fixture
def stored() -> dict[str, Any]:
    """What paths are about."""
    one = server()
    see(one, "--")
    Channel.objects.create(channel_id="C1", name="alerts")
    return {"server_id": one.pk, "incident_id": Incident.objects.get().pk}


@pytest.fixture(autouse=True)
def _keep_the_connection(monkeypatch):
    """A stream gives its connection to the database back, and with it would go the transaction of the test."""
    monkeypatch.setattr("monitors.api.events.connections", SimpleNamespace(close_all=lambda: None))


@pytest.fixture(autouse=True)
def _draw_nothing(monkeypatch):
    """What a page says to whoever got past its door is for other tests, and is most of the work."""
    monkeypatch.setattr("django.template.backends.django.Template.render", lambda *_args, **_more: "")


def browser(rank: str, **columns: Any) -> Client:
    client = Client(raise_request_exception=False)
    if rank == "root":
        client.force_login(User.objects.create_superuser("root"))
    elif rank != "anonymous":
        client.force_login(person("" if rank == "person" else rank, **{"is_staff": True, **columns}))
    return client


def ask(client: Client, method: str, pattern: str, stored: dict[str, Any], **headers: Any) -> Any:
    """The answer. What it changed is taken back."""
    api = pattern.startswith("api/")
    body = "{}" if api else BODIES.get(pattern, "x=1").format(**stored)
    kind = "application/json" if api else "application/x-www-form-urlencoded"
    kept: Any = client.cookies.copy()
    with transaction.atomic():
        response: Any = client.generic(method, example(pattern, stored), body, content_type=kind, headers=headers)
        transaction.set_rollback(True)
    client.cookies = kept
    return response


def is_refused(response: Any) -> bool:
    """401, 403, or the way to the log-in; or the method is no method here."""
    to_login = response.status_code == 302 and "/login/?next=" in response.headers["Location"]
    return to_login or response.status_code in (401, 403, 405)


def test_every_path_is_decided_and_nothing_else_is():
    there = set(patterns())
    for pattern in there:
        assert decided(pattern), pattern
    assert set(PATHS) - there == set()
    assert {f"admin/{within}" for within in SITE} - there == set()
    known = {f"{model._meta.app_label}.{model._meta.model_name}" for model in admin.site._registry}
    assert set(MODELS) == known


@pytest.mark.parametrize("rank", RANKS[:-1])
def test_a_rank_gets_past_the_doors_that_are_decided_for_it(rank, stored):
    client = browser(rank)
    wrong = []
    for pattern in patterns():
        allowed = decided(pattern)
        for method in METHODS if not pattern.startswith("admin/") else ("GET", "POST"):
            if (method, pattern) == ("GET", "admin/logout/"):  # 405, or where there is nobody to log out, the log-in
                continue
            needed = allowed.get("GET" if method == "HEAD" else method, "nobody")
            response = ask(client, method, pattern, stored)
            if is_refused(response) != (RANKS.index(rank) < RANKS.index(needed)) or response.status_code == 500:
                wrong.append(f"{method} {pattern} is {response.status_code}, decided is {needed}")
    assert not wrong, "\n".join(wrong)


def test_whoever_is_not_of_the_staff_gets_nowhere_in_the_admin(stored):
    client = browser("admin", is_staff=False)
    open_to_all = ("admin/login/", "admin/logout/", "admin/password_change/")
    for pattern in patterns():
        if pattern.startswith("admin/") and pattern not in open_to_all:
            assert is_refused(ask(client, "GET", pattern, stored)), pattern
            assert is_refused(ask(client, "POST", pattern, stored)), pattern


def test_a_token_that_may_only_read_changes_nothing_anywhere_in_the_api(stored):
    root = User.objects.create_superuser("root")
    _token, text = ApiToken.objects.issue(root, read_only=True)
    for pattern in patterns():
        if pattern.startswith("api/") or pattern == "metrics":
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                response = ask(Client(), method, pattern, stored, Authorization=f"Token {text}")
                assert response.status_code == 403, (method, pattern)
            if "GET" in decided(pattern):
                response = ask(Client(), "GET", pattern, stored, Authorization=f"Token {text}")
                assert not is_refused(response), pattern


def test_a_token_opens_no_page(stored):
    _token, text = ApiToken.objects.issue(User.objects.create_superuser("root"))
    for pattern in patterns():
        if not pattern.startswith("api/") and pattern != "metrics" and decided(pattern).get("GET") != "anonymous":
            response = ask(Client(), "GET", pattern, stored, Authorization=f"Token {text}")
            assert is_refused(response), pattern
