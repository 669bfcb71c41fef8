"""What becomes of messages that Slack did not take, may have taken, or has lost again."""

from datetime import UTC, datetime

import pytest

from monitors import recording
from monitors.models import Incident
from monitors.tests.builders import INTERVAL, NOW, SECOND, see, server
from notifications import outbox
from notifications.models import ENDING, Channel, Delivery, State, StormRule
from notifications.outbox import settling
from notifications.tests import waves
from notifications.tests.standin import Fault, Kind
from notifications.tests.test_sending import channel, clock, run, slack, states, texts
from notifications.transports.slack import Account, post_message
from notifications.transports.slack.blocks import Message

__all__ = ["channel", "clock", "slack"]  # fixtures
pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
POST = "chat.postMessage"


def test_a_message_of_the_same_number_by_another_monitor_is_not_taken_for_ours(slack, channel, clock):
    see(server(), "+--")
    outbox.fan_out_news(clock.now)
    number = Delivery.objects.get().pk
    account = Account(slack.token, slack.api_url)
    for mark in ("", "0" * 32):
        post_message(account, channel.pk, Message("staging-db is down", []), delivery_id=number, mark=mark)
    clock.now = datetime.now(UTC)  # so that theirs is within what is looked through
    slack.faults.set(Fault(Kind.CUT_BEFORE_RECORD, times=1, method=POST))
    run(clock, 60)
    assert states() == [("sent", "")]
    assert not Delivery.objects.get().found
    assert "is down" in texts(slack)[2]


OUTAGES = {
    "refused connections": None,
    "an error": Fault(Kind.ERROR, code="service_unavailable"),
    "a status that leaves it open": Fault(Kind.STATUS, status=503),
}


def break_slack(slack, fault):
    if fault is None:
        slack.refuse()
    else:
        slack.faults.set(fault)


def mend(slack, fault):
    if fault is None:
        slack.accept()
    slack.faults.clear()


def told(slack):
    """The servers, in the order in which the channel reads of them."""
    return [text.split()[2] for text in texts(slack)]


class TestAnOutageOfSlack:
    @pytest.fixture(autouse=True)
    def told_one_by_one(self):
        StormRule.objects.create(environment="LIVE", servers=0)

    @pytest.fixture(params=["bot", "webhook"])
    def target(self, request, slack, channel):
        """The channel that is told, by either way."""
        if request.param == "webhook":
            channel.delete()
            return Channel.objects.create(channel_id="hook", hook_url=slack.hook_url())
        return channel

    @pytest.mark.parametrize("fault", OUTAGES.values(), ids=OUTAGES)
    def test_everything_that_waited_leaves_in_order_soon_after_it(self, slack, target, clock, fault):
        break_slack(slack, fault)
        names = self.fail_one_by_one(clock)
        mend(slack, fault)
        run(clock, 10 + 5 + 2 + len(names))
        assert told(slack) == names

    def test_so_it_does_when_connections_were_cut_and_messages_can_be_looked_for(self, slack, channel, clock):
        slack.faults.set(Fault(Kind.CUT_BEFORE_RECORD))
        names = self.fail_one_by_one(clock)
        slack.faults.clear()
        run(clock, 10 + 5 + 2 + len(names))
        assert told(slack) == names

    def fail_one_by_one(self, clock):
        names = [f"srv-{number}" for number in range(6)]
        for name in names:
            see(server(host_name=name), "+--")
            run(clock, 33)
        return names

    def test_it_costs_few_messages_their_certainty(self, slack, channel, clock):
        slack.faults.set(Fault(Kind.STATUS, status=503))
        for _ in range(6):
            see(server(), "+--")
        run(clock, 250)
        assert [state for state, _ in states()] == ["uncertain"] + ["pending"] * 5

    def test_what_may_be_the_trouble_of_one_message_holds_the_others_for_minutes_at_most(self, slack, target, clock):
        slack.faults.set(Fault(Kind.STATUS, status=503))
        see(server(), "+--")
        see(server(), "+--")
        run(clock, 250)
        assert Delivery.objects.latest("id").attempts == 0
        run(clock, 80)
        assert Delivery.objects.latest("id").attempts > 0

    def test_messages_arrive_although_nobody_can_look_for_one(self, slack, channel, clock):
        slack.faults.set(Fault(Kind.CUT_BEFORE_RECORD, times=1, method=POST))
        slack.faults.set(Fault(Kind.STATUS, status=503, method="conversations.history"))
        see(server(), "+--")
        run(clock, int(settling.HOLDS_FOR.total_seconds()) + 10)
        for _ in range(3):
            see(server(), "+--")
        run(clock, 15)
        assert [state for state, _ in states()] == ["uncertain", "sent", "sent", "sent"]

    def test_a_refusal_that_nobody_knows_holds_up_no_other_message(self, slack, channel, clock):
        slack.faults.set(Fault(Kind.ERROR, code="brand_new_code", times=2, method=POST))
        see(server(host_name="first"), "+--")
        run(clock, 2)
        see(server(host_name="second"), "+--")
        run(clock, 10)
        assert told(slack) == ["second", "first"]


