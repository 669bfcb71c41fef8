"""The side bar of the admin: each user sees what they may see."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Item = tuple[str, Promise, str]
GROUPS: tuple[tuple[Promise, tuple[Item, ...]], ...] = (
    # app and model, title, icon of the font that the admin brings along
    (
        _("Watching"),
        (
            ("monitors.server", _("Servers"), "dns"),
            ("monitors.policy", _("Policies"), "tune"),
            ("monitors.inventoryrun", _("Inventory runs"), "inventory_2"),
        ),
    ),
    (
        _("State and history"),
        (
            ("monitors.incident", _("Incidents"), "report"),
            ("monitors.statustransition", _("Changes of state"), "swap_vert"),
            ("monitors.serverstatus", _("Statuses"), "monitor_heart"),
            ("monitors.lastfailure", _("Last failures"), "error"),
            ("monitors.pastoutcome", _("Outcomes"), "history"),
            ("monitors.rollup", _("Rollups"), "bar_chart"),
        ),
    ),
    (
        _("Telling"),
        (
            ("notifications.channel", _("Channels"), "forum"),
            ("notifications.workspacechannel", _("Channels of the workspace"), "list"),
            ("notifications.delivery", _("Deliveries"), "send"),
            ("notifications.storm", _("Storms"), "thunderstorm"),
            ("notifications.stormrule", _("Storm rules"), "rule"),
        ),
    ),
    (
        _("The monitor itself"),
        (
            ("monitors.heartbeat", _("Heartbeats"), "favorite"),
            ("monitors.gap", _("Gaps in probing"), "hourglass_disabled"),
        ),
    ),
    (
        _("Access"),
        (
            ("auth.user", _("Users"), "person"),
            ("auth.group", _("Groups"), "group"),
            ("monitors.apitoken", _("API tokens"), "key"),
            ("monitors.loginfailures", _("Failed log-ins"), "lock"),
            ("monitors.auditentry", _("Audit log"), "manage_history"),
        ),
    ),
)


def tokens(_request: HttpRequest) -> str:
    return static("css/tokens.css")


def style_sheet(_request: HttpRequest) -> str:
    return static("css/admin.css")


def icon(_request: HttpRequest) -> str:
    return static("img/icon.svg")


def side_bar(request: HttpRequest) -> list[dict[str, Any]]:
    groups = []
    for title, items in GROUPS:
        links = [
            {"title": label, "icon": icon, "link": reverse("admin:{}_{}_changelist".format(*model.split(".")))}
            for model, label, icon in items
            if admin.site.get_model_admin(apps.get_model(model)).has_view_permission(request)
        ]
        if links:
            groups.append({"title": title, "separator": True, "collapsible": False, "items": links})
    return groups
