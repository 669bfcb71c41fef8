from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from monitors import recording
from monitors.tests.builders import INTERVAL, NOW, SECOND, see, server
from notifications import outbox
from notifications.models import Channel, Delivery, Guarantee, State
from notifications.outbox import claiming, settling
from notifications.tests.standin import Fault, Kind, Standin
from notifications.transports.slack import Lookup, Reply, Verdict

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
SOON = NOW + 60 * SECOND
LEASE = claiming.SETTLED_WITHIN + 10 * SECOND


@pytest.fixture
def slack(settings):
    with Standin() as standin:
        settings.SLACK_BOT_TOKEN, settings.SLACK_API_URL = standin.token, standin.api_url
        yield standin


@pytest.fixture
def channel(slack):
    return Channel.objects.create(channel_id=slack.channel, name="alerts")


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now=SOON):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def run(clock, seconds=1):
    """What the ticks of so many seconds do."""
    for _ in range(seconds):
        outbox.fan_out_news(clock.now)
        outbox.show_acknowledged(clock.now)
        for channel_id in outbox.due_channels(clock.now):
            outbox.deliver(channel_id, clock)
        clock.now += SECOND


def texts(slack):
    return [entry.text for entry in slack.ledger.posted()]


def states():
    return [(row.state, row.reason) for row in Delivery.objects.order_by("id")]


def test_a_failure_and_its_recovery_arrive_once_each_and_in_order(slack, channel, clock):
    target = server(host_name="chat-3")
    see(target, "+--")
    run(clock, 3)
    see(target, "++", NOW + 10 * INTERVAL)
    clock.now = NOW + 12 * INTERVAL
    run(clock, 3)
    failure, recovery = texts(slack)
    assert "LIVE" in failure
    assert "chat-3" in failure
    assert "chat-3" in recovery
    row = Delivery.objects.earliest("id")
    assert (row.state, row.attempts, row.error) == ("sent", 1, "")
    assert row.remote_id
    assert row.seconds == pytest.approx((SOON - NOW - INTERVAL * 2).total_seconds(), abs=0.01)


def test_one_message_a_second_and_channel(slack, channel, clock):
    for _ in range(3):
        see(server(), "+--")
    outbox.fan_out_news(clock.now)
    assert outbox.deliver(channel.pk, clock) is not None
    assert outbox.deliver(channel.pk, clock) is None
    assert outbox.due_channels(clock.now) == []
    clock.now += SECOND
    assert outbox.deliver(channel.pk, clock) is not None


RETRIED = {
    "429 with Retry-After": (Fault(Kind.RATE_LIMITED, seconds=7, times=1), 7, State.PENDING),
    "service_unavailable": (Fault(Kind.ERROR, code="service_unavailable", times=1), 1, State.PENDING),
    "a code that we do not know": (Fault(Kind.ERROR, code="brand_new_code", times=1), 1, State.PENDING),
    "503, so Slack may have it": (Fault(Kind.STATUS, status=503, times=1), 1, State.UNCERTAIN),
    "the connection was cut after the request": (Fault(Kind.CUT_BEFORE_RECORD, times=1), 1, State.UNCERTAIN),
}


@pytest.mark.parametrize(("fault", "seconds", "state"), RETRIED.values(), ids=RETRIED)
def test_what_passes_is_tried_again_from_its_columns(slack, channel, clock, fault, seconds, state):
    slack.faults.set(fault)
    see(server(), "+--")
    run(clock)
    row = Delivery.objects.get()
    assert (row.state, row.next_attempt_at) == (state, SOON + seconds * SECOND)
    assert texts(slack) == []
    run(clock, 30)
    assert states() == [("sent", "")]
    assert len(texts(slack)) == 1


def test_while_slack_refuses_connections_everything_waits_and_then_leaves(slack, channel, clock):
    slack.refuse()
    target = server()
    see(target, "+--")
    run(clock, 5)
    assert states() == [("pending", "")]
    slack.accept()
    run(clock, 60)
    assert states() == [("sent", "")]


REFUSED = ["channel_not_found", "is_archived", "not_in_channel", "invalid_auth", "restricted_action"]


@pytest.mark.parametrize("code", REFUSED)
def test_seed_defect_5_a_refusal_settles_with_its_reason_and_stops_no_other_channel(slack, channel, clock, code):
    other = slack.workspace.add_channel("other")
    Channel.objects.create(channel_id=other.id)
    slack.faults.set(Fault(Kind.ERROR, code=code, channel=channel.pk))
    see(server(), "+--")
    run(clock, 2)
    assert states() == [("failed", code), ("sent", "")]


def test_seed_defect_3_a_slack_error_does_not_lose_the_alert(slack, channel, clock):
    slack.faults.set(Fault(Kind.STATUS, status=500, times=3))
    see(server(), "+--")
    run(clock, 30)
    assert states() == [("sent", "")]


