"""The admin of what is watched, as people with each role meet it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from monitors import recording
from monitors.engine.base import Outcome
from monitors.models import (
    ApiToken,
    Gap,
    Heartbeat,
    Incident,
    IncidentNote,
    InventoryRun,
    LastFailure,
    PastOutcome,
    Server,
    ServerStatus,
    StatusTransition,
)
from monitors.tests.answers import text
from monitors.tests.builders import NOW, SECOND, see, server
from monitors.tests.misbehaving import Farm, answer, closed_port, says
from monitors.tests.people import person

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>"
SECRET = "Bearer very-secret-value"
SERVERS = "/admin/monitors/server/"
FIELDS = {"host_name": "web-new", "host": "10.0.0.1", "port": "80", "type": "1", "environment": "LIVE"}
READ_ONLY = (
    "serverstatus",
    "statustransition",
    "incident",
    "pastoutcome",
    "rollup",
    "gap",
    "heartbeat",
    "inventoryrun",
)


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


def act(client, action, *servers):
    keys = [target.pk for target in servers]
    return client.post(SERVERS, {"action": action, "_selected_action": keys}, follow=True)


def history(now=NOW):
    """Something of everything."""
    target = server(host_name=HOSTILE, request_headers={"Authorization": SECRET})
    see(target, "+--i", start=now)
    LastFailure.objects.update(answer=HOSTILE, detail=HOSTILE)
    IncidentNote.objects.create(incident=Incident.objects.get(), at=now, author=HOSTILE, text=HOSTILE)
    Gap.objects.create(began_at=now, ended_at=now + SECOND)
    Heartbeat.objects.create(name="tick", at=now)
    InventoryRun.objects.create(started_at=now, created=[HOSTILE], error=HOSTILE)
    ApiToken.objects.issue(person("viewer"), HOSTILE)
    return target


# every model

HIDDEN = {"view_auditentry", "view_loginfailures"}
"""What only who administers sees."""


def test_every_model_that_anybody_may_see_is_in_the_admin():
    inline = {shown.model for registered in admin.site._registry.values() for shown in registered.inlines}
    for label in ("monitors", "notifications"):
        for model in apps.get_app_config(label).get_models():
            shown = admin.site.is_registered(model) or model in inline
            assert shown or not model._meta.default_permissions, model


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_every_list_and_every_row_is_shown_without_secrets_and_escaped(client, role):
    history()
    client.force_login(person(role, is_staff=True))
    for model in filter(admin.site.is_registered, apps.get_app_config("monitors").get_models()):
        changelist = f"/admin/monitors/{model._meta.model_name}/"
        if f"view_{model._meta.model_name}" in HIDDEN:
            assert client.get(changelist).status_code == 403
            continue
        key = model._default_manager.values_list("pk", flat=True)[0]
        for path in (changelist, f"{changelist}{key}/change/", f"{changelist}?q=alert"):
            page = text(client.get(path))
            assert SECRET not in page, path
            assert HOSTILE not in page, path


def test_the_home_lists_what_one_may_see(viewer):
    page = text(viewer.get("/admin/"))
    assert "Server health monitor" in page
    assert "/admin/monitors/server/" in page
    assert "/admin/auth/user/" not in page


def test_the_admin_loads_nothing_from_outside(administrator):
    page = text(administrator.get(SERVERS))
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", page)


def test_who_is_no_staff_is_sent_to_the_login(client):
    client.force_login(person("operator"))
    assert client.get(SERVERS).status_code == 302


@pytest.mark.parametrize("model", READ_ONLY)
def test_what_the_monitor_writes_nobody_edits(client, model):
    history()
    client.force_login(User.objects.create_superuser("root"))
    changelist = f"/admin/monitors/{model}/"
    key = apps.get_model("monitors", model)._default_manager.first().pk
    assert client.get(f"{changelist}add/").status_code == 403
    assert client.post(f"{changelist}{key}/change/", {}).status_code == 403
    assert client.post(f"{changelist}{key}/delete/", {"post": "yes"}).status_code == 403


LISTS = ("server", "serverstatus", "statustransition", "incident", "pastoutcome", "rollup")


def test_a_list_takes_a_constant_number_of_queries(viewer):
    counts: list[list[int]] = []
    for number in (1, 7):
        for _ in range(number):
            see(server(), "+--", start=NOW)
        counts.append([])
        for model in LISTS:
            with CaptureQueriesContext(connection) as queries:
                text(viewer.get(f"/admin/monitors/{model}/"))
            counts[-1].append(len(queries))
    assert counts[0] == counts[1]
    assert max(counts[1]) <= 8


# servers


def test_an_operator_adds_a_server_that_is_probed_within_a_tick(operator):
    response = operator.post(f"{SERVERS}add/", {**FIELDS, "notification": "on", "tags": "pay, seoul,,pay"})
    assert response.status_code == 302, response.context["errors"]
    added = Server.objects.get()
    assert added.tags == ["pay", "seoul"]
    assert (added.path, added.scheme, added.verify_tls, added.request_headers) == (None, None, None, None)
    assert ServerStatus.objects.get(server=added).next_probe_at is not None


REFUSED = {  # what is wrong: (fields, in which field it is said)
    "host": ({"host": "user:pass@web"}, "host"),
    "metadata service": ({"host": "169.254.169.254"}, "host"),
    "port": ({"port": "70000"}, "port"),
    "type": ({"type": "9"}, "type"),
    "name": ({"host_name": " "}, "host_name"),
    "name in use": ({"host_name": "CHAT"}, "__all__"),
    "timeout": ({"interval_seconds": "5", "timeout_seconds": "6"}, "timeout_seconds"),
    "headers": ({"request_headers": "Authorization: x"}, "request_headers"),
    "deep headers": ({"request_headers": "[" * 100_000}, "request_headers"),
    "headers of the prober": ({"request_headers": '{"Connection": "x"}'}, "request_headers"),
    "tag": ({"tags": "x" * 51}, "tags"),
    "status": ({"expected_status": "299-200"}, "expected_status"),
}


@pytest.mark.parametrize(("fields", "where"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_probed_is_refused_at_its_field(operator, fields, where):
    server(host_name="Chat")
    response = operator.post(f"{SERVERS}add/", {**FIELDS, **fields})
    errors = response.context["adminform"].form.errors
    assert list(errors) == [where]
    assert Server.objects.count() == 1


def test_an_edit_of_the_address_ends_the_outage_and_keeps_the_pause(operator):
    target = server()
    see(target, "--", start=NOW)
    fields = {**FIELDS, "host_name": target.host_name, "host": "10.0.0.9"}
    assert operator.post(f"{SERVERS}{target.pk}/change/", fields).status_code == 302
    edited = StatusTransition.objects.get(reason="edited")
    assert edited.actor.startswith("operator-")
    assert Incident.objects.get().end_reason == "edited"


def test_somebody_else_may_take_the_name_in_between(operator, monkeypatch):
    server(host_name="taken")
    monkeypatch.setattr(Server, "validate_constraints", lambda *_args, **_options: None)
    page = text(operator.post(f"{SERVERS}add/", {**FIELDS, "host_name": "Taken"}, follow=True))
    assert "A server with this name exists already. Nothing was saved." in page
    assert Server.objects.count() == 1


HEADERS = {  # what is typed: what is stored then
    "nothing keeps them": ("", {"Authorization": SECRET}),
    "an object replaces them": ('{"X-Key": "other"}', {"X-Key": "other"}),
    "an empty object removes them": ("{}", None),
}


@pytest.mark.parametrize(("typed", "stored"), HEADERS.values(), ids=HEADERS)
def test_request_headers_are_replaced_and_never_shown(operator, typed, stored):
    target = server(request_headers={"Authorization": SECRET})
    address = f"{SERVERS}{target.pk}/change/"
    page = text(operator.get(address))
    assert SECRET not in page
    assert "Authorization: ****" in page
    operator.post(address, {**FIELDS, "request_headers": typed})
    assert Server.objects.get().request_headers == stored


def test_a_secret_just_typed_is_not_shown_again_when_another_field_is_wrong(operator):
    fields = {**FIELDS, "port": "0", "request_headers": f'{{"Authorization": "{SECRET}"}}'}
    page = text(operator.post(f"{SERVERS}add/", fields))
    assert SECRET not in page


def test_deleting_tells_the_end_and_leaves_the_history(operator):
    target = server()
    see(target, "--", start=NOW)
    assert "web" in text(operator.get(f"{SERVERS}{target.pk}/delete/"))
    operator.post(f"{SERVERS}{target.pk}/delete/", {"post": "yes"})
    assert not Server.objects.exists()
    assert StatusTransition.objects.get(reason="deleted").actor.startswith("operator-")
    assert f"({target.pk})" in text(operator.get("/admin/monitors/pastoutcome/"))


def test_many_are_deleted_after_a_confirmation(operator):
    servers = [server(host_name=HOSTILE), server()]
    page = text(act(operator, "delete_selected", *servers))
    assert HOSTILE not in page
    assert Server.objects.count() == 2
    data = {"action": "delete_selected", "_selected_action": [s.pk for s in servers], "post": "yes"}
    operator.post(SERVERS, data)
    assert not Server.objects.exists()
    assert StatusTransition.objects.filter(reason="deleted").count() == 2


def test_a_viewer_reads_and_changes_nothing(viewer):
    target = server(request_headers={"Authorization": SECRET}, tags=["pay"])
    page = text(viewer.get(f"{SERVERS}{target.pk}/change/"))
    assert "Authorization: ****" in page
    assert 'name="_save"' not in page
    assert viewer.get(f"{SERVERS}add/").status_code == 403
    assert viewer.post(f"{SERVERS}{target.pk}/change/", FIELDS).status_code == 403
    assert viewer.post(f"{SERVERS}{target.pk}/delete/", {"post": "yes"}).status_code == 403
    for action in ("pause", "notification_off", "probe_now", "delete_selected"):
        act(viewer, action, target)
    assert Server.objects.get().paused is False
    assert Server.objects.get().notification is True


def test_an_operator_pauses_and_resumes_many(operator):
    servers = [server(), server()]
    assert "2 servers paused." in text(act(operator, "pause", *servers))
    assert Server.objects.filter(paused=True).count() == 2
    assert "2 servers resumed." in text(act(operator, "resume", *servers))
    assert StatusTransition.objects.filter(reason="paused", actor__startswith="operator-").count() == 2


def test_an_operator_switches_the_notification_of_many(operator):
    servers = [server(), server(notification=False)]
    assert "Notification of 1 server switched." in text(act(operator, "notification_off", *servers))
    assert "Notification of 2 servers switched." in text(act(operator, "notification_on", *servers))
    assert Server.objects.filter(notification=True).count() == 2


def test_probing_now_shows_every_outcome_and_moves_no_counter(operator):
    with Farm() as farm, closed_port() as closed:
        healthy = server(port=farm.serve(says(answer(body=b"hello"))).port)
        down = server(port=closed)
        unreadable = server()
        Server.objects.filter(pk=unreadable.pk).update(host="no such host")
        page = text(act(operator, "probe_now", healthy, down, unreadable))
    assert f"{healthy}: answered with status 200 in" in page
    assert f"{down}: Connection refused" in page
    assert f"{unreadable}: Invalid address" in page
    assert not PastOutcome.objects.exists()
    assert not ServerStatus.objects.filter(last_checked_at__isnull=False).exists()


def test_probing_now_is_bounded(operator, monkeypatch):
    monkeypatch.setattr("monitors.admin.servers.look", lambda servers: pytest.fail("looked"))
    page = text(act(operator, "probe_now", *(server() for _ in range(21))))
    assert "At most 20 servers" in page


@pytest.mark.django_db(transaction=True)
def test_probing_now_holds_no_transaction_open(client, monkeypatch):
    client.force_login(User.objects.create_superuser("root"))
    open_ones = []

    def look(servers):
        open_ones.append(connection.in_atomic_block)
        return [Outcome(None, timedelta(milliseconds=3)) for _ in servers]

    monkeypatch.setattr("monitors.admin.servers.look", look)
    monkeypatch.setattr("monitors.views.server.look", look)
    target = server()
    assert "answered in 3.0 ms" in text(act(client, "probe_now", target))
    client.post(f"/servers/{target.pk}/", {"act": "probe"})
    assert open_ones == [False, False]


def test_the_state_is_that_of_the_dashboard(viewer):
    now = timezone.now()
    paused = server()
    see(server(), "--", start=now - 15 * SECOND)
    see(server(), "+", start=now - 60 * SECOND)
    recording.pause([paused.pk], actor="tests", now=now)
    rows = viewer.get(SERVERS).context["cl"].result_list
    shown: Any = admin.site.get_model_admin(Server)
    assert [shown.state(row) for row in rows] == ["Down", "Paused", "Out of date"]


FILTERS = {"health=UNHEALTHY": 1, "health=UNKNOWN": 2, "type=other": 1, "type=2": 1, "environment=DEV": 1, "q=pay": 1}


@pytest.mark.parametrize(("query", "found"), FILTERS.items(), ids=FILTERS)
def test_servers_are_filtered(viewer, query, found):
    see(server(), "--", start=NOW)
    Server.objects.filter(pk=server(tags=["pay"]).pk).update(type=9)
    server(type=2, environment="DEV", host_name="chat")
    assert viewer.get(f"{SERVERS}?{query}").context["cl"].result_count == found
