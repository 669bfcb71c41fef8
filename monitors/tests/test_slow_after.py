"""A setting that servers inherit and that may be none: stored, shown and edited everywhere."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from monitors.models import Policy, Server
from monitors.targets import effective_of, policies
from monitors.tests.builders import server

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(admin_user):
    client = APIClient()
    client.force_authenticate(admin_user)
    return client


def effective(root, target):
    return root.get(f"/api/servers/{target.pk}/").json()["effective"]["slow_after_ms"]


def test_server_policy_and_variable_say_it_in_this_order(root, settings):
    target = server()
    assert effective(root, target) == {"value": None, "origin": "variable"}
    settings.SLOW_AFTER_MS = 900
    assert effective(root, target) == {"value": 900, "origin": "variable"}
    assert root.patch("/api/policies/LIVE/", {"slow_after_ms": 800}, format="json").status_code == 200
    assert effective(root, target) == {"value": 800, "origin": "policy"}
    root.patch(f"/api/servers/{target.pk}/", {"slow_after_ms": 700}, format="json")
    assert effective(root, target) == {"value": 700, "origin": "server"}


@pytest.mark.parametrize("wrong", [0, 300_001, -1, 1.5, "slow", True])
def test_what_is_out_of_bounds_or_no_whole_number_is_refused(root, wrong):
    target = server()
    for url in (f"/api/servers/{target.pk}/", "/api/policies/LIVE/"):
        response = root.patch(url, {"slow_after_ms": wrong}, format="json")
        assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "slow_after_ms")


def test_what_somebody_wrote_past_the_application_is_brought_inside():
    target = server()
    Server.objects.filter(pk=target.pk).update(slow_after_ms=999_999)
    assert effective_of(Server.objects.get(), policies()).slow_after_ms == 300_000


def test_it_is_edited_in_the_form_and_in_the_admin_and_exported(admin_user):
    target, browser = server(), Client()
    browser.force_login(admin_user)
    page = browser.get(f"/servers/{target.pk}/edit/").content.decode()
    assert 'placeholder="none – environment variable"' in page
    seen = page.partition('name="seen" value="')[2].partition('"')[0]
    typed = {"host_name": "web", "host": "127.0.0.1", "port": 80, "type": 1, "environment": "LIVE"}
    saved = browser.post(f"/servers/{target.pk}/edit/", {**typed, "seen": seen, "slow_after_ms": 250})
    assert saved.status_code == 302
    url = f"/admin/monitors/server/{target.pk}/change/"
    assert 'value="250"' in browser.get(url).content.decode()
    assert browser.post("/admin/monitors/policy/LIVE/change/", {"slow_after_ms": 400}).status_code == 302
    assert Policy.objects.get(pk="LIVE").slow_after_ms == 400
    assert "none (inherited)" in browser.get("/admin/monitors/policy/").content.decode()
    out = StringIO()
    call_command("export_servers", "--format", "json", stdout=out)
    assert json.loads(out.getvalue())[0]["slow_after_ms"] == 250
