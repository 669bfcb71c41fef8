from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from monitors.tests.builders import INTERVAL, NOW, SECOND, see, server
from monitors.tests.people import client_of
from notifications import outbox
from notifications.models import Channel, Delivery

pytestmark = pytest.mark.django_db

HOOK = "https://hooks.slack.com/services/T0001/B0001/canary-a1b2"
FULL = {"channel_id": "C024BE91L", "name": "alerts", "enabled": False, "environments": ["LIVE", "STAGE"]}


@pytest.fixture
def operator():
    return client_of("operator")


def create(client, **body):
    response = client.post("/api/channels/", body, format="json")
    assert response.status_code == 201, response.content
    return response.json()


def stored(channel_id: str) -> Channel:
    return Channel.objects.get(pk=channel_id)


def down(**columns):
    """A server whose failure has been handed over."""
    target = server(**columns)
    see(target, "--")
    outbox.fan_out_news(NOW + 60 * SECOND)
    return target


def told(channel_id: str) -> list[tuple[str, Any]]:
    rows = Delivery.objects.filter(channel=channel_id).order_by("id")
    return [(row.kind, row.incident_id) for row in rows]


def test_a_new_channel_listens_to_every_environment(operator):
    body = create(operator, channel_id="C024BE91L")
    instant = body.pop("updated_at")
    assert instant.endswith("Z")
    assert body == {
        "channel_id": "C024BE91L",
        "name": None,
        "kind": "slack_bot",
        "settings": {},
        "hook_url_hint": None,
        "enabled": True,
        "environments": None,
        "language": None,
        "guarantee": None,
        "lacks": None,
        "explanation": "Slack has not been asked yet what the app may do there.",
    }
    assert operator.get("/api/channels/C024BE91L/").json() == {**body, "updated_at": instant}


def test_every_field_is_kept(operator):
    body = create(operator, **FULL, hook_url=HOOK)
    assert {name: body[name] for name in FULL} == {**FULL, "environments": ["STAGE", "LIVE"]}
    assert body["hook_url_hint"] == "…a1b2"
    assert stored("C024BE91L").hook_url == HOOK


def test_a_webhook_is_never_shown(operator):
    created = operator.post("/api/channels/", {**FULL, "hook_url": HOOK}, format="json")
    url = "/api/channels/C024BE91L/"
    for response in (
        created,
        operator.get(url),
        operator.get("/api/channels/"),
        operator.patch(url, {"name": "x"}, format="json"),
        operator.put(url, {"hook_url": HOOK}, format="json"),
        operator.get(url, headers={"Accept": "text/html"}),
        operator.options(url),
    ):
        assert response.status_code in (200, 201)
        assert "canary" not in response.content.decode()


def test_a_webhook_needs_no_id(operator):
    first, second = create(operator, hook_url=HOOK), create(operator, hook_url=HOOK)
    assert re.fullmatch(r"hook-[0-9a-f]{8}", first["channel_id"])
    assert first["channel_id"] != second["channel_id"]


def test_without_a_webhook_an_id_is_needed(operator):
    for body in ({}, {"hook_url": None}, {"name": "alerts"}):
        response = operator.post("/api/channels/", body, format="json")
        assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "channel_id")


def test_an_id_that_exists_is_refused(operator):
    create(operator, **FULL)
    response = operator.post("/api/channels/", {"channel_id": "C024BE91L", "name": "other"}, format="json")
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "channel_id")
    assert stored("C024BE91L").name == "alerts"


def test_the_id_of_a_channel_cannot_be_changed(operator):
    create(operator, **FULL)
    for send in (operator.put, operator.patch):
        response = send("/api/channels/C024BE91L/", {"channel_id": "C2"}, format="json")
        assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "channel_id")
    assert list(Channel.objects.values_list("pk", flat=True)) == ["C024BE91L"]


def test_a_patch_changes_what_it_names_and_nothing_else(operator):
    before = create(operator, **FULL, hook_url=HOOK)
    after = operator.patch("/api/channels/C024BE91L/", {"name": " night watch "}, format="json").json()
    assert {**after, "updated_at": None} == {**before, "name": "night watch", "updated_at": None}
    assert stored("C024BE91L").hook_url == HOOK


