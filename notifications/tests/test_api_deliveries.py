from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from monitors import recording
from monitors.models import Incident, Server, StatusTransition
from monitors.tests.builders import INTERVAL, NOW, SECOND, see, server
from monitors.tests.people import client_of
from notifications import outbox
from notifications.models import Channel, Delivery, Storm
from notifications.outbox.claiming import claim

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer():
    return client_of("viewer")


@pytest.fixture
def operator():
    return client_of("operator")


@pytest.fixture
def channel():
    return Channel.objects.create(channel_id="C1")


def failure(**columns: Any) -> Delivery:
    """Of a server that failed, as it stands after it was handed over to the only channel."""
    see(server(), "--")
    outbox.fan_out_news(NOW + 60 * SECOND)
    delivery = Delivery.objects.latest("id")
    Delivery.objects.filter(pk=delivery.pk).update(**columns)
    delivery.refresh_from_db()
    return delivery


def test_a_delivery_has_the_fields_of_the_contract(viewer, channel):
    delivery = failure(state="sent", attempts=1, sent_at=NOW + 61 * SECOND, seconds=1.5)
    (body,) = viewer.get("/api/deliveries/").json()["results"]
    assert body == {
        "id": delivery.pk,
        "kind": "failure",
        "channel_id": "C1",
        "transition_id": StatusTransition.objects.get().pk,
        "incident_id": Incident.objects.get().pk,
        "state": "sent",
        "reason": None,
        "attempts": 1,
        "created_at": (NOW + 60 * SECOND).isoformat().replace("+00:00", "Z"),
        "sent_at": (NOW + 61 * SECOND).isoformat().replace("+00:00", "Z"),
        "seconds": 1.5,
        "error": None,
        "found": False,
        "possible_repeat": False,
        "looks": 0,
        "edited_at": None,
        "edit_due_at": None,
        "storm_id": None,
        "next_attempt_at": None,
    }
    assert viewer.get(f"/api/deliveries/{delivery.pk}/").json() == body


def test_what_is_on_its_way_says_when_it_is_tried_next(viewer, channel):
    failure(state="uncertain", next_attempt_at=NOW + 61 * SECOND)
    (body,) = viewer.get("/api/deliveries/").json()["results"]
    assert body["next_attempt_at"] == (NOW + 61 * SECOND).isoformat().replace("+00:00", "Z")


def test_a_delivery_that_nobody_received_says_why(viewer):
    failure()
    (body,) = viewer.get("/api/deliveries/").json()["results"]
    assert (body["channel_id"], body["state"], body["reason"]) == (None, "skipped", "no_channel")


@pytest.fixture
def days():
    """A delivery on each of three days, of three servers and channels."""
    for day, (kind, state) in enumerate([("failure", "sent"), ("recovery", "failed"), ("test", "pending")], 1):
        at = datetime(2026, 3, day, 12, tzinfo=UTC)
        incident = Incident.objects.create(
            pk=100 + day, server_id=day, environment="LIVE", failure="refused", began_at=at, confirmed_at=at
        )
        about = {} if kind == "test" else {"incident_id": incident.pk, "storm_id": 7 if day == 2 else None}
        Delivery.objects.create(pk=day, kind=kind, state=state, channel_id=f"C{day}", key=kind, created_at=at, **about)


FILTERS = {
    "": "3 2 1",
    "state=sent": "1",
    "state=failed&state=pending": "3 2",
    "kind=failure&kind=test": "3 1",
    "kind=ended": "",
    "channel_id=C2": "2",
    "channel_id=C9": "",
    "server=2": "2",
    "server=3": "",
    "incident_id=101": "1",
    "storm_id=7": "2",
    "storm_id=8": "",
    "after=2026-03-02T12:00:00Z": "3 2",
    "before=2026-03-02T12:00:00Z": "1",
    "after=2026-03-02T21:00:01+09:00": "3",
    "after=2026-03-02&before=2026-03-03": "2",
    "page_size=2&page=2": "1",
}


