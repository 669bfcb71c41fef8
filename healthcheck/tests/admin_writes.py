"""How to change something in the admin: see `writes`."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group

from healthcheck.tests.account_writes import failed
from healthcheck.tests.writes import Scenario, World, paused, silent
from monitors.tests.forms import TYPED
from notifications.models import Channel, StormRule


def edited_in_admin(world: World) -> Any:
    one = world.server()
    form = {name: value for name, value in TYPED.items() if name != "host_name"}
    return world.page.post(f"/admin/monitors/server/{one.pk}/change/", {**form, "host_name": "renamed"})


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
    "admin auth.user make_link": (
        lambda w: w.act("auth/user", "make_link", w.user().pk),
        "linked user kim",
    ),
    "admin monitors.loginfailures delete": (
        lambda w: w.page.post(f"/admin/monitors/loginfailures/{failed(w)[0]}/delete/", {"post": "yes"}),
        "deleted log_in_failures",
    ),
    "admin monitors.loginfailures delete_selected": (
        lambda w: w.act("monitors/loginfailures", "delete_selected", failed(w)[0]),
        "deleted log_in_failures",
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