def test_an_empty_patch_changes_nothing(operator):
    before = create(operator, **FULL, hook_url=HOOK)
    after = operator.patch("/api/channels/C024BE91L/", {}, format="json").json()
    assert {**after, "updated_at": None} == {**before, "updated_at": None}


def test_a_replacement_makes_omitted_optionals_null_and_keeps_the_webhook(operator):
    create(operator, **FULL, hook_url=HOOK)
    body = operator.put("/api/channels/C024BE91L/", {}, format="json").json()
    assert (body["name"], body["environments"], body["enabled"], body["hook_url_hint"]) == (None, None, True, "…a1b2")
    assert stored("C024BE91L").hook_url == HOOK


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_webhook_is_removed_by_null_and_by_nothing_else(operator, method):
    create(operator, **FULL, hook_url=HOOK)
    body = getattr(operator, method)("/api/channels/C024BE91L/", {"hook_url": None}, format="json").json()
    assert body["hook_url_hint"] is None
    assert stored("C024BE91L").hook_url is None


def test_what_was_read_can_be_sent_back(operator):
    before = create(operator, **FULL, hook_url=HOOK)
    response = operator.put("/api/channels/C024BE91L/", before, format="json")
    assert response.status_code == 200, response.content
    assert {**response.json(), "updated_at": None} == {**before, "updated_at": None}
    assert stored("C024BE91L").hook_url == HOOK


def test_a_webhook_of_the_stand_in_is_taken_by_its_own_scheme(operator, settings):
    settings.SLACK_API_URL = "http://127.0.0.1:9000/api/"
    assert create(operator, hook_url="http://127.0.0.1:9000/services/T/B/x123")["hook_url_hint"] == "…x123"


def test_an_adopted_channel_can_be_read_changed_and_deleted_whatever_its_id(operator):
    Channel.objects.create(channel_id="# all.alerts")
    url = "/api/channels/%23%20all.alerts/"
    assert operator.get(url).json()["channel_id"] == "# all.alerts"
    assert operator.patch(url, {"name": "all"}, format="json").json()["name"] == "all"
    assert operator.put(url, operator.get(url).json(), format="json").status_code == 200
    assert operator.delete(url).status_code == 204


def test_a_channel_whose_secret_cannot_be_read_is_listed_and_can_be_mended(operator, settings):
    create(operator, **FULL, hook_url=HOOK)
    settings.ENCRYPTION_KEYS = ["c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I="]
    assert operator.get("/api/channels/").json()["count"] == 1
    response = operator.patch("/api/channels/C024BE91L/", {"hook_url": HOOK, "enabled": True}, format="json")
    assert response.status_code == 200
    assert stored("C024BE91L").hook_url == HOOK


def test_channels_are_filtered_by_whether_they_are_enabled(operator):
    create(operator, channel_id="C1")
    create(operator, channel_id="C2", enabled=False)
    for query, expected in {
        "": "C1 C2",
        "enabled=true": "C1",
        "enabled=false": "C2",
        "page_size=1&page=2": "C2",
    }.items():
        rows = operator.get(f"/api/channels/?{query}").json()["results"]
        assert [row["channel_id"] for row in rows] == expected.split()


def test_a_new_channel_is_told_of_what_is_down(operator):
    target = down()
    down(environment="DEV")
    create(operator, channel_id="C1", environments=["LIVE"])
    create(operator, channel_id="C2", enabled=False)
    assert told("C1") == [("ongoing", target.incidents.get().pk)]
    assert told("C2") == []


@pytest.mark.parametrize("method", ["put", "patch"])
def test_enabling_tells_what_is_down_once(operator, method):
    create(operator, channel_id="C1", enabled=False)
    target = down()
    for enabled in (True, True, False, True):
        response = getattr(operator, method)("/api/channels/C1/", {"enabled": enabled}, format="json")
        assert response.json()["enabled"] is enabled
    assert told("C1") == [("ongoing", target.incidents.get().pk)]