def test_seed_defect_4_a_slack_error_drops_no_results_of_other_servers(slack, channel, clock):
    slack.faults.set(Fault(Kind.ERROR, code="invalid_auth"))
    first, second = server(), server()
    see(first, "+--")
    run(clock)
    see(second, "+--")
    assert second.incidents.exists()


def test_a_code_that_we_do_not_know_is_given_up_in_the_end(slack, channel, clock):
    slack.faults.set(Fault(Kind.ERROR, code="brand_new_code"))
    see(server(), "+--")
    run(clock, 60)
    assert states() == [("failed", "brand_new_code")]
    assert Delivery.objects.get().attempts == settling.UNKNOWN_CODE_ATTEMPTS


def test_without_a_token_the_delivery_says_so(channel, clock, settings):
    settings.SLACK_BOT_TOKEN = ""
    see(server(), "+--")
    run(clock)
    assert states() == [("failed", "not_authed")]


def test_a_recovery_does_not_overtake_its_failure_and_other_servers_do(slack, channel, clock):
    stuck, other = server(host_name="stuck"), server(host_name="other")
    see(stuck, "+--")
    slack.faults.set(Fault(Kind.STATUS, status=500, times=1))
    run(clock)
    Delivery.objects.update(next_attempt_at=clock.now + 30 * SECOND)
    see(stuck, "++", NOW + 5 * INTERVAL)
    see(other, "+--", NOW)
    run(clock, 40)
    first, second = texts(slack)
    assert "other" in first
    assert "stuck is up again" in second


def test_a_channel_whose_answer_is_awaited_takes_no_second_thread_and_delays_no_other(channel, clock):
    Channel.objects.create(channel_id="C2")
    see(server(), "+--")
    see(server(), "+--")
    outbox.fan_out_news(clock.now)
    assert outbox.due_channels(clock.now) == [channel.pk, "C2"]
    claiming.claim(channel.pk, clock.now)
    clock.now += 5 * SECOND
    assert outbox.due_channels(clock.now) == ["C2"]
    assert claiming.claim(channel.pk, clock.now) is None


def test_a_slack_that_hangs_does_not_take_every_thread(clock):
    for number in range(40):
        Channel.objects.create(channel_id=f"C{number}")
    see(server(), "+--")
    outbox.fan_out_news(clock.now)
    for channel_id in outbox.due_channels(clock.now):
        claiming.claim(channel_id, clock.now)
    clock.now += 5 * SECOND
    assert outbox.due_channels(clock.now) == []
    assert Delivery.objects.filter(state="sending").count() == claiming.MOST_AT_ONCE


def test_channels_that_hang_leave_places_to_the_others(clock):
    for number in range(40):
        Channel.objects.create(channel_id=f"C{number}")
    see(server(), "+--")
    outbox.fan_out_news(clock.now)
    sound = {"C7", "C39"}
    Delivery.objects.exclude(channel__in=sound).update(attempts=1, state=State.UNCERTAIN)
    for _ in range(2):
        clock.now += SECOND
        for channel_id in set(outbox.due_channels(clock.now)) - sound:
            claiming.claim(channel_id, clock.now)
    assert set(outbox.due_channels(clock.now)) == sound
    assert Delivery.objects.filter(lease_until__gt=clock.now).count() == claiming.MOST_IN_TROUBLE


def test_whoever_lost_its_lease_settles_nothing(channel, clock):
    see(server(), "+--")
    outbox.fan_out_news(clock.now)
    slow = claiming.claim(channel.pk, clock.now)
    clock.now += LEASE + SECOND
    fast = claiming.claim(channel.pk, clock.now)
    assert slow
    assert fast
    assert not settling.settle(slow, Reply(Verdict.GIVE_UP, "is_archived"), clock.now)
    assert settling.settle_look(fast, Lookup("1.0"), clock.now)
    assert states() == [("sent", "")]


def test_what_is_no_longer_worth_telling_is_settled_with_its_reason(channel, clock):
    deleted, silenced = server(), server()
    see(deleted, "+--")
    see(silenced, "+--")
    outbox.fan_out_news(clock.now)
    recording.delete([deleted.pk], actor="kim", now=clock.now)
    recording.set_notification([silenced.pk], False, actor="kim", now=clock.now)
    outbox.fan_out_news(clock.now)
    assert claiming.claim(channel.pk, clock.now) is None
    assert states() == [("skipped", "server_deleted"), ("skipped", "notification_off"), ("skipped", "server_deleted")]


def test_a_disabled_channel_settles_what_was_waiting_for_it(slack, channel, clock):
    see(server(), "+--")
    outbox.fan_out_news(clock.now)
    outbox.set_enabled([channel.pk], False, clock.now)
    run(clock)
    assert states() == [("skipped", "channel_disabled")]
    assert texts(slack) == []


