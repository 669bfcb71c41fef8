from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from monitors.models import ApiToken, Policy, Reason, Server, ServerStatus, StatusTransition
from monitors.tests.builders import see, server
from monitors.tests.misbehaving import Farm, answer, says
from monitors.tests.people import client_of

pytestmark = pytest.mark.django_db

NEW = {"host_name": "Chat", "host": "chat.example.com", "port": 8443, "type": 2, "environment": "LIVE"}
FULL = {
    **NEW,
    "notification": False,
    "path": "/hub/chat?room=1",
    "scheme": "wss",
    "interval_seconds": 10,
    "timeout_seconds": 2.5,
    "healthy_threshold": 1,
    "unhealthy_threshold": 2,
    "expected_status": "200-299,301",
    "expected_text": " ok ",
    "request_headers": {"Authorization": "Bearer secret"},
    "verify_tls": False,
    "subprotocol": "v2.chat",
    "tags": ["payment", "seoul"],
}


@pytest.fixture
def operator():
    return client_of("operator")


def create(client: APIClient, **changes: Any) -> Any:
    response = client.post("/api/servers/", {**NEW, **changes}, format="json")
    assert response.status_code == 201, response.content
    return response.json()


def test_a_new_server_says_only_what_it_was_told(operator):
    body = create(operator)
    assert {name: body[name] for name in NEW} == NEW
    assert (body["notification"], body["paused"]) == (True, False)
    assert {body[name] for name in ("path", "interval_seconds", "request_headers", "verify_tls")} == {None}
    assert body["tags"] is None
    assert body["created_at"].endswith("Z")
    assert operator.get(f"/api/servers/{body['id']}/").json() == body


def test_a_new_server_is_probed_within_a_tick(operator):
    assert ServerStatus.objects.get(server=create(operator)["id"]).next_probe_at is not None


def test_every_field_is_kept(operator):
    body = create(operator, **FULL)
    shown = {**FULL, "request_headers": {"Authorization": "********"}}
    assert {name: body[name] for name in FULL} == shown


def test_names_are_trimmed_and_empty_texts_are_null(operator):
    body = create(operator, host_name="  Chat ", host=" chat.example.com ", path="", expected_text="")
    assert (body["host_name"], body["host"], body["path"], body["expected_text"]) == (
        "Chat",
        "chat.example.com",
        None,
        None,
    )


def test_the_value_in_force_is_shown_with_its_origin(operator):
    Policy.objects.filter(pk="LIVE").update(interval_seconds=4, healthy_threshold=7)
    effective = create(operator, unhealthy_threshold=2)["effective"]
    assert effective == {
        "interval_seconds": {"value": 4, "origin": "policy"},
        "timeout_seconds": {"value": 4, "origin": "clamped"},
        "healthy_threshold": {"value": 7, "origin": "policy"},
        "unhealthy_threshold": {"value": 2, "origin": "server"},
        "slow_after_ms": {"value": None, "origin": "variable"},
        "address": {"value": "wss://chat.example.com:8443/hub/chat", "origin": "server"},
    }


@pytest.mark.parametrize("name", ["Chat", "chat", " CHAT "])
def test_a_name_that_exists_is_refused_whatever_its_case(operator, name):
    create(operator)
    response = operator.post("/api/servers/", {**NEW, "host_name": name}, format="json")
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == ["host_name"]
    assert Server.objects.count() == 1


def test_a_name_of_another_server_is_refused_in_an_edit(operator):
    create(operator)
    other = create(operator, host_name="edit")
    response = operator.patch(f"/api/servers/{other['id']}/", {"host_name": "chat", "port": 1}, format="json")
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "host_name")
    assert Server.objects.get(pk=other["id"]).port == 8443


def test_the_case_of_ones_own_name_can_be_changed(operator):
    body = create(operator)
    response = operator.patch(f"/api/servers/{body['id']}/", {"host_name": "CHAT"}, format="json")
    assert (response.status_code, response.json()["host_name"]) == (200, "CHAT")


