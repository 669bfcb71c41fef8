from datetime import timedelta

import pytest
from django.db import connection

from monitors import recording
from monitors.models import StatusTransition
from monitors.tests.builders import INTERVAL, NOW, SECOND, see, server
from notifications import outbox
from notifications.models import Channel, Delivery

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
SOON = NOW + 60 * SECOND


@pytest.fixture
def channel():
    return Channel.objects.create(channel_id="C1", name="alerts")


def told():
    return [(d.channel_id, d.kind, d.state, d.reason) for d in Delivery.objects.order_by("id")]


def test_a_failure_is_handed_to_every_enabled_channel_once(channel):
    Channel.objects.create(channel_id="C2")
    Channel.objects.create(channel_id="C3", enabled=False)
    see(server(), "+--")
    assert outbox.fan_out_news(SOON) == 2
    assert outbox.fan_out_news(SOON) == 0
    assert told() == [("C1", "failure", "pending", ""), ("C2", "failure", "pending", "")]


def test_becoming_healthy_for_the_first_time_is_told_to_nobody(channel):
    see(server(), "+")
    outbox.fan_out_news(SOON)
    assert told() == []
    assert not StatusTransition.objects.filter(handed_over_at=None).exists()


def test_a_recovery_goes_to_whoever_was_told_of_the_failure(channel):
    target = server()
    see(target, "+--")
    outbox.fan_out_news(SOON)
    Channel.objects.create(channel_id="C2")
    see(target, "++", NOW + 5 * INTERVAL)
    outbox.fan_out_news(SOON + 60 * SECOND)
    assert told()[1:] == [("C1", "recovery", "pending", "")]


def test_a_failure_and_its_recovery_handed_over_together_are_both_told(channel):
    see(server(), "+--++")
    outbox.fan_out_news(SOON)
    assert [kind for _, kind, _, _ in told()] == ["failure", "recovery"]


def test_transitions_whose_ids_commit_out_of_order_are_both_told(channel):
    """The row with the lower id becomes visible only after the higher one was handed over."""
    see(server(), "+--")
    see(server(), "+--")
    late = StatusTransition.objects.filter(outage="began").earliest("id")
    row = StatusTransition.objects.filter(pk=late.pk)
    columns = row.values().get()
    row.delete()
    outbox.fan_out_news(SOON)
    StatusTransition.objects.create(**columns)
    outbox.fan_out_news(SOON)
    assert len(told()) == 2


def test_without_any_channel_it_is_settled_and_said_once(caplog):
    target = server()
    see(target, "+--++--")
    outbox.fan_out_news(NOW + 120 * SECOND)
    see(target, "++", NOW + 20 * INTERVAL)
    outbox.fan_out_news(NOW + 300 * SECOND)
    assert {(channel, state, reason) for channel, _, state, reason in told()} == {(None, "skipped", "no_channel")}
    assert caplog.text.count("no channel receives alerts") == 1


def test_notification_off_is_recorded_and_silent(channel):
    see(server(notification=False), "+--++")
    outbox.fan_out_news(SOON)
    assert told() == [
        ("C1", "failure", "skipped", "notification_off"),
        ("C1", "recovery", "skipped", "notification_off"),
    ]


def test_whoever_was_told_of_a_failure_is_told_its_end_though_notification_was_switched_off(channel):
    target = server()
    see(target, "+--")
    outbox.fan_out_news(SOON)
    Delivery.objects.update(state="sent")
    recording.set_notification([target.pk], False, actor="kim", now=SOON)
    see(target, "++", NOW + 10 * INTERVAL)
    outbox.fan_out_news(NOW + 15 * INTERVAL)
    assert told()[-1] == ("C1", "recovery", "pending", "")


@pytest.mark.parametrize("end", ["pause", "delete"])
def test_pausing_and_deleting_end_an_outage_for_whoever_was_told(channel, end):
    target = server()
    see(target, "+--")
    getattr(recording, end)([target.pk], actor="kim", now=SOON)
    outbox.fan_out_news(SOON)
    assert told()[-1] == ("C1", "ended", "pending", "")


def test_another_address_ends_the_outage_for_whoever_was_told(channel):
    target = server()
    see(target, "+--")
    target.host = "127.0.0.2"
    recording.save(target, actor="kim", now=SOON)
    outbox.fan_out_news(SOON)
    assert told()[-1] == ("C1", "ended", "pending", "")