def test_a_webhook_channel_is_posted_to_by_its_url(slack, clock, settings):
    settings.SLACK_BOT_TOKEN = ""
    Channel.objects.create(channel_id="hook-1", hook_url=slack.hook_url("T1/B1/secret"))
    see(server(), "+--")
    run(clock)
    assert [entry.channel for entry in slack.ledger.posted()] == ["T1/B1/secret"]
    assert states() == [("sent", "")]


def test_a_webhook_url_is_not_readable_in_the_database():
    Channel.objects.create(channel_id="hook-1", hook_url="https://hooks.slack.com/services/T1/B1/canary")
    with connection.cursor() as cursor:
        cursor.execute("SELECT hook_url FROM notifications")
        assert "canary" not in cursor.fetchone()[0]
    assert "canary" in Channel.objects.get().hook_url


def test_a_test_message_reaches_even_a_disabled_channel(slack, channel, clock):
    outbox.set_enabled([channel.pk], False, clock.now)
    outbox.request_test(channel.pk, clock.now)
    reply = outbox.deliver(channel.pk, clock)
    assert reply
    assert reply.verdict is Verdict.SENT
    assert len(texts(slack)) == 1


def test_a_failed_delivery_can_be_sent_again(slack, channel, clock):
    slack.faults.set(Fault(Kind.ERROR, code="is_archived", times=1))
    see(server(), "+--")
    run(clock)
    failed = Delivery.objects.get()
    outbox.resend(failed.pk, clock.now)
    run(clock, 2)
    assert states() == [("sent", "")]
    with pytest.raises(outbox.NotResentError, match="arrived"):
        outbox.resend(failed.pk, clock.now)


def test_an_expired_notice_says_how_many(slack, channel, clock):
    for _ in range(3):
        see(server(), "+--++")
    clock.now = NOW + timedelta(hours=2)
    run(clock, 2)
    assert len(texts(slack)) == 1
    assert "6" in texts(slack)[0]


def test_a_secret_that_no_key_can_read_settles_as_such(slack, channel, clock):
    Channel.objects.create(channel_id="hook", hook_url=slack.hook_url())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE notifications SET hook_url = 'not encrypted' WHERE channel_id = 'hook'")
    see(server(), "+--")
    run(clock, 2)
    assert sorted(states()) == [("failed", "unreadable_secret"), ("sent", "")]


def test_a_message_that_cannot_be_written_holds_up_no_other(slack, channel, clock):
    see(server(), "+--")
    outbox.fan_out_news(clock.now)
    Delivery.objects.update(incident_id=None, transition=None, kind="ongoing", attempts=1)
    see(server(), "+--")
    run(clock, 3)
    assert states() == [("failed", "unwritable"), ("sent", "")]


def test_an_answer_that_says_nothing_is_not_asked_for_more_than_some_dozen_times_a_day(slack, channel, clock):
    Channel.objects.update(guarantee=Guarantee.AT_LEAST_ONCE)  # no message can be looked for
    slack.faults.set(Fault(Kind.CUT_BEFORE_RECORD))
    see(server(), "+--")
    end = clock.now + timedelta(days=2)
    while clock.now < end:
        run(clock)
        waiting = Delivery.objects.filter(state__in=("pending", "uncertain")).values_list("next_attempt_at", flat=True)
        if not waiting:
            break
        clock.now = max(clock.now, waiting[0])
    assert states() == [("failed", "connection_lost")]
    assert 24 < Delivery.objects.get().attempts < 48


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_when_slack_has_answered_doubles_nothing(slack, channel, clock):
    see(server(), "+--")
    outbox.fan_out_news(clock.now)
    refusals = [OperationalError(1213, "deadlock"), OperationalError(1213, "deadlock")]

    def deadlocked(execute, sql, params, many, context):
        if refusals and "sent_at" in sql and sql.startswith("UPDATE"):
            raise refusals.pop()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(deadlocked):
        outbox.deliver(channel.pk, clock)
    run(clock, 40)
    assert states() == [("sent", "")]
    assert len(texts(slack)) == 1


def test_a_clock_that_was_set_back_does_not_hold_messages_back(slack, channel, clock):
    Channel.objects.update(next_send_at=clock.now + timedelta(hours=9))
    see(server(), "+--")
    outbox.fan_out_news(clock.now)
    Delivery.objects.update(next_attempt_at=clock.now + timedelta(hours=9))
    run(clock)
    assert states() == [("sent", "")]


def test_what_a_new_channel_is_told_is_skipped_when_the_server_is_gone_by_then(slack, channel, clock):
    target = server()
    see(target, "+--")
    outbox.set_enabled([channel.pk], False, clock.now)
    outbox.fan_out_news(clock.now)
    outbox.set_enabled([channel.pk], True, clock.now)
    recording.delete([target.pk], actor="kim", now=clock.now)
    run(clock, 3)
    assert set(states()) == {("skipped", "no_channel"), ("skipped", "server_deleted")}
