"""How to change something, by each way that there is: what is done, and the entry that it leaves in the audit log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from monitors import recording, seeding
from monitors.models import ApiToken, Incident, InventoryRun, Server
from monitors.tests.builders import NOW, see, server
from monitors.tests.forms import TYPED, filled
from monitors.tests.inventory_stand_in import listing
from notifications.models import Channel, Delivery, State

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
        return next(str(one.id) for one in self.slack.workspace.channels.values() if one.name == "ops")

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


def unlocked_by_command(world: World) -> Any:
    Client().post("/login/", {"username": "root", "password": "wrong"})
    call_command("unlock_login", stdout=StringIO())


def changed_password_by_command(world: World) -> None:
    with mock.patch("getpass.getpass", return_value="long-enough-4711"):
        call_command("changepassword", world.root.username, stdout=StringIO())


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
COMMANDS: dict[str, Scenario] = {
    "command unlock_login": (unlocked_by_command, "deleted log_in_failures"),
    "command seed_servers": (seeded, "created server new"),
    "command api_token": (
        lambda w: call_command("api_token", w.root.username, stdout=StringIO()),
        "created token",
    ),
    "command createsuperuser": (
        lambda w: call_command("createsuperuser", username="lee", email="", interactive=False, stdout=StringIO()),
        "created user lee",
    ),
    "command changepassword": (changed_password_by_command, "changed user root"),
}
CHANGES_NOTHING = {
    "POST api:server-probe": "looks and stores nothing",
    "page monitors:server": "each of its buttons is named by itself; `probe` looks and stores nothing",
    "page monitors:selection": "each of its buttons is named by itself",
    "page notifications:channels": "each of its buttons is named by itself",
    "page notifications:channels refresh": "Slack is asked again what is so already; no setting changes",
    "page monitors:dismiss": "a cookie of whoever looks",
    "page login": "logged by whoever counts failures, and no change of what others see",
    "page logout": "ends a session, and changes nothing that others see",
    "page metrics": "answers, whatever the method",
    "admin monitors.server probe_now": "looks and stores nothing",
    "command export_servers": "reads",
    "command probe": "looks and stores nothing",
    "command listen_slack": "its presses of buttons are tested by themselves",
    "command sync_inventory": "tested among the faces of the inventory",
}
