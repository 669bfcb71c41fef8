"""After a lost answer the message is looked for in Slack before it is sent again."""

import time

import pytest

from monitors.tests.builders import INTERVAL, NOW, SECOND, see, server
from notifications import outbox
from notifications.models import Channel, Delivery, Guarantee
from notifications.outbox import claiming, sending, settling
from notifications.tests.standin import Fault, Kind
from notifications.tests.test_sending import LEASE, channel, clock, run, slack, states, texts
from notifications.transports.slack import Reply, Verdict

__all__ = ["channel", "clock", "slack"]  # fixtures
pytestmark = pytest.mark.django_db

LOST = {
    "posted, then cut": Fault(Kind.RECORD_THEN_CUT, times=1, method="chat.postMessage"),
    "posted, then an error": Fault(Kind.RECORD_THEN_ERROR, code="fatal_error", times=1, method="chat.postMessage"),
}
NOT_POSTED = {
    "cut": Fault(Kind.CUT_BEFORE_RECORD, times=1, method="chat.postMessage"),
    "503": Fault(Kind.STATUS, status=503, times=1, method="chat.postMessage"),
    "an error that says nothing": Fault(Kind.ERROR, code="internal_error", times=1, method="chat.postMessage"),
}


def lookups(slack):
    return [entry for entry in slack.ledger.entries() if entry.method.startswith("conversations.")]


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
def test_a_message_whose_answer_was_lost_is_found_and_not_sent_again(slack, channel, clock, fault):
    slack.faults.set(fault)
    see(server(), "+--")
    run(clock, 60)
    row = Delivery.objects.get()
    assert (row.state, row.found, row.attempts, row.possible_repeat) == ("sent", True, 1, False)
    assert row.remote_id == slack.ledger.posted()[0].ts
    assert len(texts(slack)) == 1


@pytest.mark.parametrize("fault", NOT_POSTED.values(), ids=NOT_POSTED)
def test_one_that_was_not_posted_is_sent_as_if_for_the_first_time(slack, channel, clock, fault):
    slack.faults.set(fault)
    see(server(), "+--")
    began = clock.now
    run(clock, 60)
    row = Delivery.objects.get()
    assert (row.state, row.found, row.attempts, row.possible_repeat) == ("sent", False, 2, False)
    assert "repeat" not in texts(slack)[0]
    assert row.sent_at - began >= settling.ARRIVES_WITHIN + settling.BETWEEN_LOOKS


def test_not_found_counts_only_when_the_message_has_had_time_to_arrive(slack, channel, clock):
    """Slack shows it after the first look."""
    slack.faults.set(Fault(Kind.RECORD_LATE, seconds=0.3, times=1, method="chat.postMessage"))
    see(server(), "+--")
    run(clock, 3)
    assert len(lookups(slack)) == 1
    assert states() == [("uncertain", "")]
    slack.ledger.wait_for(lambda entries: any(entry.ts for entry in entries))
    run(clock, 60)
    assert states() == [("sent", "")]
    assert len(texts(slack)) == 1


def test_a_killed_sender_s_message_is_looked_for_after_its_lease(slack, channel, clock):
    see(server(), "+--")
    outbox.fan_out_news(clock.now)
    attempt = claiming.claim(channel.pk, clock.now)
    assert attempt
    sending.tell(attempt)  # and then the process is killed
    run(clock, 5)
    assert states() == [("sending", "")]
    clock.now += LEASE
    run(clock, 2)
    assert states() == [("sent", "")]
    assert len(texts(slack)) == 1


def test_a_sender_that_is_killed_before_it_posts_delays_its_message_by_a_lease_and_two_looks(slack, channel, clock):
    see(server(), "+--")
    outbox.fan_out_news(clock.now)
    claimed = clock.now
    claiming.claim(channel.pk, claimed)
    run(clock, 60)
    row = Delivery.objects.get()
    assert (row.state, row.possible_repeat) == ("sent", False)
    assert row.sent_at - claimed <= LEASE + settling.BETWEEN_LOOKS + 2 * SECOND