def test_a_patch_changes_what_it_names_and_nothing_else(operator):
    body = create(operator, **FULL)
    changed = operator.patch(f"/api/servers/{body['id']}/", {"timeout_seconds": 3}, format="json").json()
    untouched = set(FULL) - {"timeout_seconds"}
    assert {name: changed[name] for name in untouched} == {name: body[name] for name in untouched}
    assert changed["timeout_seconds"] == 3
    assert Server.objects.get().request_headers == {"Authorization": "Bearer secret"}


def test_an_empty_patch_changes_nothing(operator):
    body = create(operator, **FULL)
    after = operator.patch(f"/api/servers/{body['id']}/", {}, format="json").json()
    assert {**after, "updated_at": None} == {**body, "updated_at": None}


def test_a_replacement_makes_omitted_optionals_null(operator):
    body = create(operator, **FULL)
    replaced = operator.put(f"/api/servers/{body['id']}/", NEW, format="json").json()
    optional = set(FULL) - set(NEW) - {"notification"}
    assert {replaced[name] for name in optional} == {None}
    assert replaced["notification"] is True


def test_a_replacement_without_a_required_field_is_refused(operator):
    body = create(operator, **FULL)
    response = operator.put(f"/api/servers/{body['id']}/", {"host": "a.example.com"}, format="json")
    assert {error["field"] for error in response.json()["errors"]} == {"host_name", "port", "type", "environment"}
    assert operator.get(f"/api/servers/{body['id']}/").json() == body


def test_what_was_read_can_be_sent_back(operator):
    body = create(operator, **FULL)
    response = operator.put(f"/api/servers/{body['id']}/", body, format="json")
    assert response.status_code == 200, response.content
    assert {**response.json(), "updated_at": None} == {**body, "updated_at": None}
    assert Server.objects.get().request_headers == FULL["request_headers"]


def test_seed_defect_08_an_edit_saves_the_environment(operator):
    body = create(operator)
    operator.patch(f"/api/servers/{body['id']}/", {"environment": "STAGE"}, format="json")
    assert Server.objects.get().environment == "STAGE"


def test_a_masked_header_keeps_what_is_stored(operator):
    body = create(operator, request_headers={"Authorization": "one", "X-Key": "two"})
    headers = {"authorization": "********", "X-New": "three"}
    changed = operator.patch(f"/api/servers/{body['id']}/", {"request_headers": headers}, format="json").json()
    assert changed["request_headers"] == {"authorization": "********", "X-New": "********"}
    assert Server.objects.get().request_headers == {"authorization": "one", "X-New": "three"}


def test_a_mask_with_nothing_behind_it_is_refused(operator):
    response = operator.post("/api/servers/", {**NEW, "request_headers": {"X-Key": "********"}}, format="json")
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "request_headers")


def test_a_server_can_be_paused_and_resumed(operator):
    body = create(operator)
    url = f"/api/servers/{body['id']}/"
    paused = operator.patch(url, {"paused": True}, format="json").json()
    assert paused["paused"] is True
    assert ServerStatus.objects.get().next_probe_at is None
    assert operator.put(url, NEW, format="json").json()["paused"] is True, "a replacement that does not say so"
    assert operator.put(url, {**NEW, "paused": False}, format="json").json()["paused"] is False
    assert [row.reason for row in StatusTransition.objects.order_by("id")] == [Reason.PAUSED, Reason.RESUMED]
    assert set(StatusTransition.objects.values_list("actor", flat=True)) == {ApiToken.objects.get().user.username}


def test_a_server_can_be_registered_paused(operator):
    assert create(operator, paused=True)["paused"] is True
    assert ServerStatus.objects.get().next_probe_at is None


def test_an_edit_of_the_address_forgets_what_was_known(operator):
    target = server()
    see(target, "+--")
    operator.patch(f"/api/servers/{target.pk}/", {"port": 9}, format="json")
    assert ServerStatus.objects.get().health == "UNKNOWN"
    assert StatusTransition.objects.latest("id").reason == Reason.EDITED