class TestTheLimitOfLooking:
    def test_it_holds_every_look_back_and_no_message(self, slack, channel, clock):
        other = slack.workspace.add_channel("other")
        Channel.objects.create(channel_id=other.id)
        slack.faults.set(Fault(Kind.CUT_BEFORE_RECORD, times=6, method=POST))
        slack.faults.set(Fault(Kind.RATE_LIMITED, seconds=30, method="conversations.history"))
        for _ in range(3):
            see(server(), "+--")
            run(clock, 1)
        run(clock, 27)
        assert sum(entry.method == "conversations.history" for entry in slack.ledger.entries()) == 1
        see(server(), "+--")
        run(clock, 2)
        assert states()[-2:] == [("sent", ""), ("sent", "")]
        slack.faults.clear()
        run(clock, 60)
        assert {state for state, _ in states()} == {"sent"}
        assert len(texts(slack)) == len(states())

    def test_looks_in_threads_have_a_limit_of_their_own(self, slack, channel, clock):
        target = server()
        see(target, "+--")
        run(clock, 3)
        slack.faults.set(Fault(Kind.CUT_BEFORE_RECORD, times=2, method=POST))
        slack.faults.set(Fault(Kind.RATE_LIMITED, seconds=300, times=1, method="conversations.history"))
        see(server(), "+--")
        run(clock, 3)
        see(target, "++", NOW + 10 * INTERVAL)
        clock.now = NOW + 12 * INTERVAL
        run(clock, 60)
        recovery = Delivery.objects.get(kind__in=ENDING)
        assert recovery.state == State.SENT


class TestAMessageThatIsGone:
    def forget(self, slack):
        slack.workspace.channels[slack.channel].messages.clear()

    def test_that_of_a_storm_is_posted_anew_when_more_join(self, slack, channel, clock):
        waves.fail(6, clock.now)
        run(clock, 3)
        seconds = Delivery.objects.get(kind="storm").seconds
        self.forget(slack)
        waves.fail(30, clock.now)
        run(clock, 10)
        (message,) = slack.workspace.channels[channel.pk].messages
        assert "36 of 36" in message["text"]
        waves.fail(1, clock.now)
        run(clock, 10)
        (message,) = slack.workspace.channels[channel.pk].messages
        assert "37 of 37" in message["text"], "and edited as before"
        row = Delivery.objects.get(kind="storm")
        assert (row.state, row.remote_id, row.seconds) == ("sent", message["ts"], seconds)

    def test_an_older_message_of_the_storm_is_not_taken_for_the_new_one(self, slack, channel, clock):
        """Too old to be edited, and the answer to the new one is lost."""
        waves.fail(6, clock.now)
        run(clock, 3)
        slack.faults.set(Fault(Kind.ERROR, code="edit_window_closed", times=1, method="chat.update"))
        slack.faults.set(Fault(Kind.CUT_BEFORE_RECORD, times=1, method=POST))
        clock.now = datetime.now(UTC) + 3600 * SECOND
        waves.fail(30, clock.now)
        run(clock, 60)
        assert "36 of 36" in slack.workspace.channels[channel.pk].messages[-1]["text"]

    def test_where_no_message_can_be_edited_it_is_no_flood(self, slack, channel, clock):
        slack.faults.set(Fault(Kind.ERROR, code="message_not_found", method="chat.update"))
        down = waves.fail(6, clock.now)
        for _ in range(10):
            run(clock, 5)
            down += waves.fail(1, clock.now)
        waves.look(down, clock.now + SECOND, ok=True)
        run(clock, 30)
        assert len(texts(slack)) == 2 + settling.MOST_ANEW
        assert "up again" in texts(slack)[-1]

    def test_that_of_a_storm_which_is_over_stays_gone(self, slack, channel, clock):
        down = waves.fail(6, clock.now)
        run(clock, 5)
        self.forget(slack)
        waves.look(down, clock.now + SECOND, ok=True)
        run(clock, 20)
        assert len(texts(slack)) == 2

    def test_that_of_a_failure_stays_gone_and_its_end_is_told_by_itself(self, slack, channel, clock):
        """Whoever deletes it knows of it; an acknowledgement is no news."""
        target = server()
        see(target, "+--")
        run(clock, 3)
        self.forget(slack)
        assert recording.acknowledge(Incident.objects.get().pk, actor="kim", now=clock.now)
        run(clock, 5)
        assert len(texts(slack)) == 1
        see(target, "++", NOW + 10 * INTERVAL)
        clock.now = NOW + 12 * INTERVAL
        run(clock, 5)
        failure, recovery = slack.ledger.posted()
        assert failure.ts
        assert recovery.thread_ts == ""
        assert states() == [("sent", ""), ("sent", "")]
