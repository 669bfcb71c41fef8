"""Channels in the admin and on their page: who is told, and whether it works."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from monitors.models import StatusTransition
from monitors.tests.answers import text
from monitors.tests.builders import NOW, SECOND, see, server
from monitors.tests.people import person
from notifications import outbox
from notifications.models import Channel, Delivery, State
from notifications.tests.standin import Standin

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>"
HOOK = "https://hooks.slack.com/services/T0001/B0001/very-secret-ABCD"
CHANNELS = "/admin/notifications/channel/"
DELIVERIES = "/admin/notifications/delivery/"


@pytest.fixture
def viewer(client):
    client.force_login(person("viewer", is_staff=True))
    return client


@pytest.fixture
def operator(client):
    client.force_login(person("operator", is_staff=True))
    return client


@pytest.fixture
def slack(settings):
    with Standin() as standin:
        settings.SLACK_API_URL = standin.api_url
        yield standin


def channel(**columns) -> Channel:
    return Channel.objects.create(
        **{"channel_id": "C024BE91L", "name": "ops", "hook_url": HOOK, "hook_url_hint": "…ABCD", **columns}
    )


def act(client, path, action, *keys):
    return client.post(path, {"action": action, "_selected_action": keys}, follow=True)


def change(client, key, **fields):
    return client.post(f"{CHANNELS}{key}/change/", {"name": "ops", "hook_url": "", **fields})


# channels in the admin


def test_a_webhook_is_stored_encrypted_and_never_shown(operator):
    response = operator.post(f"{CHANNELS}add/", {"channel_id": "C1", "name": "ops", "hook_url": HOOK, "enabled": "on"})
    assert response.status_code == 302, response.context["errors"]
    stored = Channel.objects.get()
    assert (stored.hook_url, stored.hook_url_hint, stored.environments) == (HOOK, "…ABCD", None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT hook_url FROM notifications")
        assert HOOK not in cursor.fetchone()[0]
    for path in (CHANNELS, f"{CHANNELS}C1/change/", "/channels/"):
        page = text(operator.get(path))
        assert "very-secret" not in page
        assert "…ABCD" in page


def test_a_viewer_sees_the_hint_and_no_webhook(viewer):
    channel()
    for path in (f"{CHANNELS}C024BE91L/change/", CHANNELS, "/channels/"):
        page = text(viewer.get(path))
        assert "very-secret" not in page
        assert "…ABCD" in page
    assert viewer.post(f"{CHANNELS}C024BE91L/change/", {"name": "x"}).status_code == 403


def test_a_webhook_alone_makes_a_channel(operator):
    operator.post(f"{CHANNELS}add/", {"hook_url": HOOK, "enabled": "on"})
    assert Channel.objects.get().channel_id.startswith("hook-")


REFUSED = {  # what is typed: in which field it is refused
    "another host": (
        {"channel_id": "C1", "hook_url": "https://hooks.slack.com.evil.example/services/very-secret"},
        "hook_url",
    ),
    "no TLS": ({"channel_id": "C1", "hook_url": "http://hooks.slack.com/services/very-secret"}, "hook_url"),
    "the network inside": ({"channel_id": "C1", "hook_url": "https://10.0.0.1/very-secret"}, "hook_url"),
    "credentials": ({"channel_id": "C1", "hook_url": "https://very-secret:x@hooks.slack.com/services/x"}, "hook_url"),
    "no URL": ({"channel_id": "C1", "hook_url": "very-secret"}, "hook_url"),
    "a broken URL": ({"channel_id": "C1", "hook_url": "https://[hooks.slack.com/very-secret"}, "hook_url"),
    "no path": ({"channel_id": "C1", "hook_url": "https://hooks.slack.com/"}, "hook_url"),
    "neither id nor webhook": ({"name": "ops"}, "channel_id"),
    "an id that is none": ({"channel_id": "#ops alerts"}, "channel_id"),
    "an id in use": ({"channel_id": "C024BE91L"}, "channel_id"),
    "an unknown environment": ({"channel_id": "C1", "environments": ["MOON"]}, "environments"),
}


@pytest.mark.parametrize(("fields", "where"), REFUSED.values(), ids=REFUSED)
def test_a_channel_that_cannot_be_reached_is_refused_at_its_field(operator, fields, where):
    channel()
    response = operator.post(f"{CHANNELS}add/", fields)
    assert list(response.context["adminform"].form.errors) == [where]
    assert "very-secret" not in text(response)
    assert Channel.objects.count() == 1


def test_an_edit_keeps_the_webhook_and_the_pace(operator):
    channel(next_send_at=NOW, environments=["DEV"])
    change(operator, "C024BE91L", name="alerts", enabled="on", environments=["STAGE", "LIVE"])
    stored = Channel.objects.get()
    assert (stored.name, stored.hook_url, stored.next_send_at) == ("alerts", HOOK, NOW)
    assert stored.environments == ["STAGE", "LIVE"]
    assert stored.wants("LIVE")
    assert not stored.wants("DEV")


def test_a_webhook_is_replaced_and_removed(operator):
    channel()
    change(operator, "C024BE91L", hook_url="https://hooks.slack.com/services/T/B/other")
    assert Channel.objects.get().hook_url_hint == "…ther"
    change(operator, "C024BE91L", remove_hook_url="on")
    assert (Channel.objects.get().hook_url, Channel.objects.get().hook_url_hint) == (None, None)


def test_a_webhook_that_no_key_reads_any_more_can_be_replaced(operator):
    channel()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE notifications SET hook_url = 'written with a key that is lost'")
    assert change(operator, "C024BE91L", hook_url=HOOK).status_code == 302
    assert Channel.objects.get().hook_url == HOOK


def test_a_channel_that_is_switched_on_is_told_what_is_down_now_and_once(operator):
    channel(enabled=False)
    see(server(), "--", start=NOW)
    outbox.fan_out_news(timezone.now())
    change(operator, "C024BE91L", enabled="on")
    change(operator, "C024BE91L", enabled="on")
    assert [(row.kind, row.state) for row in Delivery.objects.filter(channel="C024BE91L")] == [("ongoing", "pending")]


def test_a_channel_says_what_it_can_be_promised_and_what_is_missing(operator):
    channel(hook_url=None, guarantee="at_least_once", lacks="missing_scope:channels:history")
    channel(channel_id="C2", guarantee="exactly_once")
    for path in (CHANNELS, f"{CHANNELS}C024BE91L/change/"):
        page = text(operator.get(path))
        assert "at least once" in page
        assert "The app lacks the scope channels:history" in page
    assert operator.get(f"{CHANNELS}?guarantee=exactly_once").context["cl"].result_count == 1


def test_the_language_of_a_channel_is_chosen(operator):
    channel()
    change(operator, "C024BE91L", enabled="on", language="ko")
    assert Channel.objects.get().language == "ko"
    change(operator, "C024BE91L", enabled="on", language="tlh")
    assert Channel.objects.get().language == "ko"


def test_channels_are_switched_by_an_action(operator):
    channel()
    assert "1 channel changed." in text(act(operator, CHANNELS, "disable", "C024BE91L"))
    assert not Channel.objects.get().enabled
    act(operator, CHANNELS, "enable", "C024BE91L")
    assert Channel.objects.get().enabled


def test_a_deleted_channel_leaves_its_deliveries(operator):
    channel()
    see(server(host_name=HOSTILE), "--", start=NOW)
    StatusTransition.objects.update(at=timezone.now())
    outbox.fan_out_news(timezone.now())
    assert "Are you sure" in text(operator.get(f"{CHANNELS}C024BE91L/delete/"))
    operator.post(f"{CHANNELS}C024BE91L/delete/", {"post": "yes"})
    assert not Channel.objects.exists()
    page = text(operator.get(DELIVERIES))
    assert "C024BE91L" in page
    assert HOSTILE not in page


@pytest.mark.django_db(transaction=True)
def test_a_test_message_is_sent_outside_any_transaction(client, monkeypatch):
    client.force_login(User.objects.create_superuser("root"))
    channel()
    open_ones = []

    def try_channel(_channel_id, _clock):
        open_ones.append(connection.in_atomic_block)
        return 25, "said Slack"

    monkeypatch.setattr("notifications.admin.try_channel", try_channel)
    monkeypatch.setattr("notifications.views.channels.try_channel", try_channel)
    assert "said Slack" in text(act(client, CHANNELS, "test", "C024BE91L"))
    assert "said Slack" in text(client.post("/channels/", {"test": "C024BE91L"}, follow=True))
    assert open_ones == [False, False]


# deliveries


def test_a_delivery_is_sent_again(operator):
    channel()
    failed = Delivery.objects.create(kind="test", channel_id="C024BE91L", key="test:1", state=State.FAILED)
    assert "1 message is sent again." in text(act(operator, DELIVERIES, "send_again", failed.pk))
    assert Delivery.objects.get().state == State.PENDING
    page = text(act(operator, DELIVERIES, "send_again", failed.pk))
    assert "1 message is not sent again. This message is on its way." in page
    assert "sent again." not in page.replace("not sent again.", "")


def test_a_delivery_is_sent_again_from_its_own_page(operator):
    channel()
    failed = Delivery.objects.create(kind="test", channel_id="C024BE91L", key="test:1", state=State.FAILED)
    address = f"{DELIVERIES}{failed.pk}/send-again/"
    assert f'action="{address}"' in text(operator.get(f"{DELIVERIES}{failed.pk}/change/"))
    assert operator.get(address).status_code == 405
    assert "The message is sent again." in text(operator.post(address, follow=True))
    page = text(operator.post(address, follow=True))
    assert "This message is on its way." in page
    assert f'action="{address}"' not in page
    assert operator.post(f"{DELIVERIES}4711/send-again/").status_code == 404


def test_why_a_delivery_is_not_sent_again_is_said_on_its_page(operator):
    channel()
    see(server(notification=False), "--", start=NOW)
    outbox.fan_out_news(NOW + 60 * SECOND)
    skipped = Delivery.objects.get()
    for page in (
        operator.post(f"{DELIVERIES}{skipped.pk}/send-again/", follow=True),
        act(operator, DELIVERIES, "send_again", skipped.pk),
    ):
        assert "notification is off: switch it on first." in text(page)
    assert Delivery.objects.get().state == State.SKIPPED


def test_a_page_shows_nothing_that_is_not_so(operator):
    channel()
    columns = {"kind": "test", "channel_id": "C024BE91L", "edited_at": NOW}
    failed = Delivery.objects.create(key="test:1", state=State.FAILED, **columns)
    pending = Delivery.objects.create(key="test:2", state=State.PENDING, **columns)
    sent = Delivery.objects.create(key="test:3", state=State.SENT, seconds=0.046851, **columns)
    shown = {row: text(operator.get(f"{DELIVERIES}{row.pk}/change/")) for row in (failed, pending, sent)}
    assert [row for row, page in shown.items() if "Not tried before." in page] == [pending]
    assert [row for row, page in shown.items() if "Written or edited" in page] == [sent]
    assert "0.05 s" in shown[sent]
    assert "0.046851" not in shown[sent]


def test_the_list_says_what_holds_a_message_up_and_how_long_it_took(viewer):
    channel()
    columns = {"kind": "test", "channel_id": "C024BE91L"}
    Delivery.objects.create(key="test:1", state=State.PENDING, error="connection_error refused", **columns)
    Delivery.objects.create(key="test:2", state=State.UNCERTAIN, error="timeout", **columns)
    Delivery.objects.create(
        key="test:3", state=State.FAILED, reason="missing_scope", error="missing_scope chat:write", **columns
    )
    Delivery.objects.create(key="test:4", state=State.SENT, seconds=0.046851, **columns)
    page = text(viewer.get(DELIVERIES))
    assert "Slack cannot be reached" in page
    assert "Slack did not answer in time" in page
    assert "lacks the scope chat:write" in page
    assert "0.05 s" in page
    assert "0.046851" not in page


def test_more_tests_than_a_request_may_wait_for_are_refused(operator):
    ids = [channel(channel_id=f"C{number}").pk for number in range(4)]
    assert "At most 3 channels can be tested at once" in text(act(operator, CHANNELS, "test", *ids))
    assert not Delivery.objects.exists()


def test_a_viewer_sends_nothing_again(viewer):
    channel()
    failed = Delivery.objects.create(kind="test", channel_id="C024BE91L", key="test:1", state=State.FAILED)
    act(viewer, DELIVERIES, "send_again", failed.pk)
    assert viewer.post(f"{DELIVERIES}{failed.pk}/send-again/").status_code == 403
    assert "send-again" not in text(viewer.get(f"{DELIVERIES}{failed.pk}/change/"))
    assert Delivery.objects.get().state == State.FAILED


def test_a_delivery_says_why_it_failed_and_is_not_edited(client):
    channel()
    failed = Delivery.objects.create(
        kind="test", channel_id="C024BE91L", key="test:1", state=State.FAILED, reason="no_service", error=HOSTILE
    )
    client.force_login(User.objects.create_superuser("root"))
    page = text(client.get(f"{DELIVERIES}{failed.pk}/change/"))
    assert "The webhook was removed in Slack" in page
    assert HOSTILE not in page
    assert client.get(f"{DELIVERIES}add/").status_code == 403
    assert client.post(f"{DELIVERIES}{failed.pk}/delete/", {"post": "yes"}).status_code == 403


FILTERS = {"state=failed": 1, "channel=C1": 1, "channel=C2": 0, "q=needle": 1, "q=nowhere": 0, "": 2} | {
    "found__exact=1": 1,
    "possible_repeat__exact=1": 0,
}


@pytest.mark.parametrize(("query", "found"), FILTERS.items(), ids=FILTERS)
def test_deliveries_are_filtered(viewer, query, found):
    channel(channel_id="C3")
    Delivery.objects.create(kind="test", channel_id="C1", key="test:needle", state=State.FAILED, found=True)
    Delivery.objects.create(kind="test", channel_id=None, key="test:2", state=State.SKIPPED, reason="no_channel")
    assert viewer.get(f"{DELIVERIES}?{query}").context["cl"].result_count == found


def test_the_list_of_deliveries_takes_a_constant_number_of_queries(viewer):
    counts = []
    for number in (1, 7):
        for _ in range(number):
            see(server(), "--", start=NOW)
            key = f"C{Channel.objects.count()}"
            channel(channel_id=key)
        outbox.fan_out_news(NOW + 20 * SECOND)
        with CaptureQueriesContext(connection) as queries:
            text(viewer.get(DELIVERIES))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 9
