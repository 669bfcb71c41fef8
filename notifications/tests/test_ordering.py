"""News that belong together reach a channel in the order in which they happened, whatever becomes of one of them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitors.tests.builders import INTERVAL, SECOND, see, server
from notifications import outbox
from notifications.models import Channel, Delivery, Guarantee
from notifications.outbox import claiming
from notifications.tests.standin import Fault, Kind
from notifications.tests.test_sending import LEASE, channel, clock, run, slack, states, texts
from notifications.tests.waves import fail, look

__all__ = ["channel", "clock", "slack"]  # fixtures
pytestmark = pytest.mark.django_db


@pytest.fixture
def hook(slack):
    return Channel.objects.create(channel_id="hook", hook_url=slack.hook_url("T/B/1"))


def fickle(**columns):
    """A server of which one probe makes news."""
    return server(host_name="fickle", healthy_threshold=1, unhealthy_threshold=1, **columns)


def told(slack, name="fickle"):
    """What a channel was told of a server, as letters: down, up, late."""
    about = [text for text in texts(slack) if name in text]
    return "".join("L" if "Told late" in text else "u" if "up again" in text else "d" for text in about)


NOT_TAKEN = {  # how Slack does not take a recovery at first
    "503, so it is looked for": Fault(Kind.STATUS, status=503, times=1, method="chat.postMessage"),
    "taken, and cut": Fault(Kind.RECORD_THEN_CUT, times=1, method="chat.postMessage"),
    "not now": Fault(Kind.ERROR, code="service_unavailable", times=4, method="chat.postMessage"),
    "the webhook does not answer": Fault(Kind.CUT_BEFORE_RECORD, times=4, method="webhook"),
}


@pytest.mark.parametrize("fault", NOT_TAKEN.values(), ids=NOT_TAKEN)
def test_the_last_word_about_a_server_is_the_latest(slack, clock, fault):
    by_webhook = fault.method == "webhook"
    Channel.objects.create(channel_id=slack.channel, hook_url=slack.hook_url("T/B/1") if by_webhook else None)
    target, began = fickle(), clock.now
    see(target, "+-", began)
    run(clock, 3)
    slack.faults.set(fault)
    see(target, "+", began + 2 * INTERVAL)
    run(clock, 3)
    see(target, "-", began + 3 * INTERVAL)
    run(clock, 120)
    assert told(slack) == "dud"
    assert {state for state, _ in states()} == {"sent"}


def test_a_recovery_that_slack_refuses_for_good_holds_nothing_back(slack, channel, clock):
    target, began = fickle(), clock.now
    see(target, "+-", began)
    run(clock, 3)
    slack.faults.set(Fault(Kind.ERROR, code="not_in_channel", times=1, method="chat.postMessage"))
    see(target, "+-", began + 2 * INTERVAL)
    run(clock, 3)
    assert told(slack) == "dd"


def test_what_fails_next_waits_for_the_end_of_the_storm(slack, channel, clock):
    servers = fail(6, clock.now)
    run(clock, 3)
    slack.faults.set(Fault(Kind.STATUS, status=503, times=1, method="chat.postMessage"))
    clock.now += 40 * SECOND
    look(servers, clock.now, ok=True)
    run(clock, 3)
    elsewhere = fickle(environment="DEV")
    look([elsewhere, servers[0]], clock.now, ok=False)
    run(clock, 3)
    look(servers[1:], clock.now, ok=False)
    run(clock, 60)
    words = [next(word for word in ("fickle", "6 of 6", "again", "5 of") if word in text) for text in texts(slack)[:3]]
    assert words == ["6 of 6", "fickle", "again"]
    assert all("is down" in text or "down since" in text for text in texts(slack)[3:])


def test_the_beginning_of_a_storm_waits_for_no_single_message(slack, channel, clock):
    slack.faults.set(Fault(Kind.STATUS, status=503, times=1, method="chat.postMessage"))
    fail(1, clock.now)
    run(clock, 1)
    assert states() == [("uncertain", "")]
    fail(6, clock.now)
    run(clock, 2)
    assert "down since" in texts(slack)[0]


def test_what_holds_others_back_is_tried_again_within_a_minute(slack, hook, clock):
    """However often its answer was lost: what cannot be looked for is tried ever more seldom otherwise."""
    target, began = fickle(), clock.now
    see(target, "+-", began)
    run(clock, 3)
    slack.faults.set(Fault(Kind.CUT_BEFORE_RECORD, method="webhook"))
    see(target, "+", began + 2 * INTERVAL)
    run(clock, 1)
    Delivery.objects.filter(state="uncertain").update(next_attempt_at=clock.now + 3000 * SECOND)
    slack.faults.clear()
    run(clock, 70)
    assert told(slack) == "d", "nobody waits for it"
    see(target, "-", clock.now)
    run(clock, 3)
    assert told(slack) == "dud"


OUTAGES = {
    "503": Fault(Kind.STATUS, status=503),
    "cut": Fault(Kind.CUT_BEFORE_RECORD),
    "service_unavailable": Fault(Kind.ERROR, code="service_unavailable"),
}


@pytest.mark.parametrize("by_webhook", [True, False], ids=["webhook", "bot that may not look"])
@pytest.mark.parametrize("fault", OUTAGES.values(), ids=OUTAGES)
def test_what_failed_and_recovered_in_an_outage_is_one_message_even_where_none_can_be_looked_for(
    slack, clock, fault, by_webhook
):
    url = slack.hook_url("T/B/1") if by_webhook else None
    Channel.objects.create(channel_id=slack.channel, hook_url=url, guarantee=Guarantee.AT_LEAST_ONCE)
    slack.faults.set(fault)
    target = fickle()
    see(target, "+-", clock.now)
    run(clock, 20)
    see(target, "+", clock.now)
    run(clock, 20)
    slack.faults.clear()
    run(clock, 90)
    assert told(slack) == "L"
    assert states() == [("skipped", "absorbed"), ("sent", "")]
    assert ("possible repeat" in texts(slack)[0]) is (fault.kind is not Kind.ERROR)


def test_a_failure_that_may_be_there_is_told_again_with_its_recovery_as_a_repeat(slack, hook, clock):
    slack.faults.set(Fault(Kind.RECORD_THEN_CUT, times=1))
    target = fickle()
    see(target, "+-", clock.now)
    run(clock, 1)
    see(target, "+", clock.now + 2 * INTERVAL)
    run(clock, 5)
    assert told(slack) == "dL"
    assert "possible repeat" in texts(slack)[1]


def test_a_killed_sender_s_failure_is_told_with_its_recovery(slack, hook, clock):
    target = fickle()
    see(target, "+-", clock.now)
    outbox.fan_out_news(clock.now)
    assert claiming.claim(hook.pk, clock.now)
    see(target, "+", clock.now + 2 * INTERVAL)
    clock.now += LEASE
    run(clock, 3)
    assert told(slack) == "L"
    assert "possible repeat" in texts(slack)[0]


def test_a_storm_that_came_and_went_in_an_outage_is_one_message_at_a_webhook(slack, hook, clock):
    slack.faults.set(Fault(Kind.STATUS, status=503))
    servers = fail(6, clock.now)
    run(clock, 10)
    look(servers, clock.now, ok=True)
    run(clock, 10)
    slack.faults.clear()
    run(clock, 90)
    (end,) = texts(slack)
    assert "up again" in end
    assert "possible repeat" in end


def statements(channel, now):
    with CaptureQueriesContext(connection) as captured:
        assert claiming.claim(channel.pk, now)
    return len(captured)


def test_a_claim_asks_the_same_however_much_waits(channel, clock):
    counted = []
    for count in (2, 30):
        Delivery.objects.all().delete()
        clock.now += SECOND
        for _ in range(count):
            see(server(), "+--", clock.now - 2 * INTERVAL)
        outbox.fan_out_news(clock.now)
        Delivery.objects.filter(kind="storm").update(state="failed", reason="test")
        Delivery.objects.filter(kind="failure").update(state="pending", reason="", storm=None)
        counted.append(statements(channel, clock.now))
    assert counted[0] == counted[1]
