"""`/api/slack/channels/`: the workspace, from what was read of it, and changed in Slack itself."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from monitors.tests.builders import see, server
from monitors.tests.people import client_of
from notifications import outbox
from notifications.models import Channel, Delivery, WorkspaceChannel
from notifications.tests.standin import Fault, Kind
from notifications.tests.test_sending import clock, slack
from notifications.tests.test_workspace import asked, tick
from notifications.transports.slack import transport

__all__ = ["clock", "slack"]  # fixtures
pytestmark = pytest.mark.django_db
URL = "/api/slack/channels/"


@pytest.fixture
def operator():
    return client_of("operator")


@pytest.fixture
def listed(slack, clock):
    """The stand-in, its channels read."""
    slack.workspace.add_channel("비밀-회의", is_private=True)
    slack.workspace.add_channel("old-ops", is_archived=True)
    slack.workspace.add_channel("ops", is_ours=True)
    tick(clock)
    return slack


def named(slack, name):
    return next(channel for channel in slack.workspace.channels.values() if channel.name == name)


def rows(client, query=""):
    return client.get(f"{URL}?{query}").json()["results"]


def test_the_list_is_what_was_read_and_slack_is_not_asked(listed, operator):
    Channel.objects.create(channel_id=listed.channel)
    before = len(listed.ledger.entries())
    body = operator.get(URL).json()
    assert [row["name"] for row in body["results"]] == ["alerts", "general", "old-ops", "ops", "비밀-회의"]
    assert body["refreshed_at"].endswith("Z")
    assert body["explanation"] is None
    row = body["results"][0]
    seen_at = row.pop("seen_at")
    assert seen_at == body["refreshed_at"]
    assert row == {
        "id": listed.channel,
        "name": "alerts",
        "is_private": False,
        "is_member": True,
        "is_archived": False,
        "members": 3,
        "receives_alerts": True,
    }
    assert operator.get(f"{URL}{listed.channel}/").json() == {**row, "seen_at": seen_at}
    assert operator.get(f"{URL}C404/").status_code == 404
    assert len(listed.ledger.entries()) == before


FILTERS = {
    "search=OPS": ["old-ops", "ops"],
    "search=회의": ["비밀-회의"],
    "archived=true": ["old-ops"],
    "archived=false&private=false": ["alerts", "general", "ops"],
    "private=true": ["비밀-회의"],
    "page_size=2&page=2": ["old-ops", "ops"],
}


@pytest.mark.parametrize(("query", "names"), FILTERS.items(), ids=FILTERS)
def test_the_list_is_filtered_and_has_pages(listed, operator, query, names):
    assert [row["name"] for row in rows(operator, query)] == names


@pytest.mark.parametrize("query", ["archived=perhaps", "is_private=true", "page=x"])
def test_a_filter_that_is_none_is_refused(listed, operator, query):
    assert operator.get(f"{URL}?{query}").status_code == 400


def test_a_large_list_costs_no_more_queries(listed, operator, clock):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            operator.get(f"{URL}?page_size=1000")
        return len(captured)

    queries()
    few = queries()
    WorkspaceChannel.objects.bulk_create(
        WorkspaceChannel(slack_id=f"C{number}", name=f"room-{number}", seen_at=clock.now) for number in range(900)
    )
    assert queries() == few <= 8


def test_before_the_first_list_there_is_none(operator, settings):
    assert "SLACK_BOT_TOKEN" in operator.get(URL).json()["explanation"]
    settings.SLACK_BOT_TOKEN = "xoxb-1"
    assert operator.get(URL).json() == {
        "count": 0,
        "next": None,
        "previous": None,
        "results": [],
        "refreshed_at": None,
        "explanation": None,
    }


def test_why_the_list_cannot_be_read_is_said(slack, clock, operator):
    slack.workspace.scopes -= {"channels:read", "groups:read"}
    tick(clock)
    assert "channels:read" in operator.get(URL).json()["explanation"]
    slack.faults.set(Fault(Kind.ERROR, method="auth.test", code="token_revoked"))
    clock.now += outbox.EVERY
    tick(clock)
    assert "revoked" in operator.get(URL).json()["explanation"]


def test_nothing_of_another_tokens_workspace_is_shown(listed, operator, settings):
    settings.SLACK_BOT_TOKEN = "xoxb-another"
    assert rows(operator) == []
    assert operator.get(f"{URL}{listed.channel}/").status_code == 404


# making, renaming, archiving


def test_a_channel_is_made_and_is_in_the_list_at_once(listed, operator):
    response = operator.post(URL, {"name": " #경보-서울 "}, format="json")
    assert response.status_code == 201, response.content
    body = response.json()
    assert (body["name"], body["is_private"], body["is_member"]) == ("경보-서울", False, True)
    assert named(listed, "경보-서울").id == body["id"]
    assert "경보-서울" in [row["name"] for row in rows(operator)]
    assert not Channel.objects.exists(), "it is not selected yet"
    private = operator.post(URL, {"name": "quiet", "is_private": True}, format="json").json()
    assert (private["is_private"], named(listed, "quiet").is_private) == (True, True)


def test_a_channel_is_renamed(listed, operator):
    ops = named(listed, "ops")
    Channel.objects.create(channel_id=ops.id, name="ops")
    body = operator.patch(f"{URL}{ops.id}/", {"name": "ops-live"}, format="json").json()
    assert (body["name"], body["members"], ops.name) == ("ops-live", 3, "ops-live")
    assert Channel.objects.get().name == "ops-live"


def test_archiving_a_channel_that_receives_alerts_disables_it_and_says_so(listed, operator):
    ops = named(listed, "ops")
    Channel.objects.create(channel_id=ops.id)
    response = operator.delete(f"{URL}{ops.id}/")
    assert (response.status_code, response.json()["is_archived"], response.json()["disabled"]) == (200, True, True)
    assert response.json()["receives_alerts"] is False
    assert ops.is_archived
    assert not Channel.objects.get().enabled
    again = operator.delete(f"{URL}{ops.id}/")
    assert (again.status_code, again.json()["disabled"]) == (200, False)


def test_seed_defect_18_a_new_name_is_validated_as_a_first_one_is(listed, operator):
    ops = named(listed, "ops")
    before = len(listed.ledger.entries())
    names: list[Any] = ["", "   ", "#", "a" * 81, "a\u202eb", None, []]
    for body in (*({"name": name} for name in names), {}, {"topic": "x"}):
        for response in (
            operator.post(URL, body, format="json"),
            operator.patch(f"{URL}{ops.id}/", body, format="json"),
        ):
            assert (response.status_code, response.json()["errors"][0]["field"]) in ((400, "name"), (400, "topic"))
    assert len(listed.ledger.entries()) == before
    assert ops.name == "ops"


def test_seed_defect_17_slack_is_sent_a_name_and_not_a_list(listed, operator):
    operator.post(URL, {"name": "ops-2"}, format="json")
    assert named(listed, "ops-2")


NAMES = {"Ops": "lower-case", "a b": "lower-case", "--": "at least one letter"}


@pytest.mark.parametrize(("name", "words"), NAMES.items(), ids=NAMES)
def test_a_name_that_slack_refuses_is_an_error_of_its_field(listed, operator, name, words):
    ops = named(listed, "ops")
    for response in (
        operator.post(URL, {"name": name}, format="json"),
        operator.patch(f"{URL}{ops.id}/", {"name": name}, format="json"),
    ):
        assert response.status_code == 400
        (error,) = response.json()["errors"]
        assert error["field"] == "name"
        assert words in error["message"]


def test_a_name_that_is_taken_is_a_conflict_also_by_an_archived_channel(listed, operator):
    for name in ("alerts", "old-ops"):
        response = operator.post(URL, {"name": name}, format="json")
        assert (response.status_code, response.json()["code"]) == (409, "slack_name_taken")
        assert "another name" in response.json()["detail"]


SCOPES = {  # what is asked: (method, body, the scope that is missing)
    "public": ("post", {"name": "a"}, "channels:manage"),
    "private": ("post", {"name": "a", "is_private": True}, "groups:write"),
    "rename": ("patch", {"name": "a"}, "channels:manage"),
    "archive": ("delete", None, "channels:manage"),
}


@pytest.mark.parametrize(("method", "body", "scope"), SCOPES.values(), ids=SCOPES)
def test_a_missing_scope_is_named(listed, operator, method, body, scope):
    listed.workspace.scopes.remove(scope)
    url = URL if method == "post" else f"{URL}{named(listed, 'ops').id}/"
    response = getattr(operator, method)(url, body, format="json")
    assert (response.status_code, response.json()["code"]) == (424, "slack_missing_scope")
    assert scope in response.json()["detail"]
    assert not named(listed, "ops").is_archived


REFUSALS = {  # Slack's code: the status
    "invalid_auth": 424,
    "token_revoked": 424,
    "restricted_action": 424,
    "not_in_channel": 424,
    "not_authorized": 424,
    "cant_archive_general": 424,
    "a_code_we_do_not_know": 424,
    "channel_not_found": 404,
    "ratelimited": 503,
    "service_unavailable": 503,
    "fatal_error": 503,
}


@pytest.mark.parametrize(("code", "status"), REFUSALS.items(), ids=REFUSALS)
def test_what_slack_refuses_is_answered_with_its_code(listed, operator, code, status):
    ops = named(listed, "ops")
    listed.faults.set(Fault(Kind.ERROR, code=code))
    for send in (
        lambda: operator.patch(f"{URL}{ops.id}/", {"name": "new"}, format="json"),
        lambda: operator.delete(f"{URL}{ops.id}/"),
    ):
        response = send()
        assert (response.status_code, response.json()["code"]) == (status, f"slack_{code}")
        assert response.json()["errors"] == []
        assert response.json()["detail"]
        assert ("Retry-After" in response.headers) == (status == 503)
    assert WorkspaceChannel.objects.get(pk=ops.id).name == "ops"


def test_slacks_limit_says_when_to_come_back(listed, operator):
    listed.faults.set(Fault(Kind.RATE_LIMITED, seconds=17, times=1))
    response = operator.post(URL, {"name": "a"}, format="json")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "17")


def test_a_slack_that_hangs_keeps_nobody_waiting_for_long(listed, operator, monkeypatch):
    monkeypatch.setattr("notifications.transports.slack.workspace.managing.PATIENCE", 0.2)
    monkeypatch.setattr("notifications.transports.slack.workspace.managing.LOOKING", 0.2)
    listed.faults.set(Fault(Kind.RECORD_THEN_HANG))
    response = operator.post(URL, {"name": "a"}, format="json")
    assert (response.status_code, response.json()["code"]) == (503, "slack_timeout")
    assert "not known whether it was done" in response.json()["detail"]


@pytest.mark.django_db(transaction=True)
def test_slack_is_asked_with_no_transaction_open(listed, operator, monkeypatch):
    open_ones = []

    def account(**more):
        open_ones.append(connection.in_atomic_block)
        return transport.account(**more)

    monkeypatch.setattr("notifications.transports.slack.workspace.managing.account", account)
    ops = operator.post(URL, {"name": "ops-3"}, format="json").json()["id"]
    assert operator.patch(f"{URL}{ops}/", {"name": "ops-4"}, format="json").status_code == 200
    assert operator.delete(f"{URL}{ops}/").status_code == 200
    assert open_ones == [False] * 3


REQUESTS = {  # what is asked: (method, path, status by viewer, operator, admin)
    "list": ("get", "", 200, 200, 200),
    "read": ("get", "C1/", 404, 404, 404),
    "make": ("post", "", 403, 424, 424),
    "rename": ("patch", "C1/", 403, 404, 404),
    "replace": ("put", "C1/", 405, 405, 405),
    "archive": ("delete", "C1/", 403, 404, 404),
}


@pytest.mark.parametrize(("method", "path", "viewer", "operator", "admin"), REQUESTS.values(), ids=REQUESTS)
def test_a_role_decides_what_is_answered(method, path, viewer, operator, admin):
    body = {} if method == "get" else {"name": "a"}
    for role, expected in {"viewer": viewer, "operator": operator, "admin": admin}.items():
        response = getattr(client_of(role), method)(f"{URL}{path}", body, format="json")
        assert response.status_code == expected, role
    assert getattr(APIClient(), method)(f"{URL}{path}", body, format="json").status_code == 401


# selection


def select(client, *channel_ids):
    return client.put("/api/channels/selection/", {"channel_ids": channel_ids}, format="json")


def test_a_selection_adds_channels_of_the_workspace(listed, operator):
    see(server(), "+--")
    ops = named(listed, "ops").id
    assert select(operator, ops, listed.channel).json() == {"channel_ids": sorted([ops, listed.channel])}
    assert dict(Channel.objects.values_list("pk", "name")) == {ops: "ops", listed.channel: "alerts"}
    told = set(Delivery.objects.values_list("channel_id", "kind"))
    assert told == {(ops, "ongoing"), (listed.channel, "ongoing")}, "of what is down now"


def test_seed_defect_14_a_selection_with_one_unknown_channel_adds_and_takes_away_none(listed, operator):
    ops = named(listed, "ops").id
    select(operator, listed.channel)
    for stranger in ("C404", named(listed, "old-ops").id):
        response = select(operator, ops, stranger)
        assert response.status_code == 400
        (error,) = response.json()["errors"]
        assert (error["field"], stranger in error["message"]) == ("channel_ids", True)
    assert list(Channel.objects.values_list("pk", "enabled")) == [(listed.channel, True)]


def test_seed_defect_15_a_selection_asks_slack_nothing(listed, operator, clock):
    before = len(listed.ledger.entries())
    ids = [listed.workspace.add_channel(f"room-{number}").id for number in range(1_200)]
    WorkspaceChannel.objects.bulk_create(WorkspaceChannel(slack_id=id_, name=id_, seen_at=clock.now) for id_ in ids)
    assert select(operator, *ids).status_code == 200
    assert Channel.objects.enabled().count() == 1_200
    assert len(listed.ledger.entries()) == before == len(asked(listed, "auth.test")) + len(asked(listed))