def test_listening_to_more_environments_tells_what_is_down_there(operator):
    create(operator, channel_id="C1", environments=["DEV"])
    live, stage = down(), down(environment="STAGE")
    operator.patch("/api/channels/C1/", {"environments": ["DEV", "LIVE"]}, format="json")
    assert told("C1") == [("ongoing", live.incidents.get().pk)]
    operator.patch("/api/channels/C1/", {"environments": ["STAGE"]}, format="json")
    operator.patch("/api/channels/C1/", {"environments": None}, format="json")
    assert told("C1") == [("ongoing", live.incidents.get().pk), ("ongoing", stage.incidents.get().pk)]


def test_listening_to_fewer_environments_tells_nothing(operator):
    create(operator, channel_id="C1")
    down()
    Delivery.objects.update(state="failed")
    operator.patch("/api/channels/C1/", {"environments": ["LIVE"]}, format="json")
    assert [kind for kind, _ in told("C1")] == ["failure"]


def test_a_deleted_channel_leaves_its_history_and_what_waited_for_it_is_settled(operator):
    create(operator, channel_id="C1")
    target = down()
    Delivery.objects.update(state="sent")
    down()
    outbox.request_test("C1", NOW)
    assert operator.delete("/api/channels/C1/").status_code == 204
    assert operator.get("/api/channels/C1/").status_code == 404
    rows = operator.get("/api/deliveries/?channel_id=C1").json()["results"]
    assert sorted((row["kind"], row["state"], row["reason"]) for row in rows) == [
        ("failure", "sent", None),
        ("failure", "skipped", "channel_disabled"),
        ("test", "skipped", "channel_disabled"),
    ]
    see(target, "++", NOW + 10 * INTERVAL)
    outbox.fan_out_news(NOW + 15 * INTERVAL)
    assert Delivery.objects.latest("id").kind == "recovery", (
        "and whoever makes the channel again reads what became of it"
    )


def test_a_selection_enables_exactly_the_channels_it_names(operator):
    for channel_id in ("C1", "C2", "C3", "C4"):
        create(operator, channel_id=channel_id, enabled=channel_id in ("C1", "C2"))
    target = down()
    assert operator.get("/api/channels/selection/").json() == {"channel_ids": ["C1", "C2"]}
    body = operator.put("/api/channels/selection/", {"channel_ids": ["C3", "C2", "C3"]}, format="json").json()
    assert body == operator.get("/api/channels/selection/").json() == {"channel_ids": ["C2", "C3"]}
    assert Channel.objects.count() == 4
    assert told("C3") == [("ongoing", target.incidents.get().pk)], "of the present state"
    assert told("C2") == [("failure", target.incidents.get().pk)], "not again"
    assert operator.put("/api/channels/selection/", {"channel_ids": []}, format="json").json() == {"channel_ids": []}
    assert Channel.objects.count() == 4


def test_seed_defect_9_a_selection_that_fails_changes_nothing_and_leaves_no_channel_out(operator):
    create(operator, channel_id="C1")
    create(operator, channel_id="C2", enabled=False)
    before = list(Channel.objects.values())
    response = operator.put("/api/channels/selection/", {"channel_ids": ["C2", "C9", "c1"]}, format="json")
    assert response.status_code == 400
    errors = response.json()["errors"]
    assert [error["field"] for error in errors] == ["channel_ids", "channel_ids"]
    assert "C9" in errors[0]["message"]
    assert "c1" in errors[1]["message"]
    assert list(Channel.objects.values()) == before
    assert not Delivery.objects.exists()


def test_a_selection_that_fails_half_way_changes_nothing(operator, monkeypatch):
    create(operator, channel_id="C1")
    create(operator, channel_id="C2", enabled=False)
    down()
    monkeypatch.setattr("notifications.outbox.subscriptions._tell_current", lambda *_: 1 / 0)
    operator.raise_request_exception = False
    assert operator.put("/api/channels/selection/", {"channel_ids": ["C2"]}, format="json").status_code == 500
    assert operator.get("/api/channels/selection/").json() == {"channel_ids": ["C1"]}


def queries(client, method: str, path: str, body: Any = None) -> int:
    with CaptureQueriesContext(connection) as captured:
        response = getattr(client, method)(path, body, format="json")
    assert response.status_code == 200, response.content
    return len(captured)


