from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission

pytestmark = pytest.mark.django_db

MAY = {  # permission: the roles that have it
    "monitors.view_server": "viewer operator admin",
    "monitors.view_incident": "viewer operator admin",
    "monitors.view_statustransition": "viewer operator admin",
    "monitors.view_inventoryrun": "viewer operator admin",
    "notifications.view_delivery": "viewer operator admin",
    "notifications.view_storm": "viewer operator admin",
    "notifications.view_workspacechannel": "viewer operator admin",
    "notifications.change_stormrule": "operator admin",
    "notifications.change_workspacechannel": "admin",
    "monitors.add_server": "operator admin",
    "monitors.change_server": "operator admin",
    "monitors.delete_server": "operator admin",
    "monitors.change_incident": "operator admin",
    "monitors.change_policy": "operator admin",
    "notifications.add_channel": "operator admin",
    "notifications.change_channel": "operator admin",
    "notifications.delete_channel": "operator admin",
    "notifications.change_delivery": "operator admin",
    "monitors.delete_all_servers": "admin",
    "monitors.delete_incident": "admin",
    "monitors.delete_apitoken": "admin",
    "monitors.view_auditentry": "admin",
    "auth.add_user": "admin",
    "auth.change_group": "admin",
    "auth.add_permission": "",
    "sessions.delete_session": "",
}


def permissions_of(role: str) -> set[str]:
    rows = Group.objects.get(name=role).permissions.values_list("content_type__app_label", "codename")
    return {f"{label}.{codename}" for label, codename in rows}


@pytest.mark.parametrize(("permission", "roles"), MAY.items(), ids=MAY)
def test_a_role_may_what_it_is_for(permission, roles):
    assert {role for role in ("viewer", "operator", "admin") if permission in permissions_of(role)} == set(
        roles.split()
    )


def test_each_role_may_what_the_smaller_one_may():
    assert permissions_of("viewer") < permissions_of("operator") < permissions_of("admin")


def test_the_admin_may_everything_of_both_apps():
    ours = Permission.objects.filter(content_type__app_label__in=("monitors", "notifications"))
    assert permissions_of("admin") >= {f"{p.content_type.app_label}.{p.codename}" for p in ours.select_related()}
