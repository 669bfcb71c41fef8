"""Whatever can change something, by any face, writes to the audit log who did it, or stands in a list with the reason
why it does not. What can change something is asked of the URL resolver, the admin and the commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.management import call_command, get_commands
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.exceptions import NoReverseMatch
from rest_framework.test import APIClient

from monitors import recording, seeding, tasks
from monitors.models import ApiToken, AuditEntry, Incident, InventoryRun, Server
from monitors.tests.builders import NOW, SECOND, see, server
from monitors.tests.forms import TYPED, filled
from monitors.tests.inventory_stand_in import TOKEN, inventory_server, listing
from monitors.views import selection as selecting
from monitors.views import server as server_page
from notifications.models import Channel, Delivery, State, StormRule
from notifications.socket.actions import Actions
from notifications.socket.envelopes import Press
from notifications.tests.test_sending import clock, slack
from notifications.tests.test_workspace import tick
from notifications.views import channels as channels_page

__all__ = ["clock", "slack"]  # fixtures
pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

UNSAFE = ("post", "put", "patch", "delete")
SAMPLE = {"server_id": 1, "incident_id": 1, "slack_id": "C1", "format": "csv"}
ADDRESS = "192.0.2.7"
NEW = {"host_name": "new", "host": "new.example.com", "port": 443, "type": 1, "environment": "DEV"}


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


# how each of them is done


@dataclass
class World:
    root: User
    api: APIClient
    page: Client
    slack: Any
    inventory: Any
    tmp: Path

    def server(self) -> Server:
        return server()

    def incident(self) -> Incident:
        see(server(), "+--")
        return Incident.objects.get()

    def channel(self) -> Channel:
        return Channel.objects.create(channel_id=self.slack.channel, name="alerts")

    def failed(self) -> Delivery:
        channel = self.channel()
        return Delivery.objects.create(kind="test", channel=channel, key="test:1", state=State.FAILED)

    def token(self) -> ApiToken:
        return ApiToken.objects.issue(self.root)[0]

    def made(self) -> str:
        """A channel that the app has made itself."""
        return next(one.id for one in self.slack.workspace.channels.values() if one.name == "ops")

    def user(self) -> User:
        return User.objects.create_user("kim")

    def act(self, model: str, action: str, key: object) -> Any:
        return self.page.post(f"/admin/{model}/", {"action": action, "_selected_action": [key], "post": "yes"})

    def choose(self, act: str, *servers: Server, **more: str) -> Any:
        fields = {"act": act, "server": [one.pk for one in servers], "confirmed": "on", **more}
        return self.page.post("/servers/selection/", fields)


Scenario = tuple[Callable[[World], Any], str]
"""What is done, and the last entry that it leaves behind: `action subject name`; the name may be left out."""


def paused(one: Server) -> Server:
    recording.pause([one.pk], actor="tests", now=NOW)
    return one


def silent(one: Server) -> Server:
    recording.set_notification([one.pk], False, actor="tests", now=NOW)
    return one


def pasted(world: World) -> Any:
    text = "host_name,host,port,type,environment\nnew,new.example.com,443,1,DEV\n"
    mark = seeding.propose(seeding.read(text.encode())).mark
    return world.page.post("/servers/paste/", {"text": text, "act": "apply", "seen": mark})


def undone(world: World) -> Any:
    world.choose("pause", server())
    return world.page.post("/servers/undo/")


def synchronised(world: World) -> Any:
    world.inventory.lists(*listing("new"))
    world.page.post("/servers/inventory/", {"act": "look"})
    return world.page.post("/servers/inventory/", {"act": "apply", "run": InventoryRun.objects.latest("id").pk})


def called_api_inventory(world: World) -> Any:
    world.inventory.lists(*listing("new"))
    return world.api.post("/api/inventory/sync/", {}, format="json")


def edited_in_admin(world: World) -> Any:
    one = world.server()
    form = {name: value for name, value in TYPED.items() if name != "host_name"}
    return world.page.post(f"/admin/monitors/server/{one.pk}/change/", {**form, "host_name": "renamed"})


def seeded(world: World) -> Any:
    file = world.tmp / "servers.csv"
    file.write_text("host_name,host,port,type,environment\nnew,new.example.com,443,1,DEV\n")
    call_command("seed_servers", str(file), stdout=StringIO())


def synchronised_by_command(world: World) -> Any:
    world.inventory.lists(*listing("new"))
    call_command("sync_inventory", stdout=StringIO())


API: dict[str, Scenario] = {
    "POST api:server-list": (lambda w: w.api.post("/api/servers/", NEW), "created server new"),
    "PUT api:server-detail": (lambda w: w.api.put(f"/api/servers/{w.server().pk}/", NEW), "changed server new"),
    "PATCH api:server-detail": (
        lambda w: w.api.patch(f"/api/servers/{w.server().pk}/", {"paused": True}),
        "paused server",
    ),
    "DELETE api:server-detail": (lambda w: w.api.delete(f"/api/servers/{w.server().pk}/"), "deleted server"),
    "POST api:server-bulk": (lambda w: w.api.post("/api/servers/bulk/", [NEW]), "created server new"),
    "PATCH api:server-notification": (
        lambda w: w.api.patch(f"/api/servers/{w.server().pk}/notification/", {"notification": False}),
        "changed server",
    ),
    "DELETE api:server-delete-all": (
        lambda w: (w.server(), w.api.delete("/api/servers/all/?confirm=1")),
        "deleted server",
    ),
    "POST api:incident-acknowledge": (
        lambda w: w.api.post(f"/api/incidents/{w.incident().pk}/acknowledge/"),
        "acknowledged incident",
    ),
    "PUT api:policy-detail": (
        lambda w: w.api.put("/api/policies/LIVE/", {"interval_seconds": 60}),
        "changed policy LIVE",
    ),
    "PATCH api:policy-detail": (
        lambda w: w.api.patch("/api/policies/DEV/", {"interval_seconds": 60}),
        "changed policy DEV",
    ),
    "POST api:token-list": (lambda w: w.api.post("/api/tokens/", {"name": "script"}), "created token"),
    "DELETE api:token-detail": (lambda w: w.api.delete(f"/api/tokens/{w.token().pk}/"), "deleted token"),
    "POST api:channel-list": (
        lambda w: w.api.post("/api/channels/", {"channel_id": "C1", "name": "ops"}),
        "created channel ops",
    ),
    "PUT api:channel-detail": (
        lambda w: w.api.put(f"/api/channels/{w.channel().pk}/", {"channel_id": w.slack.channel, "name": "other"}),
        "changed channel other",
    ),
    "PATCH api:channel-detail": (
        lambda w: w.api.patch(f"/api/channels/{w.channel().pk}/", {"enabled": False}),
        "changed channel alerts",
    ),
    "DELETE api:channel-detail": (
        lambda w: w.api.delete(f"/api/channels/{w.channel().pk}/"),
        "deleted channel alerts",
    ),
    "PUT api:channel-selection": (
        lambda w: (w.channel(), w.api.put("/api/channels/selection/", {"channel_ids": []})),
        "changed channel alerts",
    ),
    "POST api:channel-test": (
        lambda w: w.api.post(f"/api/channels/{w.channel().pk}/test/"),
        "tested channel alerts",
    ),
    "POST api:slack-channel-list": (
        lambda w: w.api.post("/api/slack/channels/", {"name": "night-shift"}),
        "created workspace_channel night-shift",
    ),
    "PATCH api:slack-channel-detail": (
        lambda w: w.api.patch(f"/api/slack/channels/{w.made()}/", {"name": "day-shift"}),
        "renamed workspace_channel day-shift",
    ),
    "DELETE api:slack-channel-detail": (
        lambda w: w.api.delete(f"/api/slack/channels/{w.made()}/"),
        "archived workspace_channel ops",
    ),
    "POST api:delivery-resend": (
        lambda w: w.api.post(f"/api/deliveries/{w.failed().pk}/resend/"),
        "resent delivery",
    ),
}
PAGES: dict[str, Scenario] = {
    "page monitors:dashboard": (
        lambda w: w.page.post("/", {"notify": f"{w.server().pk}:0"}),
        "changed server",
    ),
    "page monitors:add": (lambda w: w.page.post("/servers/new/", TYPED), "created server web-1"),
    "page monitors:edit": (
        lambda w: [
            w.page.post(path, {**filled(w.page, path), "host_name": "renamed"})
            for path in [f"/servers/{w.server().pk}/edit/"]
        ],
        "changed server renamed",
    ),
    "page monitors:delete": (lambda w: w.page.post(f"/servers/{w.server().pk}/delete/"), "deleted server"),
    "page monitors:paste": (pasted, "created server new"),
    "page monitors:undo": (undone, "resumed server"),
    "page monitors:delete_all": (
        lambda w: (w.server(), w.page.post("/servers/all/delete/", {"count": "1"})),
        "deleted server",
    ),
    "page monitors:incidents": (
        lambda w: w.page.post("/incidents/", {"incident": w.incident().pk}),
        "acknowledged incident",
    ),
    "page monitors:incident": (
        lambda w: w.page.post(f"/incidents/{w.incident().pk}/", {"text": "Disk full."}),
        "noted incident",
    ),
    "page monitors:server pause": (
        lambda w: w.page.post(f"/servers/{w.server().pk}/", {"act": "pause"}),
        "paused server",
    ),
    "page monitors:server resume": (
        lambda w: w.page.post(f"/servers/{paused(w.server()).pk}/", {"act": "resume"}),
        "resumed server",
    ),
    "page monitors:server notification_on": (
        lambda w: w.page.post(f"/servers/{silent(w.server()).pk}/", {"act": "notification_on"}),
        "changed server",
    ),
    "page monitors:server notification_off": (
        lambda w: w.page.post(f"/servers/{w.server().pk}/", {"act": "notification_off"}),
        "changed server",
    ),
    "page monitors:server acknowledge": (
        lambda w: w.page.post(f"/servers/{w.incident().server_id}/", {"act": "acknowledge"}),
        "acknowledged incident",
    ),
    "page monitors:selection pause": (lambda w: w.choose("pause", w.server(), w.server()), "paused server"),
    "page monitors:selection resume": (lambda w: w.choose("resume", paused(w.server())), "resumed server"),
    "page monitors:selection notification_on": (
        lambda w: w.choose("notification_on", silent(w.server())),
        "changed server",
    ),
    "page monitors:selection notification_off": (
        lambda w: w.choose("notification_off", w.server()),
        "changed server",
    ),
    "page monitors:selection delete": (lambda w: w.choose("delete", w.server()), "deleted server"),
    "page notifications:add": (
        lambda w: w.page.post("/channels/add/", {"channel_id": "C1", "name": "ops"}),
        "created channel ops",
    ),
    "page notifications:settings": (
        lambda w: w.page.post(f"/channels/settings/?channel={w.channel().pk}", {"name": "other"}),
        "changed channel other",
    ),
    "page notifications:create": (
        lambda w: w.page.post("/channels/new/", {"name": "night-shift"}),
        "created workspace_channel night-shift",
    ),
    "page notifications:rename": (
        lambda w: w.page.post(f"/channels/{w.made()}/rename/", {"name": "day-shift"}),
        "renamed workspace_channel day-shift",
    ),
    "page notifications:archive": (
        lambda w: w.page.post(f"/channels/{w.made()}/archive/"),
        "archived workspace_channel ops",
    ),
    "page notifications:channels on": (
        lambda w: w.page.post("/channels/", {"on": w.made()}),
        "created channel ops",
    ),
    "page notifications:channels off": (
        lambda w: w.page.post("/channels/", {"off": w.channel().pk}),
        "changed channel alerts",
    ),
    "page notifications:channels test": (
        lambda w: w.page.post("/channels/", {"test": w.channel().pk}),
        "tested channel alerts",
    ),
}
INVENTORIES: dict[str, Scenario] = {
    "POST api:inventory-sync": (called_api_inventory, "created server new"),
    "page monitors:inventory": (synchronised, "created server new"),
}
ADMIN: dict[str, Scenario] = {
    "admin monitors.server add": (
        lambda w: w.page.post("/admin/monitors/server/add/", TYPED),
        "created server web-1",
    ),
    "admin monitors.server change": (edited_in_admin, "changed server renamed"),
    "admin monitors.server delete": (
        lambda w: w.page.post(f"/admin/monitors/server/{w.server().pk}/delete/", {"post": "yes"}),
        "deleted server",
    ),
    "admin monitors.server delete_selected": (
        lambda w: w.act("monitors/server", "delete_selected", w.server().pk),
        "deleted server",
    ),
    "admin monitors.server pause": (lambda w: w.act("monitors/server", "pause", w.server().pk), "paused server"),
    "admin monitors.server resume": (
        lambda w: w.act("monitors/server", "resume", paused(w.server()).pk),
        "resumed server",
    ),
    "admin monitors.server notification_on": (
        lambda w: w.act("monitors/server", "notification_on", silent(w.server()).pk),
        "changed server",
    ),
    "admin monitors.server notification_off": (
        lambda w: w.act("monitors/server", "notification_off", w.server().pk),
        "changed server",
    ),
    "admin monitors.policy change": (
        lambda w: w.page.post("/admin/monitors/policy/LIVE/change/", {"interval_seconds": "60"}),
        "changed policy LIVE",
    ),
    "admin monitors.incident acknowledge": (
        lambda w: w.act("monitors/incident", "acknowledge", w.incident().pk),
        "acknowledged incident",
    ),
    "admin monitors.apitoken add": (
        lambda w: w.page.post("/admin/monitors/apitoken/add/", {"name": "script", "user": w.root.pk}),
        "created token",
    ),
    "admin monitors.apitoken delete": (
        lambda w: w.page.post(f"/admin/monitors/apitoken/{w.token().pk}/delete/", {"post": "yes"}),
        "deleted token",
    ),
    "admin monitors.apitoken delete_selected": (
        lambda w: w.act("monitors/apitoken", "delete_selected", w.token().pk),
        "deleted token",
    ),
    "admin auth.user add": (
        lambda w: w.page.post(
            "/admin/auth/user/add/",
            {
                "username": "lee",
                "usable_password": "true",
                "password1": "long-enough-4711",
                "password2": "long-enough-4711",
            },
        ),
        "created user lee",
    ),
    "admin auth.user change": (
        lambda w: w.page.post(
            f"/admin/auth/user/{w.user().pk}/change/",
            {
                "username": "kim",
                "is_active": "on",
                "groups": [Group.objects.get(name="viewer").pk],
                "date_joined_0": "2026-11-22",
                "date_joined_1": "10:00:00",
            },
        ),
        "changed user kim",
    ),
    "admin auth.user password": (
        lambda w: w.page.post(
            f"/admin/auth/user/{w.user().pk}/password/",
            {
                "usable_password": "true",
                "set-password": "1",
                "password1": "long-enough-4711",
                "password2": "long-enough-4711",
            },
        ),
        "changed user kim",
    ),
    "admin auth.user delete": (
        lambda w: w.page.post(f"/admin/auth/user/{w.user().pk}/delete/", {"post": "yes"}),
        "deleted user kim",
    ),
    "admin auth.user delete_selected": (
        lambda w: w.act("auth/user", "delete_selected", w.user().pk),
        "deleted user kim",
    ),
    "admin auth.group add": (lambda w: w.page.post("/admin/auth/group/add/", {"name": "night"}), "created role night"),
    "admin auth.group change": (
        lambda w: w.page.post(
            f"/admin/auth/group/{Group.objects.get(name='viewer').pk}/change/", {"name": "viewer", "permissions": []}
        ),
        "changed role viewer",
    ),
    "admin auth.group delete": (
        lambda w: w.page.post(f"/admin/auth/group/{Group.objects.get(name='viewer').pk}/delete/", {"post": "yes"}),
        "deleted role viewer",
    ),
    "admin auth.group delete_selected": (
        lambda w: w.act("auth/group", "delete_selected", Group.objects.get(name="viewer").pk),
        "deleted role viewer",
    ),
    "admin notifications.channel add": (
        lambda w: w.page.post(
            "/admin/notifications/channel/add/", {"channel_id": "C1", "name": "ops", "enabled": "on"}
        ),
        "created channel ops",
    ),
    "admin notifications.channel change": (
        lambda w: w.page.post(
            f"/admin/notifications/channel/{w.channel().pk}/change/", {"name": "other", "enabled": "on"}
        ),
        "changed channel other",
    ),
    "admin notifications.channel delete": (
        lambda w: w.page.post(f"/admin/notifications/channel/{w.channel().pk}/delete/", {"post": "yes"}),
        "deleted channel alerts",
    ),
    "admin notifications.channel delete_selected": (
        lambda w: w.act("notifications/channel", "delete_selected", w.channel().pk),
        "deleted channel alerts",
    ),
    "admin notifications.channel enable": (
        lambda w: (
            Channel.objects.create(channel_id="C1", name="ops", enabled=False),
            w.act("notifications/channel", "enable", "C1"),
        ),
        "changed channel ops",
    ),
    "admin notifications.channel disable": (
        lambda w: w.act("notifications/channel", "disable", w.channel().pk),
        "changed channel alerts",
    ),
    "admin notifications.channel test": (
        lambda w: w.act("notifications/channel", "test", w.channel().pk),
        "tested channel alerts",
    ),
    "admin notifications.delivery send_again": (
        lambda w: w.act("notifications/delivery", "send_again", w.failed().pk),
        "resent delivery",
    ),
    "admin notifications.delivery send-again": (
        lambda w: w.page.post(f"/admin/notifications/delivery/{w.failed().pk}/send-again/"),
        "resent delivery",
    ),
    "admin notifications.stormrule add": (
        lambda w: w.page.post(
            "/admin/notifications/stormrule/add/", {"environment": "LIVE", "servers": "9", "seconds": "30"}
        ),
        "created storm_rule LIVE",
    ),
    "admin notifications.stormrule change": (
        lambda w: (
            StormRule.objects.create(environment="LIVE"),
            w.page.post("/admin/notifications/stormrule/LIVE/change/", {"servers": "9", "seconds": "30"}),
        ),
        "changed storm_rule LIVE",
    ),
    "admin notifications.stormrule delete": (
        lambda w: (
            StormRule.objects.create(environment="LIVE"),
            w.page.post("/admin/notifications/stormrule/LIVE/delete/", {"post": "yes"}),
        ),
        "deleted storm_rule LIVE",
    ),
    "admin notifications.stormrule delete_selected": (
        lambda w: (
            StormRule.objects.create(environment="LIVE"),
            w.act("notifications/stormrule", "delete_selected", "LIVE"),
        ),
        "deleted storm_rule LIVE",
    ),
}
BEYOND_THE_REGISTRY = {"admin auth.user password", "admin notifications.delivery send-again"}
"""Pages that an admin adds to those that all have."""
COMMANDS: dict[str, Scenario] = {
    "command seed_servers": (seeded, "created server new"),
    "command api_token": (
        lambda w: call_command("api_token", w.root.username, stdout=StringIO()),
        "created token",
    ),
}
CHANGES_NOTHING = {
    "POST api:server-probe": "looks and stores nothing",
    "page monitors:server": "each of its buttons is named by itself; `probe` looks and stores nothing",
    "page monitors:selection": "each of its buttons is named by itself",
    "page notifications:channels": "each of its buttons is named by itself",
    "page notifications:channels refresh": "Slack is asked again what is so already; no setting changes",
    "page monitors:dismiss": "a cookie of whoever looks",
    "page set_language": "a cookie of whoever looks",
    "page login": "logged, by whoever counts failures",
    "page logout": "ends a session, and changes nothing that others see",
    "page healthz": "answers, whatever the method",
    "page readyz": "answers, whatever the method",
    "page metrics": "answers, whatever the method",
    "admin monitors.server probe_now": "looks and stores nothing",
    "command export_servers": "reads",
    "command probe": "looks and stores nothing",
    "command listen_slack": "its presses of buttons are tested by themselves",
    "command sync_inventory": "tested among the faces of the inventory",
}
SCENARIOS = {**API, **PAGES, **ADMIN}


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
    kept, gone = server(host_name="kept", from_inventory=True), server(host_name="gone", from_inventory=True)
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
    assert (kept.pk, gone.pk) != (None, None)


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
    desk.carry_out(replace(press))
    desk.close()
    entry = latest("acknowledged incident")
    assert (entry.actor, entry.face, entry.address) == ("alice (Slack)", "slack", world.slack.channel)


def test_no_request_acts_for_the_one_before(world):
    world.page.post("/servers/new/", TYPED)
    one = server()
    recording.pause([one.pk], actor="somebody else", now=NOW)
    assert AuditEntry.objects.order_by("id").last().actor == "somebody else"


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
