"""An adopted database in three-byte UTF-8 or EUC-KR: what it cannot hold is not found when somebody looks for it, and
refused with field and row when somebody writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from monitors import charsets, recording, seeding
from monitors.inventory.differences import differences, rows_of
from monitors.models import Incident, IncidentNote, Server, ServerStatus
from monitors.tests.builders import see, server
from monitors.tests.forms import TYPED, filled
from monitors.tests.people import client_of, visitor
from notifications import outbox
from notifications.models import Channel, Delivery, WorkspaceChannel
from notifications.outbox import select
from notifications.transports.slack.workspace.managing import listen

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

ADOPTED = ("server_health", "notifications")
CHARACTER_SETS = {"utf8mb3": "웹 🚀", "euckr": "웹 café"}
ROW = {"host_name": "a", "host": "http://127.0.0.1", "port": 80, "type": 1, "environment": "DEV"}
COLUMNS = ("host_name", "path", "expected_text", "host")


def convert(character_set: str) -> None:
    with connection.cursor() as cursor:
        for table in ADOPTED:
            cursor.execute(f"ALTER TABLE {table} CONVERT TO CHARACTER SET {character_set}")
    charsets._character_sets.cache_clear()


@pytest.fixture(params=CHARACTER_SETS)
def lacking(request: pytest.FixtureRequest) -> Iterator[str]:
    """A text that the tables of the predecessor cannot hold. SQLite's hold any."""
    if connection.vendor != "mysql":
        pytest.skip("any text fits into any column here")
    convert(request.param)
    yield CHARACTER_SETS[request.param]
    convert("utf8mb4")


@pytest.fixture
def operator() -> Any:
    return client_of("operator")


@pytest.fixture
def admin() -> Any:
    return visitor("admin", is_staff=True, is_superuser=True)


LISTS = ("servers/?search=", "servers/?tag=", "status/?search=", "status/?tag=", "slack/channels/?search=")


def test_a_list_of_the_api_finds_nothing(lacking, operator):
    server(host_name="웹 서버", tags=["웹"])
    for path in LISTS:
        answer = operator.get(f"/api/{path}{lacking}")
        assert answer.status_code == 200, path
        assert answer.json()["results"] == []
    assert [row["host_name"] for row in operator.get("/api/servers/?search=웹").json()["results"]] == ["웹 서버"]


PAGES = (
    *("/?q=", "/?tag=", "/incidents/?q=", "/channels/?q=", "/channels/?show=workspace&q="),
    *("/admin/monitors/server/?q=", "/admin/monitors/incident/?q=", "/admin/monitors/pastoutcome/?q="),
    *("/admin/monitors/serverstatus/?q=", "/admin/notifications/channel/?q=", "/admin/notifications/delivery/?q="),
)


def test_a_page_finds_nothing(lacking, admin):
    see(server(host_name="웹 서버"), "---")
    for path in PAGES:
        assert admin.get(f"{path}{lacking}").status_code == 200, path
    assert admin.get(f"/channels/settings/?channel={lacking}").status_code == 404
    assert client_of("viewer").get(f"/api/channels/{lacking}/").status_code == 404


def test_a_command_finds_nothing(lacking):
    with pytest.raises(CommandError, match="There is no server"):
        call_command("probe", lacking)


@pytest.mark.parametrize("column", [*COLUMNS, "tags"])
def test_the_api_refuses_it_with_the_field(lacking, operator, column):
    value: Any = [lacking] if column == "tags" else f"http://{lacking.split()[1]}.kr" if column == "host" else lacking
    if column == "path":
        value = lacking.replace(" ", "-")
    stored = server()
    for answer in (
        operator.post("/api/servers/", {**ROW, column: value}),
        operator.patch(f"/api/servers/{stored.pk}/", {column: value}),
        operator.put(f"/api/servers/{stored.pk}/", {**ROW, column: value}),
    ):
        assert answer.status_code == 400
        [error] = answer.json()["errors"]
        assert error["field"] == column
        assert column == "host" or "convert the table to utf8mb4" in error["message"]  # 🚀 is in no domain name


def test_a_list_is_refused_with_the_field_of_every_such_row(lacking, operator):
    rows = [ROW, {**ROW, "host_name": f"b {lacking}"}, {**ROW, "host_name": "c", "expected_text": lacking}]
    answer = operator.post("/api/servers/bulk/", rows)
    assert answer.status_code == 400
    found = [(error["row"], error["field"]) for error in answer.json()["errors"]]
    assert found == [(2, "host_name"), (3, "expected_text")]
    assert not Server.objects.exists()