def test_the_queries_of_a_list_do_not_grow_with_its_rows(operator):
    def add(count: int) -> None:
        for _ in range(count):
            create(operator, hook_url=HOOK, environments=["LIVE"])

    add(2)
    operator.get("/api/channels/")
    few = queries(operator, "get", "/api/channels/?page_size=1000")
    add(60)
    assert queries(operator, "get", "/api/channels/?page_size=1000") == few <= 5


def test_the_queries_of_a_selection_grow_with_neither_channels_nor_outages(operator):
    def select(channels: int) -> int:
        ids = [create(operator, hook_url=HOOK, enabled=False)["channel_id"] for _ in range(channels)]
        count = queries(operator, "put", "/api/channels/selection/", {"channel_ids": ids})
        assert Delivery.objects.filter(channel__in=ids, kind="ongoing").count() == channels * len(targets)
        return count

    targets = [down()]
    select(1)
    few, many_channels = select(1), select(30)  # SQLite takes 999 values in one statement
    targets += [down() for _ in range(3)]  # fewer than a storm
    assert few == many_channels == select(1) <= 27  # one of them for the audit log


REQUESTS: dict[str, tuple[Any, ...]] = {  # what is asked: (method, path, body, status by viewer, operator, admin)
    "list channels": ("get", "/api/channels/", None, 200, 200, 200),
    "read a channel": ("get", "/api/channels/C1/", None, 200, 200, 200),
    "add a channel": ("post", "/api/channels/", {"channel_id": "C2"}, 403, 201, 201),
    "replace a channel": ("put", "/api/channels/C1/", {}, 403, 200, 200),
    "change a channel": ("patch", "/api/channels/C1/", {"name": "a"}, 403, 200, 200),
    "delete a channel": ("delete", "/api/channels/C1/", None, 403, 204, 204),
    "test a channel": ("post", "/api/channels/C1/test/", None, 403, 424, 424),
    "test what is not there": ("post", "/api/channels/C9/test/", None, 403, 404, 404),
    "read the selection": ("get", "/api/channels/selection/", None, 200, 200, 200),
    "select": ("put", "/api/channels/selection/", {"channel_ids": []}, 403, 200, 200),
    "list deliveries": ("get", "/api/deliveries/", None, 200, 200, 200),
    "resend what is not there": ("post", "/api/deliveries/1/resend/", None, 403, 404, 404),
    "write a delivery": ("post", "/api/deliveries/", {}, 403, 403, 405),
}


@pytest.mark.parametrize(("method", "path", "body", *("viewer", "operator", "admin")), REQUESTS.values(), ids=REQUESTS)
def test_a_role_decides_what_is_answered(method, path, body, viewer, operator, admin):
    for role, expected in {"viewer": viewer, "operator": operator, "admin": admin}.items():
        Channel.objects.create(channel_id="C1")
        response = getattr(client_of(role), method)(path, body, format="json")
        assert response.status_code == expected, (role, response.content[:300])
        Channel.objects.all().delete()
        Delivery.objects.all().delete()


@pytest.mark.parametrize(("method", "path", "body", *"abc"), REQUESTS.values(), ids=REQUESTS)
def test_seed_defect_11_without_a_login_nothing_is_answered(method, path, body, a, b, c):
    assert getattr(APIClient(), method)(path, body, format="json").status_code == 401


def test_a_channel_that_is_written_back_as_it_was_read_stays_as_it_is(operator):
    create(operator, channel_id="C1", name="alerts")
    Channel.objects.update(lacks="channel_not_found", guarantee="at_least_once")
    read = operator.get("/api/channels/C1/").json()
    sent = {name: read[name] for name in ("name", "kind", "settings", "enabled", "environments", "language")}
    assert operator.put("/api/channels/C1/", sent, format="json").status_code == 200
    channel = stored("C1")
    assert (channel.lacks, channel.guarantee) == ("channel_not_found", "at_least_once")


def test_a_webhook_may_stand_among_the_settings(operator):
    assert create(operator, channel_id="C2", settings={"hook_url": HOOK})["kind"] == "slack_webhook"
    assert stored("C2").hook_url == HOOK


def test_a_webhook_for_a_kind_that_has_none_is_refused(operator):
    body = {"channel_id": "C3", "kind": "slack_bot", "hook_url": HOOK}
    refused = operator.post("/api/channels/", body, format="json")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "hook_url")
