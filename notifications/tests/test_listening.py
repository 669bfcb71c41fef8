"""What a channel is told when it begins to listen, and what becomes of its messages when it ceases to."""

from __future__ import annotations

import pytest

from monitors import recording
from monitors.models import Incident
from monitors.tests.builders import INTERVAL, NOW, SECOND, observation, see, server
from monitors.tests.test_concurrency import together
from notifications import outbox
from notifications.models import Channel, Delivery, StormRule
from notifications.outbox import claiming, settling
from notifications.tests.test_sending import LEASE
from notifications.transports.slack import Reply, Verdict

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
SOON = NOW + 60 * SECOND


@pytest.fixture
def channel():
    return Channel.objects.create(channel_id="C1")


def told(channel_id: str = "C1"):
    rows = Delivery.objects.filter(channel=channel_id).order_by("id")
    return [(row.kind, row.state, row.reason) for row in rows]


def test_what_waits_to_be_handed_over_is_not_told_by_the_channel_that_begins_to_listen_as_well():
    see(server(), "--")
    outbox.add_channel(Channel(channel_id="C1"), SOON)
    assert told() == []
    outbox.fan_out_news(SOON)
    assert told() == [("failure", "pending", "")]


def test_old_news_that_waited_too_long_are_told_as_the_present_state():
    see(server(), "--")
    late = NOW + 400 * INTERVAL
    outbox.add_channel(Channel(channel_id="C1"), late)
    assert told() == [("ongoing", "pending", "")]


@pytest.mark.django_db(transaction=True)
def test_channels_that_begin_to_listen_during_a_hand_over_are_told_of_each_outage_once():
    StormRule.objects.create(environment="LIVE", servers=0)
    ids = [server(unhealthy_threshold=1).pk for _ in range(30)]
    channels = [Channel.objects.create(channel_id=f"C{n}", enabled=False).pk for n in range(4)]

    def fail():
        for id_ in ids:
            recording.record([observation(id_, NOW, ok=False)])
            outbox.fan_out_news(SOON)

    together(fail, *[lambda pk=pk: outbox.set_enabled([pk], True, SOON) for pk in channels])
    outbox.fan_out_news(SOON)
    outages = sorted(Incident.objects.values_list("pk", flat=True))
    assert len(outages) == len(ids)
    for pk in channels:
        told_of = Delivery.objects.filter(channel=pk).order_by("incident_id")
        assert list(told_of.values_list("incident_id", flat=True)) == outages


def test_a_change_of_a_channel_that_is_gone_is_none(channel):
    assert outbox.remove_channels(["C1", "C9"], SOON) == 1
    assert outbox.change_channel("C1", {"name": "a"}, SOON) is False


def test_what_is_being_sent_to_a_channel_that_is_deleted_is_settled_by_whoever_sends_it(channel):
    see(server(), "--")
    see(server(), "--")
    outbox.fan_out_news(SOON)
    attempt = claiming.claim("C1", SOON)
    assert attempt
    outbox.remove_channels(["C1"], SOON)
    assert told() == [("failure", "sending", ""), ("failure", "skipped", "channel_disabled")]
    assert settling.settle(attempt, Reply(Verdict.SENT), SOON)
    assert told()[0] == ("failure", "sent", "")


def test_what_is_being_sent_to_a_channel_that_is_disabled_is_settled_by_whoever_sends_it(channel):
    see(server(), "--")
    outbox.fan_out_news(SOON)
    attempt = claiming.claim("C1", SOON)
    assert attempt
    outbox.set_enabled(["C1"], False, SOON)
    assert claiming.claim("C1", SOON + SECOND) is None
    assert settling.settle(attempt, Reply(Verdict.SENT), SOON)
    assert told() == [("failure", "sent", "")]


def test_a_test_of_a_channel_that_is_gone_is_settled_and_does_not_wait_for_ever(channel):
    claiming.claim_test("C1", SOON)  # and then the process is killed
    outbox.remove_channels(["C1"], SOON)
    later = SOON + 2 * LEASE
    assert outbox.due_channels(later) == ["C1"]
    outbox.deliver("C1", lambda: later)
    assert told() == [("test", "skipped", "channel_disabled")]
    assert outbox.due_channels(later) == []


def test_a_channel_whose_secret_cannot_be_read_can_be_enabled_and_deleted(settings):
    Channel.objects.create(channel_id="C1", hook_url="https://hooks.slack.com/services/T/B/X", enabled=False)
    settings.ENCRYPTION_KEYS = ["c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I="]
    assert outbox.set_enabled(["C1"], True, SOON) == 1
    outbox.select([], SOON)
    assert not Channel.objects.defer("hook_url").get().enabled
    assert outbox.remove_channels(["C1"], SOON) == 1