def test_a_seed_file_is_refused_with_line_and_field(lacking, tmp_path, capsys):
    file = tmp_path / "servers.json"
    file.write_text(json.dumps([ROW, {**ROW, "host_name": f"b {lacking}"}], indent=1))
    with pytest.raises(CommandError, match="Nothing was written"):
        call_command("seed_servers", str(file), "--dry-run")
    with pytest.raises(CommandError, match="Nothing was written"):
        call_command("seed_servers", str(file))
    assert "line 9, row 2: rejected" in capsys.readouterr().err
    call_command("seed_servers", str(file), "--skip-invalid")
    assert Server.objects.get().host_name == "a"


def test_the_inventory_s_row_is_rejected_and_the_others_are_taken(lacking):
    rows = rows_of([ROW, {**ROW, "host_name": f"b {lacking}"}])
    found = differences(rows, seeding.Stored.load(seeding.names_of(rows)), {})
    assert [entry.action for entry in found.entries] == ["created", "rejected"]


def test_a_pasted_list_says_the_row(lacking, admin):
    pasted = f"host_name,host,port,type,environment\na,b.example.com,80,1,DEV\nb {lacking},b.example.com,80,1,DEV\n"
    page = admin.post("/servers/paste/", {"text": pasted})
    assert page.status_code == 200
    [entry] = page.context["proposal"].of(seeding.Action.REJECTED)
    assert (entry.row.line, entry.problems[0].field) == (3, "host_name")


def test_forms_refuse_it_at_their_field(lacking, admin):
    stored = server()
    for path, typed in (
        ("/servers/new/", TYPED),
        (f"/servers/{stored.pk}/edit/", filled(admin, f"/servers/{stored.pk}/edit/")),
    ):
        answer = admin.post(path, {**typed, "host_name": lacking})
        assert answer.status_code == 422, path
        assert "host_name" in answer.context["form"].errors
    answer = admin.post("/channels/add/", {"channel_id": "C1", "name": lacking})
    assert "name" in answer.context["form"].errors
    Channel.objects.create(channel_id="C2")
    answer = admin.post("/channels/settings/?channel=C2", {"name": lacking})
    assert "name" in answer.context["form"].errors


def test_the_admin_refuses_it_at_its_field(lacking, admin):
    answer = admin.post("/admin/monitors/server/add/", {**TYPED, "host_name": lacking})
    assert answer.status_code == 200
    assert "host_name" in answer.context["adminform"].form.errors
    answer = admin.post("/admin/notifications/channel/add/", {"channel_id": "C1", "name": lacking})
    assert answer.status_code == 200
    assert "name" in answer.context["adminform"].form.errors


def test_a_channel_is_refused_with_the_field(lacking):
    api = client_of("admin")
    Channel.objects.create(channel_id="C2")
    for answer in (
        api.post("/api/channels/", {"channel_id": "C1", "name": lacking}),
        api.patch("/api/channels/C2/", {"name": lacking}),
    ):
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == ["name"]
    unknown = api.put("/api/channels/selection/", {"channel_ids": [lacking]})
    assert unknown.status_code == 400


def test_a_channel_of_slack_is_kept_by_a_name_that_fits(lacking):
    now = timezone.now()
    for slack_id in ("C1", "C2"):
        WorkspaceChannel.objects.create(slack_id=slack_id, name=lacking, seen_at=now)
    select(["C1"], now)
    assert listen("C2", True, now)
    assert [channel.name for channel in Channel.objects.order_by("pk")] == [
        f"{'웹 ?' if '🚀' in lacking else '웹 caf?'}"
    ] * 2


def test_what_our_own_tables_hold_is_any_text(lacking, admin):
    down = server(host_name="웹 서버")
    Channel.objects.create(channel_id="C1")
    see(down, "+")
    recording.pause([down.pk], actor=lacking, now=timezone.now())
    recording.resume([down.pk], actor=lacking, now=timezone.now())
    see(down, "---", timezone.now())
    outbox.fan_out_news(timezone.now())
    assert Delivery.objects.filter(kind="failure").exists()
    incident = Incident.objects.get()
    assert admin.post(f"/incidents/{incident.pk}/", {"text": lacking}).status_code == 302
    assert IncidentNote.objects.get().text == lacking
    token = client_of("operator").post("/api/tokens/", {"name": lacking})
    assert token.status_code == 201
    assert ServerStatus.objects.get().incident_id == incident.pk


def test_names_are_compared_with_those_that_exist(lacking):
    """Of a list of names, those that no row can have are left out and the others are found."""
    server(host_name="웹")
    assert [one.host_name for one in Server.objects.filter(host_name__in=["웹", lacking])] == ["웹"]
    assert not Server.objects.filter(host_name=lacking).exists()
    assert Server.objects.exclude(host_name=lacking).count() == 1
    assert Server.objects.filter(host_name__iexact=lacking).update(port=1) == 0
