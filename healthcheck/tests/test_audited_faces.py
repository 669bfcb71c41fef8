"""Whatever can change something, by any face, writes to the audit log who did it, or stands in a list with the reason
why it does not. What can change something is asked of the URL resolver, the admin and the commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import get_commands
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.exceptions import NoReverseMatch
from rest_framework.test import APIClient

from healthcheck.tests.account_writes import ACCOUNT, fail, keys_of_failures, path_of_link
from healthcheck.tests.admin_writes import ADMIN, BEYOND_THE_REGISTRY
from healthcheck.tests.writes import (
    API,
    CHANGES_NOTHING,
    COMMANDS,
    INVENTORIES,
    NEW,
    PAGES,
    World,
    synchronised_by_command,
)
from monitors import recording, tasks
from monitors.models import ApiToken, AuditEntry
from monitors.tests.builders import NOW, SECOND, server
from monitors.tests.forms import TYPED
from monitors.tests.inventory_stand_in import TOKEN, inventory_server, listing
from monitors.views import selection as selecting
from monitors.views import server as server_page
from notifications.models import Channel
from notifications.tests.test_sending import clock, slack
from notifications.tests.test_workspace import tick
from notifications.transports.slack.socket.actions import Actions
from notifications.transports.slack.socket.envelopes import Press
from notifications.views import channels as channels_page

__all__ = ["clock", "slack"]  # fixtures
pytestmark = pytest.mark.django_db

SCENARIOS = {**API, **PAGES, **ACCOUNT, **ADMIN}
UNSAFE = ("post", "put", "patch", "delete")
SAMPLE = {
    "server_id": 1,
    "incident_id": 1,
    "token_id": 1,
    "slack_id": "C1",
    "format": "csv",
    "uidb64": "MQ",
    "token": "a-b",
}
ADDRESS = "192.0.2.7"


# what there is


def patterns(resolver: Any, prefix: str = "", namespace: str = "") -> Iterator[tuple[str, str, URLPattern]]:
    """The path, the name with its namespace and the pattern of every URL."""
    for one in resolver.url_patterns:
        path = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            inner = ":".join(filter(None, (namespace, one.namespace or "")))
            yield from patterns(one, path, inner)
        else:
            yield path, ":".join(filter(None, (namespace, one.name or ""))), one


def api_writes() -> Iterator[str]:
    for path, name, pattern in patterns(get_resolver()):
        if not path.startswith("api/"):
            continue
        view: Any = pattern.callback
        actions = getattr(view, "actions", None)
        methods = actions or [method for method in UNSAFE if hasattr(view.cls, method)]
        yield from (f"{method.upper()} {name}" for method in methods if method in UNSAFE)


def page_writes() -> Iterator[str]:
    """Every page that does not refuse the method, before it asks who is there."""
    stranger = Client()
    for path, name, _pattern in patterns(get_resolver()):
        if path.startswith(("api/", "admin/")):
            continue
        arguments = {key: SAMPLE[key] for key in SAMPLE if f"{key}>" in path}
        try:
            url = reverse(name, kwargs=arguments) if name else f"/{path}"
        except NoReverseMatch:
            pytest.fail(f"give a sample of every argument of {path}")
        if stranger.post(url).status_code != 405:
            yield f"page {name or path}"


def acts() -> Iterator[str]:
    """What the buttons of one page do, each by itself."""
    yield from (f"page monitors:server {name}" for name in server_page.ACTS)
    yield from (f"page monitors:selection {name}" for name in (*selecting.ACTS, "delete"))
    yield from (f"page notifications:channels {name}" for name in channels_page.ACTS)


def admin_writes(request: Any) -> Iterator[str]:
    for model, shown in admin.site._registry.items():
        label = model._meta.label_lower
        if shown.has_add_permission(request):
            yield f"admin {label} add"
        if shown.has_change_permission(request):
            yield f"admin {label} change"
        if shown.has_delete_permission(request):
            yield f"admin {label} delete"
        yield from (f"admin {label} {name}" for name in shown.get_actions(request))


def own_commands() -> Iterator[str]:
    return (f"command {name}" for name, app in get_commands().items() if app in ("monitors", "notifications"))


@pytest.fixture
def world(settings, slack, clock, tmp_path):
    slack.workspace.add_channel("ops", is_ours=True)
    root = User.objects.create_superuser("root")
    _token, text = ApiToken.objects.issue(root)
    api = APIClient(REMOTE_ADDR=ADDRESS)
    api.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    page = Client(REMOTE_ADDR=ADDRESS)
    page.force_login(root)
    tick(clock)
    Channel.objects.all().delete()
    with inventory_server() as inventory:
        settings.INVENTORY_URL, settings.INVENTORY_TOKEN = inventory.url, TOKEN
        yield World(root, api, page, slack, inventory, tmp_path)


def latest(wanted: str) -> AuditEntry:
    action, kind, *name = wanted.split(" ", 2)
    found = AuditEntry.objects.filter(action=action, subject_kind=kind).order_by("id").last()
    assert found is not None, list(AuditEntry.objects.values_list("action", "subject_kind", "subject_name"))
    assert not name or found.subject_name == name[0]
    return found


def test_whatever_can_change_something_is_tried_here_or_has_a_reason(rf, world):
    request = rf.get("/admin/")
    request.user = world.root
    there = {*api_writes(), *page_writes(), *acts(), *admin_writes(request), *own_commands()}
    named = {*SCENARIOS, *INVENTORIES, *COMMANDS, *CHANGES_NOTHING} - BEYOND_THE_REGISTRY
    assert there - named == set(), "neither audited here nor in CHANGES_NOTHING"
    assert named - there == set(), "no longer there, or no longer able to change anything"


@pytest.mark.parametrize("key", SCENARIOS)
def test_a_change_is_written_down_with_who_made_it_and_from_where(world, key):
    do, wanted = SCENARIOS[key]
    do(world)
    entry = latest(wanted)
    face = "api" if key in API else "admin" if key in ADMIN else "page"
    assert (entry.actor, entry.user_id, entry.face, entry.address) == ("root", world.root.pk, face, ADDRESS)


@pytest.mark.parametrize("key", INVENTORIES)
def test_who_asks_the_inventory_is_written_down_with_what_it_changed(world, key):
    do, wanted = INVENTORIES[key]
    do(world)
    entry = latest(wanted)
    assert (entry.actor, entry.face, entry.address) == ("root", "inventory", ADDRESS)


def test_what_the_inventory_changes_by_itself_is_its_own_doing(world):
    server(host_name="kept", from_inventory=True)
    server(host_name="gone", from_inventory=True)
    world.inventory.lists(*listing("kept", "new", "third", "fourth"))
    tasks.sync_inventory()
    entries = AuditEntry.objects.filter(face="inventory")
    assert set(entries.values_list("actor", "user_id", "address")) == {("inventory", None, "")}
    assert {(entry.action, entry.subject_name) for entry in entries} == {
        ("created", "new"),
        ("created", "third"),
        ("created", "fourth"),
        ("changed", "kept"),
        ("paused", "gone"),
    }
    assert entries.get(subject_name="gone").changes["paused_reason"] == [None, "vanished from the inventory"]


@pytest.mark.parametrize("key", COMMANDS)
def test_a_command_is_written_down_with_the_account_and_the_machine(world, key, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "ops-account")
    monkeypatch.setattr("socket.gethostname", lambda: "host-1")
    do, wanted = COMMANDS[key]
    do(world)
    entry = latest(wanted)
    assert (entry.face, entry.user_id, entry.address) == ("command", None, "host-1")
    assert entry.actor == f"ops-account ({key.partition(' ')[2]})"


def test_the_command_for_the_inventory_is_named_too(world, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "ops-account")
    synchronised_by_command(world)
    entry = latest("created server new")
    assert (entry.face, entry.actor) == ("inventory", "ops-account (sync_inventory)")


def test_a_button_in_a_message_is_written_down_with_who_pressed_it_and_in_which_channel(world):
    incident = world.incident()
    desk = Actions(lambda: NOW + 60 * SECOND)
    press = Press("e-1", "acknowledge", incident.pk, "alice", world.slack.channel, "1.0", world.slack.url)
    desk.carry_out(press)
    desk.close()
    entry = latest("acknowledged incident")
    assert (entry.actor, entry.face, entry.address) == ("alice (Slack)", "slack", world.slack.channel)


def test_who_sets_a_password_by_a_link_acts_as_whose_it_is(world):
    user, stranger = world.user(), Client(REMOTE_ADDR=ADDRESS)
    there = stranger.get(path_of_link(user))["Location"]
    stranger.post(there, {"new_password1": "long-enough-4711", "new_password2": "long-enough-4711"})
    entry = latest("changed user kim")
    assert (entry.actor, entry.user_id, entry.face, entry.address) == ("kim", None, "page", ADDRESS)


def test_behind_a_proxy_the_address_is_that_of_the_client(world):
    world.page.post("/servers/new/", TYPED, REMOTE_ADDR="127.0.0.1", headers={"X-Forwarded-For": "198.51.100.4"})
    assert latest("created server web-1").address == "198.51.100.4"


def test_a_name_that_nobody_has_is_not_written_down_when_its_failures_are_forgotten(world):
    for name in ("root", "a-password-typed-too-early"):
        fail(Client(), name)
    world.page.post(
        "/admin/monitors/loginfailures/",
        {"action": "delete_selected", "post": "yes", "_selected_action": keys_of_failures()},
    )
    names = set(AuditEntry.objects.filter(subject_kind="log_in_failures").values_list("subject_name", flat=True))
    assert any("root" in name for name in names)
    assert not any("password" in name for name in names)


def test_no_request_acts_for_the_one_before(world):
    world.page.post("/servers/new/", TYPED)
    one = server()
    recording.pause([one.pk], actor="somebody else", now=NOW)
    assert AuditEntry.objects.latest("id").actor == "somebody else"


def test_no_secret_is_in_any_entry(world):
    secret = "very-secret"
    body = {**NEW, "request_headers": {"Authorization": secret}, "path": f"/health?key={secret}"}
    made = world.api.post("/api/servers/", body, format="json").json()
    world.api.patch(f"/api/servers/{made['id']}/", {"request_headers": {"Cookie": f"{secret}-2"}}, format="json")
    hook = f"{world.slack.url}/services/T0001/B0001/{secret}"
    world.api.post("/api/channels/", {"channel_id": "C1", "hook_url": hook}, format="json")
    world.api.patch("/api/channels/C1/", {"hook_url": f"{hook}-2"}, format="json")
    token = world.api.post("/api/tokens/", {}, format="json").json()["token"]
    ADMIN["admin auth.user password"][0](world)
    world.api.delete(f"/api/servers/{made['id']}/")
    world.api.delete("/api/channels/C1/")
    everything = str(list(AuditEntry.objects.values()))
    assert not re.search(f"{secret}|{token}|long-enough|md5", everything)
    assert {"request_headers", "hook_url", "password"} <= {
        name for changes in AuditEntry.objects.values_list("changes", flat=True) for name in changes
    }