def test_switching_notification_on_tells_the_outage_that_goes_on(channel):
    target = server(notification=False)
    see(target, "+--")
    outbox.fan_out_news(SOON)
    recording.set_notification([target.pk], True, actor="kim", now=SOON)
    outbox.fan_out_news(SOON)
    see(target, "++", NOW + 10 * INTERVAL)
    outbox.fan_out_news(NOW + 15 * INTERVAL)
    assert [row[1:] for row in told()] == [
        ("failure", "skipped", "notification_off"),
        ("ongoing", "pending", ""),
        ("recovery", "pending", ""),
    ]


def test_a_channel_hears_only_of_its_environments():
    Channel.objects.create(channel_id="C1", environments=["LIVE"])
    Channel.objects.create(channel_id="C2", environments=["DEV", "STAGE"])
    see(server(environment="STAGE"), "+--")
    outbox.fan_out_news(SOON)
    assert [row[0] for row in told()] == ["C2"]


def test_enabling_a_channel_tells_what_is_down_now_once_and_replays_nothing():
    healed, down, quiet = server(), server(), server(notification=False)
    see(healed, "+--++")
    see(down, "+--")
    see(quiet, "+--")
    outbox.fan_out_news(SOON)
    channel = Channel.objects.create(channel_id="C1", enabled=False)
    assert outbox.set_enabled([channel.pk], True, SOON) == 1
    assert outbox.set_enabled([channel.pk], True, SOON) == 0
    rows = Delivery.objects.filter(channel="C1")
    assert [(row.kind, row.incident_id) for row in rows] == [("ongoing", down.incidents.get().pk)]
    outbox.set_enabled([channel.pk], False, SOON)
    outbox.set_enabled([channel.pk], True, SOON)
    assert rows.count() == 1
    see(down, "++", NOW + 10 * INTERVAL)
    outbox.fan_out_news(NOW + 15 * INTERVAL)
    assert rows.latest("id").kind == "recovery"


def test_old_news_is_settled_as_expired_and_summed_up_in_one_message(channel):
    for _ in range(3):
        see(server(), "+--++")
    outbox.fan_out_news(NOW + timedelta(hours=2))
    assert told()[:6] == [("C1", "failure", "skipped", "expired"), ("C1", "recovery", "skipped", "expired")] * 3
    assert told()[6:] == [("C1", "expired", "pending", "")]
    assert Delivery.objects.latest("id").facts["count"] == 6


@pytest.mark.parametrize("later", ["switched off again", "channel disabled and enabled"])
def test_a_message_that_was_skipped_later_does_not_undo_what_was_told(channel, later):
    target = server()
    see(target, "+--")
    outbox.fan_out_news(SOON)
    Delivery.objects.update(state="sent")
    recording.set_notification([target.pk], False, actor="kim", now=SOON)
    recording.set_notification([target.pk], True, actor="kim", now=SOON)
    outbox.fan_out_news(SOON)
    reason = "notification_off" if later == "switched off again" else "channel_disabled"
    Delivery.objects.filter(kind="ongoing").update(state="skipped", reason=reason)
    see(target, "++", NOW + 10 * INTERVAL)
    outbox.fan_out_news(NOW + 15 * INTERVAL)
    assert told()[-1] == ("C1", "recovery", "pending", "")


def test_switching_notification_off_and_on_before_the_hand_over_announces_once(channel):
    target = server()
    see(target, "+--")
    recording.set_notification([target.pk], False, actor="kim", now=SOON)
    recording.set_notification([target.pk], True, actor="kim", now=SOON)
    outbox.fan_out_news(SOON)
    assert [row[1:] for row in told()] == [("failure", "pending", ""), ("ongoing", "skipped", "absorbed")]


def test_a_channel_whose_secret_no_key_can_read_silences_no_other(channel):
    Channel.objects.create(channel_id="hook", hook_url="https://hooks.slack.com/services/T/B/x")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE notifications SET hook_url = 'not encrypted' WHERE channel_id = 'hook'")
    see(server(), "+--")
    outbox.fan_out_news(SOON)
    assert len(told()) == 2