@pytest.mark.parametrize(("query", "expected"), FILTERS.items(), ids=FILTERS)
def test_deliveries_are_listed_newest_first_and_filtered(viewer, days, query, expected):
    response = viewer.get(f"/api/deliveries/?{quote(query, safe='=&')}")
    assert response.status_code == 200, response.content
    assert [row["id"] for row in response.json()["results"]] == [int(id_) for id_ in expected.split()]


def test_the_deliveries_about_a_server_outlive_it(viewer, channel):
    target = server()
    see(target, "--")
    outbox.fan_out_news(NOW + 60 * SECOND)
    recording.delete([target.pk], actor="kim", now=NOW + 61 * SECOND)
    outbox.fan_out_news(NOW + 62 * SECOND)
    rows = viewer.get(f"/api/deliveries/?server={target.pk}").json()["results"]
    assert [row["kind"] for row in rows] == ["ended", "failure"]


def test_the_queries_of_a_list_do_not_grow_with_its_rows_and_never_touch_the_adopted_table(viewer, channel):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert viewer.get("/api/deliveries/?page_size=1000").status_code == 200
        assert not [query["sql"] for query in captured if re.search(r"[`\"]notifications[`\"]", query["sql"])]
        return len(captured)

    failure()
    queries()
    few = queries()
    for _ in range(40):
        failure()
    assert queries() == few <= 5


AGAIN = {"failed": "is_archived", "skipped": "channel_disabled"}


@pytest.mark.parametrize(("state", "reason"), AGAIN.items())
def test_what_did_not_arrive_is_sent_again(operator, channel, state, reason):
    tomorrow = timezone.now() + timedelta(days=1)
    delivery = failure(state=state, reason=reason, error="timeout", next_attempt_at=tomorrow)
    response = operator.post(f"/api/deliveries/{delivery.pk}/resend/")
    body = response.json()
    assert (response.status_code, body["id"]) == (200, delivery.pk)
    assert (body["state"], body["reason"], body["error"]) == ("pending", None, None)
    delivery.refresh_from_db()
    assert delivery.next_attempt_at < tomorrow


def test_what_may_have_arrived_stays_uncertain_and_is_looked_after_at_once(operator, channel):
    tomorrow = timezone.now() + timedelta(days=1)
    delivery = failure(state="uncertain", error="timeout", next_attempt_at=tomorrow)
    body = operator.post(f"/api/deliveries/{delivery.pk}/resend/").json()
    assert (body["state"], body["error"]) == ("uncertain", "timeout")
    delivery.refresh_from_db()
    assert delivery.next_attempt_at < tomorrow


@pytest.mark.parametrize("state", ["sent", "pending", "sending"])
def test_there_is_nothing_to_resend_of_what_arrived_or_is_on_its_way(operator, channel, state):
    delivery = failure(state=state)
    response = operator.post(f"/api/deliveries/{delivery.pk}/resend/")
    assert (response.status_code, response.json()["code"]) == (409, "conflict")
    assert Delivery.objects.get().state == state


def test_there_is_nothing_to_resend_where_nobody_listens(operator, channel):
    delivery, test = failure(state="failed"), outbox.request_test("C1", NOW)
    Delivery.objects.filter(pk=test.pk).update(state="failed")
    outbox.set_enabled(["C1"], False, NOW)
    assert operator.post(f"/api/deliveries/{delivery.pk}/resend/").status_code == 409
    assert operator.post(f"/api/deliveries/{test.pk}/resend/").status_code == 200, "a test reaches a disabled channel"
    Channel.objects.all().delete()
    Delivery.objects.update(state="failed")
    for row in (delivery, test):
        assert operator.post(f"/api/deliveries/{row.pk}/resend/").status_code == 409


def test_a_message_without_a_channel_cannot_be_sent_again(operator):
    delivery = failure()
    assert operator.post(f"/api/deliveries/{delivery.pk}/resend/").status_code == 409