def test_a_sender_that_was_stopped_does_not_send_when_it_goes_on(slack, channel, clock, monkeypatch):
    see(server(), "+--")
    outbox.fan_out_news(clock.now)
    stopped = claiming.claim(channel.pk, clock.now)
    late = time.monotonic() + claiming.STARTS_WITHIN.total_seconds() + 1
    assert stopped
    monkeypatch.setattr("time.monotonic", lambda: late)
    assert sending.tell(stopped) == Reply(Verdict.RETRY, "too_late")
    assert texts(slack) == []


def test_a_sender_whose_machine_was_suspended_does_not_send_when_it_goes_on(slack, channel, clock, monkeypatch):
    """`time.monotonic()` stands still meanwhile."""
    see(server(), "+--")
    outbox.fan_out_news(clock.now)
    suspended = claiming.claim(channel.pk, clock.now)
    late = time.time() + claiming.STARTS_WITHIN.total_seconds() + 1
    assert suspended
    monkeypatch.setattr("time.time", lambda: late)
    assert sending.tell(suspended) == Reply(Verdict.RETRY, "too_late")
    assert texts(slack) == []


def test_a_sender_whose_message_is_in_other_hands_does_not_send_whatever_its_clocks_say(slack, channel, clock):
    """Its virtual machine stood still, and its clocks with it."""
    see(server(), "+--")
    outbox.fan_out_news(clock.now)
    paused = claiming.claim(channel.pk, clock.now)
    assert paused
    run(clock, 60)
    assert sending._carry_out(paused, clock) == Reply(Verdict.RETRY, "too_late")
    assert len(texts(slack)) == 1
    assert states() == [("sent", "")]


def test_without_the_scope_it_is_sent_again_marked_and_the_channel_says_why(slack, channel, clock):
    slack.workspace.scopes -= {"channels:history", "groups:history"}
    slack.faults.set(Fault(Kind.RECORD_THEN_CUT, times=1, method="chat.postMessage"))
    see(server(), "+--")
    run(clock, 10)
    assert states() == [("sent", "")]
    first, second = texts(slack)
    assert "repeat" not in first
    assert "repeat" in second
    channel.refresh_from_db()
    assert channel.guarantee == Guarantee.AT_LEAST_ONCE
    assert channel.lacks == "missing_scope:channels:history,groups:history"


def test_slack_s_trouble_while_looking_is_waited_out(slack, channel, clock):
    slack.faults.set(Fault(Kind.RECORD_THEN_CUT, times=1, method="chat.postMessage"))
    slack.faults.set(Fault(Kind.RATE_LIMITED, seconds=20, times=1, method="conversations.history"))
    see(server(), "+--")
    run(clock, 10)
    assert states() == [("uncertain", "")]
    run(clock, 20)
    assert states() == [("sent", "")]
    assert len(texts(slack)) == 1


def test_an_end_is_posted_in_the_thread_of_its_beginning_and_looked_for_there(slack, channel, clock):
    target = server()
    see(target, "+--")
    run(clock, 3)
    slack.faults.set(Fault(Kind.RECORD_THEN_CUT, times=1, method="chat.postMessage"))
    see(target, "++", NOW + 10 * INTERVAL)
    clock.now = NOW + 12 * INTERVAL
    run(clock, 60)
    failure, recovery = slack.ledger.posted()
    assert recovery.thread_ts == failure.ts
    assert {entry.method for entry in lookups(slack)} == {"conversations.replies"}
    assert [state for state, _ in states()] == ["sent", "sent"]


def test_an_end_whose_thread_is_gone_is_posted_by_itself(slack, channel, clock):
    target = server()
    see(target, "+--")
    run(clock, 3)
    slack.workspace.channels[channel.pk].messages.clear()
    see(target, "++", NOW + 10 * INTERVAL)
    clock.now = NOW + 12 * INTERVAL
    run(clock, 10)
    assert [state for state, _ in states()] == ["sent", "sent"]
    assert slack.ledger.posted()[-1].thread_ts == ""


