"""How to change something, by each way that there is: what is done, and the entry that it leaves in the audit log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from monitors import recording, seeding
from monitors.models import ApiToken, Incident, InventoryRun, Server
from monitors.tests.builders import NOW, see, server
from monitors.tests.forms import TYPED, filled
from monitors.tests.inventory_stand_in import listing
from notifications.models import Channel, Delivery, State, StormRule

NEW = {"host_name": "new", "host": "new.example.com", "port": 443, "type": 1, "environment": "DEV"}


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
    "page metrics": "answers, whatever the method",
    "admin monitors.server probe_now": "looks and stores nothing",
    "command export_servers": "reads",
    "command probe": "looks and stores nothing",
    "command listen_slack": "its presses of buttons are tested by themselves",
    "command sync_inventory": "tested among the faces of the inventory",
}
SCENARIOS = {**API, **PAGES, **ADMIN}
