"""No face of the monitor sends stored secrets to another place, or shows them to whoever only reads."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.core.management import CommandError, call_command

from monitors.fields import MASK
from monitors.inventory import synchronise
from monitors.models import Incident, InventoryRun, Server
from monitors.tests.answers import text
from monitors.tests.builders import NOW, see, server
from monitors.tests.forms import filled
from monitors.tests.inventory_stand_in import TOKEN, inventory_server, listing
from monitors.tests.misbehaving import Farm, answer, says
from monitors.tests.people import client_of, person, visitor

pytestmark = pytest.mark.django_db

SECRET = "Bearer very-secret-value"
HEADERS = {"Authorization": SECRET}
AGAIN = "enter the values of its request headers again"
HX = {"HX-Request": "true"}
MOVES = {
    "the host": {"host": "evil.example.com"},
    "the port": {"port": 8081},
    "the scheme": {"scheme": "https"},
    "a port in the host": {"host": "127.0.0.1:8081"},
    "a scheme in the host": {"host": "https://127.0.0.1"},
}


@pytest.fixture
def target():
    return server(host_name="web", request_headers=HEADERS)


def unmoved() -> bool:
    stored = Server.objects.get(host_name="web")
    return (stored.host, stored.port, stored.scheme, stored.request_headers) == ("127.0.0.1", 8080, None, HEADERS)


# the API


@pytest.mark.parametrize("headers", [{}, {"request_headers": {"Authorization": MASK}}], ids=["omitted", "masked"])
@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_the_api_wants_headers_again_with_another_address(target, move, headers):
    answered = client_of("operator").patch(f"/api/servers/{target.pk}/", {**move, **headers}, format="json")
    (error,) = answered.json()["errors"]
    assert (answered.status_code, error["field"]) == (400, "request_headers")
    assert AGAIN in error["message"]
    assert unmoved()


def test_a_replacement_with_masked_headers_and_another_address_is_refused(target):
    operator, path = client_of("operator"), f"/api/servers/{target.pk}/"
    body = operator.get(path).json()
    sent = {key: body[key] for key in ("host_name", "host", "type", "environment", "request_headers")}
    assert operator.put(path, {**sent, "port": 8081}, format="json").status_code == 400
    assert unmoved()


@pytest.mark.parametrize("headers", [{"Authorization": "new"}, None], ids=["given anew", "removed"])
def test_the_api_takes_another_address_with_headers_given_anew(target, headers):
    sent = {"host": "new.example.com", "request_headers": headers}
    assert client_of("operator").patch(f"/api/servers/{target.pk}/", sent, format="json").status_code == 200
    assert Server.objects.values_list("host", "request_headers").get() == ("new.example.com", headers)


def test_the_api_wants_a_query_again_with_another_address():
    target = server(path="/a?key=s3cret-value")
    operator = client_of("operator")
    answered = operator.patch(f"/api/servers/{target.pk}/", {"host": "new.example.com"}, format="json")
    assert (answered.status_code, answered.json()["errors"][0]["field"]) == (400, "path")
    sent = {"host": "new.example.com", "path": "/a?key=s3cret-value"}
    assert operator.patch(f"/api/servers/{target.pk}/", sent, format="json").status_code == 200


def test_a_masked_query_sent_back_changes_nothing():
    target = server(host="https://127.0.0.1/b?key=in-the-host", path="/a?key=in-the-path")
    seen = client_of("viewer").get(f"/api/servers/{target.pk}/").json()
    assert (seen["host"], seen["path"]) == (f"https://127.0.0.1/b?{MASK}", f"/a?{MASK}")
    sent = {"host": seen["host"], "path": seen["path"]}
    answered = client_of("operator").patch(f"/api/servers/{target.pk}/", sent, format="json")
    assert answered.json()["path"] == "/a?key=in-the-path"
    assert Server.objects.values_list("host", "path").get() == (target.host, target.path)


def test_a_masked_query_of_nothing_is_refused(target):
    sent = {"path": f"/a?{MASK}"}
    answered = client_of("operator").patch(f"/api/servers/{target.pk}/", sent, format="json")
    assert (answered.status_code, answered.json()["errors"][0]["field"]) == (400, "path")


# the pages


def test_the_form_wants_headers_again_in_an_empty_field(target):
    operator, path = visitor("operator"), f"/servers/{target.pk}/edit/"
    answered = operator.post(path, {**filled(operator, path), "host": "evil.example.com"}, headers=HX)
    page = text(answered, 422)
    assert AGAIN in page
    assert MASK not in page.partition('name="request_headers"')[2].partition("</textarea>")[0]
    assert "hx-preserve" not in page
    assert unmoved()


def test_the_form_takes_another_address_with_headers_typed_anew(target):
    operator, path = visitor("operator"), f"/servers/{target.pk}/edit/"
    typed = {**filled(operator, path), "host": "new.example.com", "request_headers": "Authorization: new"}
    operator.post(path, typed)
    moved = Server.objects.get()
    assert moved.host == "new.example.com"
    assert moved.request_headers == {"Authorization": "new"}


@pytest.mark.parametrize("htmx", [HX, {}], ids=["with scripts", "without"])
def test_a_look_before_saving_sends_no_stored_secret_elsewhere(target, htmx):
    operator, path = visitor("operator"), f"/servers/{target.pk}/edit/"
    with Farm() as farm:
        there = farm.serve(says(answer()))
        typed = {**filled(operator, path), "port": str(there.port), "act": "try"}
        page = text(operator.post(path, typed, headers=htmx))
        assert AGAIN in page
        assert there.requests == []


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_the_admin_wants_headers_again_with_another_address(client, target, move):
    client.force_login(person("operator", is_staff=True))
    sent = {"host_name": "web", "host": "127.0.0.1", "port": "8080", "type": "1", "environment": "LIVE", **move}
    assert AGAIN in text(client.post(f"/admin/monitors/server/{target.pk}/change/", sent))
    assert unmoved()


def test_the_admin_shows_a_query_only_to_those_who_may_change_it(client):
    target = server(host="https://127.0.0.1/b?key=in-the-host", path="/a?key=in-the-path")
    client.force_login(person("viewer", is_staff=True))
    page = text(client.get(f"/admin/monitors/server/{target.pk}/change/"))
    assert ("in-the-host" in page, "in-the-path" in page, MASK in page) == (False, False, True)


# lists


ROW = {"host_name": "web", "host": "127.0.0.1", "port": 8080, "type": 1, "environment": "LIVE"}


@pytest.mark.parametrize("headers", [{}, {"request_headers": {"Authorization": MASK}}], ids=["omitted", "masked"])
@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_a_file_that_moves_a_server_has_to_give_its_headers(tmp_path, target, move, headers):
    file = tmp_path / "servers.json"
    file.write_text(json.dumps([{**ROW, **move, **headers}]))
    refused = io.StringIO()
    with pytest.raises(CommandError, match="Nothing was written"):
        call_command("seed_servers", str(file), stdout=io.StringIO(), stderr=refused)
    assert f"request_headers: The server's scheme, host or port changes: {AGAIN}" in refused.getvalue()
    assert unmoved()


def test_a_pasted_list_that_moves_a_server_has_to_give_its_headers(target):
    rows = json.dumps([{**ROW, "host": "evil.example.com"}])
    assert AGAIN in text(visitor("operator").post("/servers/paste/", {"text": rows}, headers=HX))


def test_a_file_may_move_a_server_with_its_headers_written_out(tmp_path, target):
    file = tmp_path / "servers.json"
    file.write_text(json.dumps([{**ROW, "host": "new.example.com", "request_headers": {"Authorization": "new"}}]))
    call_command("seed_servers", str(file), stdout=io.StringIO())
    moved = Server.objects.get()
    assert moved.host == "new.example.com"
    assert moved.request_headers == {"Authorization": "new"}


def test_the_inventory_leaves_a_server_whose_secrets_would_move_and_says_so(settings, target):
    server(host_name="query", path="/a?key=s3cret-value")
    Server.objects.update(from_inventory=True)
    with inventory_server() as inventory:
        settings.INVENTORY_URL, settings.INVENTORY_TOKEN = inventory.url, TOKEN
        inventory.lists(*listing("web", "query", host="new.example.com"), *listing("other"))
        run = synchronise(dry_run=False, force=True, now=NOW)
    assert [(one["host_name"], one["field"]) for one in run.rejected] == [("web", "request_headers"), ("query", "path")]
    assert (run.created, run.changed, run.vanished) == (["other"], [], [])
    assert unmoved()
    assert Server.objects.get(host_name="query").host == "127.0.0.1"


def test_a_run_of_the_inventory_tells_no_query(settings):
    server(host_name="web", host="127.0.0.1/a?key=s3cret-value", from_inventory=True)
    with inventory_server() as inventory:
        settings.INVENTORY_URL, settings.INVENTORY_TOKEN = inventory.url, TOKEN
        inventory.lists(*listing("web", host="127.0.0.1/a?key=new-s3cret", port=8080))
        synchronise(dry_run=True, force=True, now=NOW)
    assert InventoryRun.objects.get().changed[0]["changes"]["host"] == [f"127.0.0.1/a?{MASK}"] * 2


@pytest.mark.parametrize("format_", ["csv", "json", "yaml"])
def test_an_export_has_no_query_and_changes_nothing_read_back(format_, tmp_path):
    server(host_name="web", host="127.0.0.1/b?key=in-the-host", path="/a?key=in-the-path", request_headers=HEADERS)
    Server.objects.create(**{**ROW, "host_name": "foreign"}, path="/c")
    Server.objects.filter(host_name="foreign").update(host="http://user:in-the-host@127.0.0.1/")
    page = b"".join(visitor("viewer").get(f"/servers/servers.{format_}")).decode()
    assert not any(secret in page for secret in ("in-the-host", "in-the-path", SECRET))
    file = tmp_path / f"servers.{format_}"
    file.write_text(page)
    said = io.StringIO()
    call_command("seed_servers", str(file), stdout=said)
    assert "2 unchanged" in said.getvalue()


def test_an_export_with_secrets_writes_queries_out():
    server(host_name="web", path="/a?key=in-the-path")
    said = io.StringIO()
    call_command("export_servers", "--with-secrets", "--format=csv", stdout=said, stderr=io.StringIO())
    assert next(csv.DictReader(io.StringIO(said.getvalue())))["path"] == "/a?key=in-the-path"


def test_a_list_says_what_it_changes_without_queries(tmp_path):
    server(host_name="web", path="/a?key=in-the-path")
    file, said = tmp_path / "servers.json", io.StringIO()
    file.write_text(json.dumps([{**ROW, "path": "/a?key=new-s3cret"}]))
    call_command("seed_servers", str(file), stdout=said)
    assert f"path /a?{MASK} → /a?{MASK}" in said.getvalue()


# where others read


def test_an_outage_is_kept_and_shown_without_the_query():
    target = server(host_name="web", path="/health?key=s3cret-value")
    see(target, "--")
    incident = Incident.objects.get()
    assert incident.address == "http://127.0.0.1:8080/health"
    viewer = visitor("viewer")
    for path in ("/", f"/servers/{target.pk}/", f"/incidents/{incident.pk}/", "/api/servers/", "/api/status/"):
        page = text(viewer.get(path, follow=True)) if not path.startswith("/api") else text(viewer.get(path))
        assert "s3cret-value" not in page, path


FOUND = {"shop.exam": True, "/HEAL": True, "till": True, "s3cret": False, "key=": False, "hunter2": False}


@pytest.mark.parametrize(("part", "found"), FOUND.items(), ids=FOUND)
@pytest.mark.parametrize("path", ["/?q=", "/api/servers/?search=", "/admin/monitors/server/?q="])
def test_a_search_does_not_find_out_a_secret_letter_by_letter(client, path, part, found):
    server(host_name="till", host="https://shop.example.com/health?key=s3cret-value")
    Server.objects.filter(pk=server(host_name="foreign").pk).update(host="http://u:hunter2@a.example")
    client.force_login(person("viewer", is_staff=True))
    page = text(client.get(f"{path}{part}"))
    assert ("https://shop.example.com" in page, "http://a.example" in page) == (found, False)


LOOKUPS = ("path__startswith=/health?key=s", "path=/health", "host__contains=hunter", "request_headers__isnull=0")


@pytest.mark.parametrize("lookup", [*LOOKUPS, *(f"server__{one}" for one in LOOKUPS)])
def test_a_filter_of_the_admin_does_not_find_out_a_secret_letter_by_letter(client, lookup):
    see(server(path="/health?key=s3cret-value"), "-")
    client.force_login(person("viewer", is_staff=True))
    model = "serverstatus" if lookup.startswith("server__") else "server"
    assert client.get(f"/admin/monitors/{model}/?{lookup}").status_code == 400


def test_the_command_that_looks_tells_no_query():
    said = io.StringIO()
    with Farm() as farm:
        port = farm.serve(says(answer())).port
        call_command("probe", f"http://127.0.0.1:{port}/a?key=s3cret-value", "--json", stdout=said)
    assert json.loads(said.getvalue())["url"] == f"http://127.0.0.1:{port}/a"