def test_a_failure_and_a_recovery_that_both_wait_are_told_as_one(slack, channel, clock):
    slack.refuse()
    target = server(host_name="brief")
    see(target, "+--")
    run(clock, 3)
    see(target, "++", NOW + 10 * INTERVAL)
    clock.now = NOW + 12 * INTERVAL
    run(clock, 3)
    slack.accept()
    run(clock, 90)
    assert states() == [("skipped", "absorbed"), ("sent", "")]
    assert len(texts(slack)) == 1


def test_resending_what_may_have_arrived_looks_for_it_first(slack, channel, clock):
    slack.faults.set(Fault(Kind.RECORD_THEN_CUT, times=1, method="chat.postMessage"))
    slack.faults.set(Fault(Kind.STATUS, status=503, times=1, method="conversations.history"))
    see(server(), "+--")
    run(clock, 2)
    Delivery.objects.update(next_attempt_at=clock.now + 600 * SECOND)
    outbox.resend(Delivery.objects.get().pk, clock.now)
    run(clock, 1)
    assert states() == [("sent", "")]
    assert len(texts(slack)) == 1


def test_a_recovery_waits_for_a_failure_that_is_looked_for(slack, channel, clock):
    target = server()
    slack.faults.set(Fault(Kind.RECORD_THEN_CUT, times=1, method="chat.postMessage"))
    slack.faults.set(Fault(Kind.STATUS, status=503, times=4, method="conversations.history"))
    see(target, "+--")
    run(clock, 2)
    see(target, "++", NOW + 3 * INTERVAL)
    run(clock, 60)
    failure, recovery = texts(slack)
    assert "is down" in failure
    assert "up again" in recovery
    assert [state for state, _ in states()] == ["sent", "sent"]


def test_a_failure_that_never_arrived_is_told_with_its_recovery(slack, channel, clock):
    target = server()
    slack.faults.set(Fault(Kind.CUT_BEFORE_RECORD, times=1, method="chat.postMessage"))
    see(target, "+--")
    run(clock, 2)
    see(target, "++", NOW + 3 * INTERVAL)
    run(clock, 60)
    assert states() == [("skipped", "absorbed"), ("sent", "")]
    assert len(texts(slack)) == 1


@pytest.mark.parametrize("fault", [*LOST.values(), *NOT_POSTED.values()], ids=[*LOST, *NOT_POSTED])
def test_a_test_message_is_looked_for_too(slack, channel, clock, fault):
    slack.faults.set(fault)
    _delivery, reply = outbox.send_test(channel.pk, clock)
    assert reply.verdict is Verdict.UNCERTAIN
    run(clock, 60)
    assert states() == [("sent", "")]
    (message,) = texts(slack)
    assert "repeat" not in message


def test_a_webhook_is_sent_again_marked_as_a_possible_repeat(slack, clock, settings):
    Channel.objects.create(channel_id="hook-1", hook_url=slack.hook_url())
    slack.faults.set(Fault(Kind.RECORD_THEN_CUT, times=1))
    see(server(), "+--")
    run(clock, 5)
    assert states() == [("sent", "")]
    assert ["repeat" in text for text in texts(slack)] == [False, True]
    assert lookups(slack) == []


@pytest.mark.parametrize("fault", [LOST["posted, then cut"], NOT_POSTED["cut"]], ids=["arrived", "did not arrive"])
def test_a_message_to_a_channel_that_is_switched_off_and_on_while_it_is_looked_for_is_told_once(
    slack, channel, clock, fault
):
    slack.faults.set(fault)
    see(server(), "+--")
    run(clock, 1)
    assert states() == [("uncertain", "")]
    outbox.set_enabled([channel.pk], False, clock.now)
    run(clock, 40)
    outbox.set_enabled([channel.pk], True, clock.now)
    run(clock, 40)
    assert len(texts(slack)) == 1
