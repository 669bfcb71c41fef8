"""What `/metrics` tells of the messages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError

from healthcheck import metrics
from monitors.tests.builders import NOW, SECOND, see, server
from notifications import outbox
from notifications.models import Channel, Delivery, PressCount
from notifications.outbox.counting import Counted
from notifications.tests import waves
from notifications.tests.standin import Fault, Kind
from notifications.tests.test_sending import channel, clock, run, slack
from notifications.tests.test_workspace import tick
from notifications.transports.slack.socket import state
from notifications.transports.slack.socket.counting import Ended, Tally

__all__ = ["channel", "clock", "slack"]  # fixtures
pytestmark = pytest.mark.django_db
SLOWEST = 'healthcheck_delivery_seconds{quantile="1.0"}'


def figures(now=NOW):
    lines = metrics.render(now).decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def ever(name):
    return figures()[f"healthcheck_deliveries_{name}_total"]


def test_a_new_installation_has_sent_nothing():
    found = figures()
    assert found['healthcheck_deliveries{state="sent"}'] == 0
    assert {ever(name) for name in Counted} == {0}
    assert found['healthcheck_channels{guarantee="exactly_once"}'] == 0


EVER = {"sent": 3, "retried": 2 + 1, "found": 1, "repeated": 1, "failed": 1}


def test_what_became_of_every_message_is_counted(slack, channel, clock):
    """One found after a lost answer, one sent again after an error, one refused, one whose channel cannot be read."""
    tick(clock)
    faults = [
        Fault(Kind.RECORD_THEN_CUT, method="chat.postMessage", times=1),
        Fault(Kind.ERROR, method="chat.postMessage", code="service_unavailable", times=2),
        Fault(Kind.ERROR, method="chat.postMessage", code="is_archived", times=1),
    ]
    for fault in faults:
        slack.faults.set(fault)
        see(server(), "--")
        run(clock, 30)
    Channel.objects.update(guarantee="at_least_once")
    slack.faults.set(Fault(Kind.RECORD_THEN_CUT, method="chat.postMessage", times=1))
    see(server(), "--")
    run(clock, 30)
    found = figures(clock.now)
    assert found['healthcheck_deliveries{state="sent"}'] == 3
    assert found['healthcheck_deliveries{state="failed"}'] == 1
    assert {name.value: ever(name) for name in Counted} == EVER
    assert found['healthcheck_channels{guarantee="at_least_once"}'] == 1


def test_what_waits_is_counted_and_how_long_the_oldest_has_waited(slack, channel):
    Delivery.objects.create(kind="test", channel=channel, key="1", state="uncertain", created_at=NOW, attempts=1)
    Delivery.objects.create(kind="test", channel=channel, key="2", created_at=NOW + 5 * SECOND)
    found = figures(NOW + 60 * SECOND)
    assert found['healthcheck_deliveries{state="uncertain"}'] == found['healthcheck_deliveries{state="pending"}'] == 1
    assert found["healthcheck_oldest_pending_delivery_seconds"] == 60
    assert ever(Counted.RETRIED) == 0


def test_what_is_no_longer_kept_is_still_counted(slack, channel, clock):
    slack.faults.set(Fault(Kind.ERROR, method="chat.postMessage", code="service_unavailable", times=1))
    see(server(), "+--++")
    run(clock, 20)
    slack.faults.set(Fault(Kind.ERROR, method="chat.postMessage", code="invalid_blocks"))
    outbox.request_test(channel.pk, clock.now)
    run(clock, 20)
    before = {name: ever(name) for name in Counted}
    assert before[Counted.SENT] >= 1
    assert before[Counted.FAILED] == 1
    assert outbox.prune(clock.now + timedelta(days=91)) == 3
    assert not Delivery.objects.exists()
    assert {name: ever(name) for name in Counted} == before
    outbox.prune(clock.now + timedelta(days=91))
    assert {name: ever(name) for name in Counted} == before


def test_a_message_that_is_sent_again_after_all_has_failed_all_the_same(slack, channel, clock):
    slack.faults.set(Fault(Kind.ERROR, method="chat.postMessage", code="is_archived", times=1))
    outbox.request_test(channel.pk, clock.now)
    run(clock, 5)
    outbox.resend(Delivery.objects.get().pk, clock.now)
    assert ever(Counted.FAILED) == 1
    run(clock, 5)
    assert (ever(Counted.FAILED), ever(Counted.SENT), ever(Counted.RETRIED)) == (1, 1, 1)


def test_only_news_count_for_how_fast_they_are_told(channel):
    facts = {"channel": channel, "state": "sent", "sent_at": NOW, "created_at": NOW}
    Delivery.objects.create(kind="test", key="1", seconds=23, **facts)
    Delivery.objects.create(kind="storm_summary", key="2", seconds=40, **facts)
    assert SLOWEST not in figures()
    Delivery.objects.create(kind="storm", key="3", seconds=1.5, **facts)
    assert figures()[SLOWEST] == 1.5


def test_a_storm_is_told_as_fast_as_its_first_server(slack, channel, clock):
    waves.fail(6, clock.now - 4 * SECOND)
    run(clock, 3)
    assert Delivery.objects.get(kind="storm").seconds == pytest.approx(4, abs=0.01)


def test_channels_where_alerts_do_not_arrive_are_counted(channel):
    Channel.objects.create(channel_id="C2", lacks="is_archived", guarantee="at_least_once")
    Channel.objects.create(channel_id="C3", lacks="webhook", guarantee="at_least_once")
    assert figures()["healthcheck_channels_cut_off"] == 1
    assert figures()['healthcheck_channels{guarantee="at_least_once"}'] == 2


CONNECTED = "healthcheck_slack_socket_connected"


def test_whether_presses_arrive_is_a_figure_where_there_are_buttons(settings):
    assert CONNECTED not in figures()
    settings.SLACK_APP_TOKEN = "xapp-1"
    assert figures()[CONNECTED] == 0
    state.note(NOW, connected_at=NOW)
    assert figures()[CONNECTED] == 1
    assert figures(NOW + state.FRESH + SECOND)[CONNECTED] == 0, "the process says no longer that it lives"
    state.note(NOW, error="invalid_auth")
    assert figures()[CONNECTED] == 0


def pressed(action, ended):
    return figures()[f'healthcheck_slack_presses_total{{action="{action}",outcome="{ended}"}}']


def test_presses_are_counted_from_the_beginning():
    assert {pressed(action, ended) for action in ("acknowledge", "probe") for ended in Ended} == {0}
    for _ in range(2):
        tally = Tally()
        tally.add("probe", Ended.DONE)
        tally.add("probe", Ended.DONE)
        tally.add("acknowledge", Ended.LATE)
        tally.store()
        tally.store()
    assert (pressed("probe", "done"), pressed("acknowledge", "late"), pressed("probe", "late")) == (4, 2, 0)


def test_what_could_not_be_counted_is_counted_with_the_next(monkeypatch):
    def away(*_, **__):
        raise OperationalError("away")

    tally = Tally()
    tally.add("probe", Ended.DONE)
    with monkeypatch.context() as patched:
        patched.setattr(PressCount.objects, "filter", away)
        patched.setattr("notifications.transports.slack.socket.counting.connection.close", lambda: None)
        tally.store()
    assert pressed("probe", "done") == 0
    tally.add("probe", Ended.DONE)
    tally.store()
    assert pressed("probe", "done") == 2
