"""The admin of policies, records and access, as people with each role meet it."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User

from monitors.models import ApiToken, Incident, Policy, Rollup
from monitors.models.access import digest
from monitors.tests.answers import text
from monitors.tests.builders import NOW, see, server
from monitors.tests.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer(client):
    client.force_login(person("viewer", is_staff=True))
    return client


@pytest.fixture
def operator(client):
    client.force_login(person("operator", is_staff=True))
    return client


@pytest.fixture
def administrator(client):
    client.force_login(person("admin", is_staff=True))
    return client


# policies


def test_a_policy_shows_what_it_inherits_and_is_neither_added_nor_deleted(client, settings):
    settings.PROBE_INTERVAL_SECONDS = 45
    client.force_login(User.objects.create_superuser("root"))
    address = "/admin/monitors/policy/LIVE/"
    page = text(client.get(f"{address}change/"))
    assert "Inherited: 45, from PROBE_INTERVAL_SECONDS." in page
    assert client.get("/admin/monitors/policy/add/").status_code == 403
    assert client.post(f"{address}delete/", {"post": "yes"}).status_code == 403
    assert client.post(f"{address}change/", {"interval_seconds": "10"}).status_code == 302
    assert Policy.objects.get(pk="LIVE").interval_seconds == 10
    assert "45 (inherited)" in text(client.get("/admin/monitors/policy/"))


def test_a_policy_with_a_timeout_longer_than_its_interval_is_refused(operator):
    operator.post("/admin/monitors/policy/LIVE/change/", {"interval_seconds": "10", "timeout_seconds": "11"})
    assert Policy.objects.get(pk="LIVE").interval_seconds is None


# records


def test_an_operator_takes_care_of_incidents(operator):
    see(server(), "--", start=NOW)
    incident = Incident.objects.get()
    data = {"action": "acknowledge", "_selected_action": [incident.pk]}
    assert "You take care of 1 incident." in text(operator.post("/admin/monitors/incident/", data, follow=True))
    assert Incident.objects.get().acknowledged_by.startswith("operator-")


def test_a_viewer_takes_care_of_nothing(viewer):
    see(server(), "--", start=NOW)
    data = {"action": "acknowledge", "_selected_action": [Incident.objects.get().pk]}
    viewer.post("/admin/monitors/incident/", data)
    assert Incident.objects.get().acknowledged_at is None


RECORD_FILTERS = {
    "serverstatus/?health=UNHEALTHY": 1,
    "serverstatus/?failure=cert_expired": 0,
    "statustransition/?to_health=UNHEALTHY&environment=LIVE": 1,
    "incident/?state=open": 1,
    "incident/?state=ended": 0,
    "pastoutcome/?failure=refused": 2,
    "pastoutcome/?q=nowhere": 0,
    "pastoutcome/?q=known": 3,
    "rollup/?resolution=3600": 1,
}


@pytest.mark.parametrize(("path", "found"), RECORD_FILTERS.items(), ids=RECORD_FILTERS)
def test_records_are_filtered(viewer, path, found):
    see(server(host_name="known"), "+--", start=NOW)
    assert Rollup.objects.count() == 3
    assert len(viewer.get(f"/admin/monitors/{path}").context["cl"].result_list) == found


# access


def test_a_token_is_shown_once_and_stored_nowhere(administrator):
    other = person("viewer")
    response = administrator.post("/admin/monitors/apitoken/add/", {"name": "script", "user": other.pk}, follow=True)
    token = ApiToken.objects.get()
    found = re.search(r"never shown again: ([\w-]{43})", text(response))
    assert found
    assert token.digest == digest(found[1])
    assert token.user != other  # only a superuser makes tokens for others: a token has all the rights of its user
    for path in ("/admin/monitors/apitoken/", f"/admin/monitors/apitoken/{token.pk}/change/"):
        page = text(administrator.get(path))
        assert found[1] not in page
        assert token.digest not in page
    assert administrator.post(f"/admin/monitors/apitoken/{token.pk}/change/", {"name": "x"}).status_code == 403


def test_a_superuser_makes_tokens_for_others(client):
    client.force_login(User.objects.create_superuser("root"))
    other = person("viewer")
    client.post("/admin/monitors/apitoken/add/", {"name": "script", "user": other.pk})
    assert ApiToken.objects.get().user == other


def test_an_administrator_makes_nobody_more_powerful_than_that(administrator):
    root = User.objects.create_superuser("root")
    other = person("viewer")
    fields = {"username": "grown", "is_superuser": "on", "is_active": "on", "date_joined_0": "2026-11-22"}
    administrator.post(f"/admin/auth/user/{other.pk}/change/", {**fields, "date_joined_1": "10:00:00"})
    other.refresh_from_db()
    assert (other.username, other.is_superuser) == ("grown", False)
    assert administrator.post(f"/admin/auth/user/{root.pk}/change/", fields).status_code == 403
    password = {"password1": "long-enough-4711", "password2": "long-enough-4711"}
    assert administrator.post(f"/admin/auth/user/{root.pk}/password/", password).status_code == 403
    assert administrator.post(f"/admin/auth/user/{root.pk}/delete/", {"post": "yes"}).status_code == 403


def test_an_administrator_adds_a_user(administrator):
    fields = {"username": "new", "usable_password": "true", "password1": "long-enough-4711"}
    administrator.post("/admin/auth/user/add/", {**fields, "password2": "long-enough-4711"})
    assert User.objects.get(username="new").check_password("long-enough-4711")
    assert "viewer" in text(administrator.get("/admin/auth/group/"))