def test_a_message_whose_outage_is_no_longer_kept_cannot_be_sent_again(operator, channel):
    """There is nothing left to say, and the channel's other messages would wait behind it."""
    delivery = failure(state="failed")
    Incident.objects.all().delete()
    assert operator.post(f"/api/deliveries/{delivery.pk}/resend/").status_code == 409


def test_a_recovery_waits_behind_the_failure_that_is_sent_again(operator, channel):
    delivery = failure(state="failed")
    see(StatusTransition.objects.get().server, "++", NOW + 10 * INTERVAL)
    outbox.fan_out_news(NOW + 15 * INTERVAL)
    operator.post(f"/api/deliveries/{delivery.pk}/resend/")
    assert [row.kind for row in Delivery.objects.filter(state="pending").order_by("id")] == ["failure", "recovery"]


def refused(operator, delivery: Delivery) -> str:
    """The reason that is given; nothing is changed."""
    before = Delivery.objects.filter(pk=delivery.pk).values().get()
    response = operator.post(f"/api/deliveries/{delivery.pk}/resend/")
    assert (response.status_code, response.json()["code"]) == (409, "conflict")
    assert Delivery.objects.filter(pk=delivery.pk).values().get() == before
    return str(response.json()["detail"])


def test_what_would_be_skipped_again_is_refused_until_its_reason_is_gone(operator, channel):
    target = server(notification=False)
    see(target, "--")
    outbox.fan_out_news(NOW + 60 * SECOND)
    told = Delivery.objects.get()
    assert refused(operator, told) == "The server's notification is off: switch it on first."
    see(target, "++", NOW + 10 * INTERVAL)
    outbox.fan_out_news(NOW + 15 * INTERVAL)
    recovery = Delivery.objects.get(kind="recovery")
    assert "was not told that it began" in refused(operator, recovery)
    Server.objects.update(notification=True)
    for delivery in (told, recovery):
        assert operator.post(f"/api/deliveries/{delivery.pk}/resend/").status_code == 200
    attempt = claim("C1", NOW + 16 * INTERVAL)
    assert attempt
    assert attempt.delivery == recovery, "which tells of the failure too"


def test_nobody_is_told_again_of_a_server_that_was_deleted(operator, channel):
    target = server(notification=False)
    see(target, "--")
    outbox.fan_out_news(NOW + 60 * SECOND)
    recording.delete([target.pk], actor="kim", now=NOW + 61 * SECOND)
    assert "was deleted" in refused(operator, Delivery.objects.get())


def test_the_reason_says_what_to_do(operator, channel):
    delivery = failure(state="failed")
    for columns, words in (
        ({"state": "sent"}, "was accepted already"),
        ({"state": "pending"}, "on its way"),
        ({"state": "failed", "channel_id": None}, "nobody to send to"),
        ({"state": "failed", "channel_id": "C404"}, "let it receive alerts first"),
        ({"state": "failed", "channel_id": "C1", "incident_id": 4711}, "no longer kept"),
    ):
        Delivery.objects.filter(pk=delivery.pk).update(**columns)
        assert words in refused(operator, delivery)


def test_the_end_of_a_storm_that_nobody_was_told_of_is_not_sent_again(operator, channel):
    storm = Storm.objects.create(channel=channel, environment="LIVE", began_at=NOW, joined_at=NOW, ended_at=NOW)
    about = {"channel": channel, "storm": storm, "state": "skipped", "reason": "channel_disabled"}
    Delivery.objects.create(kind="storm", key="storm:1:open", **about)
    end = Delivery.objects.create(kind="storm_end", key="storm:1:end", **about)
    assert "the channel is disabled or gone" in refused(operator, end)
    Delivery.objects.filter(pk=end.pk).update(facts={"late": True})
    assert operator.post(f"/api/deliveries/{end.pk}/resend/").status_code == 200
