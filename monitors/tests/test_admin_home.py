"""The first page of the admin, what it explains, and whose deeds it remembers."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db.models import Model
from django.utils import timezone

from monitors.admin.base import ExplainingAdmin, RecordAdmin
from monitors.models import Heartbeat, Incident, IncidentNote, LogInFailures, Server, Subject
from monitors.tests.answers import text
from monitors.tests.builders import SECOND, see, server
from monitors.tests.people import person
from notifications.models import Channel, Delivery, Kind, State

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>"
SERVERS = "/admin/monitors/server/"


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def operator(client):
    client.force_login(person("operator", is_staff=True))
    return client


@pytest.fixture
def root(client):
    client.force_login(User.objects.create_superuser("root"))
    return client


# home


def test_the_home_says_what_the_dashboard_says(operator, now):
    Heartbeat.objects.create(name="tick", at=now)
    see(server(host_name="fine"), "+", start=now - SECOND)
    see(server(host_name=HOSTILE), "--", start=now - 20 * SECOND)
    Channel.objects.create(channel_id="C1", name="alerts")
    Delivery.objects.create(kind=Kind.FAILURE, channel_id="C1", key="t:1", state=State.FAILED, reason="is_archived")
    page = text(operator.get("/admin/"))
    for words in ("LIVE:", "1 of 2 down for", "Open incidents", "Connection refused", "failed last", "alerts"):
        assert words in page
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


def test_the_home_of_a_monitor_without_servers_leads_on(operator):
    page = text(operator.get("/admin/"))
    assert "No server is watched yet." in page
    assert "None: nothing is down." in page


def test_the_home_shows_nothing_to_somebody_without_a_role(client):
    client.force_login(person("", is_staff=True))
    page = text(client.get("/admin/"))
    assert "Open incidents" not in page
    assert "Messages that failed last" not in page


def test_the_home_takes_a_constant_number_of_queries(operator, now, django_assert_max_num_queries):
    for _ in range(12):
        see(server(), "--", start=now - 20 * SECOND)
    with django_assert_max_num_queries(14):
        text(operator.get("/admin/"))


def test_the_side_bar_shows_each_what_they_may_see(client):
    for role, sees in {"operator": False, "admin": True}.items():
        client.force_login(person(role, is_staff=True))
        assert ("Audit log" in text(client.get("/admin/"))) is sees


# help

NO_HELP = {
    "password": "Django writes it as a note with a link",
    "facts": "says what it is in its heading",
}
"""Fields that may do without, and why."""
ADMINS = {model._meta.label: (model, shown) for model, shown in admin.site._registry.items()}


def missing(shown: Any, request: Any, obj: Model | None) -> list[str]:
    form = shown.get_form(request, obj)
    return [name for name, field in form.base_fields.items() if not field.help_text and name not in NO_HELP]


@pytest.mark.parametrize("label", ADMINS)
def test_every_field_that_can_be_filled_in_is_explained(rf, label):
    model, shown = ADMINS[label]
    request = rf.get("/admin/")
    request.user = User(is_superuser=True, is_staff=True, is_active=True)
    assert missing(shown, request, None) + missing(shown, request, model()) == []


OURS = {label: pair for label, pair in ADMINS.items() if isinstance(pair[1], ExplainingAdmin)}


@pytest.mark.parametrize("label", OURS)
def test_every_field_that_is_only_shown_is_explained(rf, label):
    model, shown = OURS[label]
    request = rf.get("/admin/")
    request.user = User(is_superuser=True, is_staff=True, is_active=True)
    texts = shown.get_form(request, model())._meta.help_texts or {}
    names = [name if isinstance(name, str) else name.__name__ for name in shown.get_readonly_fields(request, model())]
    assert [name for name in names if not texts.get(name)] == []


def test_help_is_on_the_page(operator, now):
    target = server()
    see(target, "--", start=now - 20 * SECOND)
    for path in (f"{SERVERS}{target.pk}/change/", f"/admin/monitors/serverstatus/{target.pk}/change/"):
        assert "own grid" in text(operator.get(path))
    assert "The first failed probe of the run." in text(
        operator.get(f"/admin/monitors/incident/{Incident.objects.get().pk}/change/")
    )


# incidents


def test_an_incident_shows_its_evidence_and_notes_and_leads_to_its_page(operator, now):
    see(server(), "--", start=now - 20 * SECOND)
    found = Incident.objects.get()
    Incident.objects.update(answer=HOSTILE, status=503)
    IncidentNote.objects.create(incident=found, at=now, author="kim", text="Disk full.")
    page = text(operator.get(f"/admin/monitors/incident/{found.pk}/change/"))
    for words in ("503", "&lt;script&gt;", "Disk full.", f"/incidents/{found.pk}/"):
        assert words in page
    assert HOSTILE not in page


# who did what


SUBJECTS = {
    "monitors/server": "server",
    "monitors/policy": "policy",
    "monitors/incident": "incident",
    "monitors/apitoken": "token",
    "monitors/loginfailures": "log_in_failures",
    "auth/user": "user",
    "auth/group": "role",
    "notifications/channel": "channel",
    "notifications/workspacechannel": "workspace_channel",
    "notifications/delivery": "delivery",
    "notifications/stormrule": "storm_rule",
}


@pytest.mark.parametrize(("model", "subject"), SUBJECTS.items(), ids=SUBJECTS)
def test_a_history_is_that_of_the_audit_log(root, model, subject):
    answer = root.get(f"/admin/{model}/C_5F1/history/")
    assert (answer.status_code, answer["Location"]) == (302, f"/audit/?subject_kind={subject}&subject_id=C_1")


def test_whatever_can_change_has_a_history():
    known = {
        f"{model._meta.app_label}/{model._meta.model_name}"
        for model, one in admin.site._registry.items()
        if getattr(one, "subject", None)
    }
    assert known == set(SUBJECTS)
    assert set(Subject.values) == set(SUBJECTS.values())


def test_only_whoever_may_read_the_audit_log_is_led_to_a_history(client):
    path = f"{SERVERS}{server().pk}/"
    for role, status in {"operator": 403, "admin": 302}.items():
        client.force_login(person(role, is_staff=True))
        assert ("/history/" in text(client.get(f"{path}change/"))) == (status == 302)
        assert client.get(f"{path}history/").status_code == status


def test_what_nobody_changes_has_no_history(root):
    path = f"/admin/monitors/serverstatus/{server().pk}/"
    assert "/history/" not in text(root.get(f"{path}change/"))
    assert root.get(f"{path}history/").status_code == 404


def test_the_audit_log_is_the_only_record_of_what_is_done_in_the_admin(root):
    target = server()
    form = {
        **{name: value or "" for name, value in Server.objects.filter(pk=target.pk).values().get().items()},
        "notification": "on",
        "request_headers": '{"Authorization": "Bearer very-secret"}',
        "verify_tls": "",
    }
    root.post(f"{SERVERS}{target.pk}/change/", {name: form[name] for name in form if not name.endswith("_at")})
    root.post(SERVERS, {"action": "pause", "_selected_action": target.pk})
    root.post(f"{SERVERS}{target.pk}/delete/", {"post": "yes"})
    assert not LogEntry.objects.exists()
    page = text(root.get(f"{SERVERS}{target.pk}/history/", follow=True))
    for words in ("changed", "paused", "deleted", target.host_name, "request_headers"):
        assert words in page
    assert "very-secret" not in page
    assert "Recent actions" not in text(root.get("/admin/"))


@pytest.mark.parametrize("chosen", ["x", "99999999999999999999999", "\u00b2", "1.0"])
@pytest.mark.parametrize("model", ["auth/group", "monitors/apitoken", "monitors/server"])
def test_a_row_chosen_by_what_is_no_key_is_refused(root, model, chosen):
    form = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    assert root.post(f"/admin/{model}/", form).status_code == 400


# lists in and out


def test_the_list_leads_to_the_paste_page_and_to_the_export(operator):
    page = text(operator.get(SERVERS))
    assert "Paste or upload a list" in page
    assert "Export as CSV" in page
    model_admin: Any = admin.site.get_model_admin(Server)
    for name in model_admin.actions_list:
        answer = operator.get(f"{SERVERS}{name}/")
        assert answer.status_code == 302
        assert operator.get(answer["Location"]).status_code == 200


def test_records_are_only_read(rf):
    request = rf.get("/admin/")
    request.user = User(is_superuser=True, is_staff=True, is_active=True)
    records = [shown for _, shown in ADMINS.values() if isinstance(shown, RecordAdmin)]
    assert len(records) >= 10
    for shown in records:
        assert not shown.has_add_permission(request)
        assert not shown.has_change_permission(request)
        assert shown.has_delete_permission(request) == (shown.model is LogInFailures), "which unlocks"