def test_telling_needs_a_body_and_never_toggles(operator):
    target = server()
    url = f"/api/servers/{target.pk}/notification/"
    assert operator.patch(url, format="json").status_code == 400
    assert operator.patch(url, {"notification": None}, format="json").status_code == 400
    assert operator.patch(url, {"notification": False, "port": 1}, format="json").status_code == 400
    for _ in range(2):
        assert operator.patch(url, {"notification": False}, format="json").json()["notification"] is False
    assert operator.patch(url, {"notification": True}, format="json").json()["notification"] is True


def test_telling_can_be_switched_off_for_an_adopted_row_that_is_not_valid(operator):
    target = server()
    Server.objects.filter(pk=target.pk).update(type=9, host="a b")
    response = operator.patch(f"/api/servers/{target.pk}/notification/", {"notification": False}, format="json")
    assert response.status_code == 200
    body = operator.get(f"/api/servers/{target.pk}/").json()
    assert (body["type"], body["notification"], body["effective"]["address"]["value"]) == (9, False, "a b:8080")


def test_a_deleted_server_is_gone_and_its_end_is_told(operator):
    target = server()
    see(target, "+--")
    assert operator.delete(f"/api/servers/{target.pk}/").status_code == 204
    assert operator.get(f"/api/servers/{target.pk}/").status_code == 404
    assert StatusTransition.objects.latest("id").reason == Reason.DELETED


def test_look_now_finds_a_healthy_server_and_moves_no_counter(operator):
    with Farm() as farm:
        target = server(host="127.0.0.1", port=farm.serve(says(answer())).port)
        before = ServerStatus.objects.values().get()
        body = operator.post(f"/api/servers/{target.pk}/probe/").json()
    assert (body["ok"], body["failure"], body["detail"], body["status"]) == (True, None, None, 200)
    assert body["address"] == "127.0.0.1"
    assert (body["answer"], body["certificate_expires_at"]) == (None, None)
    assert body["latency_ms"] >= body["stages"]["first_byte"] > 0
    assert body["stages"]["tls"] is None
    assert ServerStatus.objects.values().get() == before


def test_look_now_shows_how_an_answer_began_and_when_a_certificate_ends(operator, monkeypatch):
    with Farm() as farm:
        monkeypatch.setenv("SSL_CERT_FILE", str(farm.authority.file))
        context = farm.authority.context("127.0.0.1")
        there = farm.serve(says(answer(503, b"<b>Out of order</b> for s3cr3t-token")), tls=context)
        target = server(host="https://127.0.0.1", port=there.port, request_headers={"X-Token": "s3cr3t-token"})
        body = operator.post(f"/api/servers/{target.pk}/probe/").json()
    assert body["answer"] == "<b>Out of order</b> for […]"
    assert datetime.fromisoformat(body["certificate_expires_at"]) > timezone.now()


def test_look_now_says_what_is_wrong_with_an_address(operator):
    target = server()
    Server.objects.filter(pk=target.pk).update(host="a b")
    body = operator.post(f"/api/servers/{target.pk}/probe/").json()
    assert (body["ok"], body["failure"], body["address"]) == (False, "invalid_address", None)
    assert body["detail"]


def test_all_servers_are_deleted_by_an_admin_who_knows_their_number():
    admin = client_of("admin")
    for _ in range(3):
        server()
    assert admin.delete("/api/servers/all/").json()["errors"][0]["field"] == "confirm"
    assert admin.delete("/api/servers/all/?confirm=many").status_code == 400
    for wrong in ("2", "4", "9" * 5000):
        response = admin.delete(f"/api/servers/all/?confirm={wrong}")
        assert (response.status_code, response.json()["code"]) == (409, "conflict")
    assert Server.objects.count() == 3
    assert admin.delete("/api/servers/all/?confirm=3").json() == {"deleted": 3}
    assert not Server.objects.exists()
