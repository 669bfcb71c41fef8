"""The clock is set while messages wait, are sent or are looked for: none is lost, doubled or held for over a minute."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import Q

from monitors import recording
from monitors.models import Incident
from monitors.tests.builders import INTERVAL, SECOND, see, server
from notifications import outbox
from notifications.models import (
    OPEN_STATES,
    Channel,
    Delivery,
    SlackSocket,
    State,
    Storm,
    Workspace,
    WorkspaceChannel,
)
from notifications.outbox import claiming, sending
from notifications.tests import waves
from notifications.tests.standin import Fault, Kind
from notifications.tests.test_editing import edits, shown
from notifications.tests.test_sending import channel, clock, run, slack, states, texts
from notifications.transports.slack import DEFAULT_RETRY_AFTER, workspace
from notifications.transports.slack.socket import state

__all__ = ["channel", "clock", "slack"]  # fixtures
pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
POST = "chat.postMessage"
BACK = {"30 min": 30 * MINUTE, "1 h": HOUR, "3 h": 3 * HOUR, "1 day": DAY}
FORWARD = {"5 s": 5 * SECOND, "1 h": HOUR, "1 day": DAY}
STEPS = {
    "back by 5 s": -5 * SECOND,
    **{f"back by {name}": -step for name, step in BACK.items()},
    **{f"forward by {name}": step for name, step in FORWARD.items()},
}
set_back = pytest.mark.parametrize("back", BACK.values(), ids=BACK)
stepped = pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)


def fail(clock, **columns):
    target = server(**columns)
    see(target, "--", clock.now - 2 * INTERVAL)
    return target


def go_on(clock):
    """Until nothing waits any more, within a minute; and a little longer, for what would come twice."""
    waiting = Q(state__in=OPEN_STATES) | Q(state=State.SENT, edit_due_at__isnull=False)
    for _ in range(60):
        run(clock)
        if not Delivery.objects.filter(waiting).exists():
            break
    run(clock, 3)


def recover(target, clock):
    """By two outcomes of slots that are later than all before, as after a step the first ones are not."""
    latest = target.status.__class__.objects.get(server=target.pk).last_slot
    see(target, "++", max(clock.now, latest + INTERVAL))


@stepped
def test_what_fails_before_and_after_it_is_told_once_each(slack, channel, clock, step):
    fail(clock)
    run(clock, 3)
    clock.now += step
    fail(clock)
    go_on(clock)
    assert len(texts(slack)) == 2
    assert states() == [("sent", "")] * 2


@stepped
def test_what_waits_for_the_pace_is_told(slack, channel, clock, step):
    for _ in range(3):
        fail(clock)
    run(clock, 1)
    clock.now += step
    go_on(clock)
    assert len(texts(slack)) == 3


TROUBLE = {
    "an error that passes": Fault(Kind.ERROR, code="service_unavailable", times=8, method=POST),
    "an unknown refusal": Fault(Kind.ERROR, code="brand_new_code", times=3, method=POST),
    "a lost answer": Fault(Kind.RECORD_THEN_CUT, times=1, method=POST),
    "a lost message": Fault(Kind.CUT_BEFORE_RECORD, times=1, method=POST),
}


@stepped
@pytest.mark.parametrize("fault", TROUBLE.values(), ids=TROUBLE)
def test_what_is_tried_again_is_told_once(slack, channel, clock, step, fault):
    slack.faults.set(fault)
    fail(clock)
    run(clock, 4)
    clock.now += step
    go_on(clock)
    assert len(texts(slack)) == 1
    assert states() == [("sent", "")]
    assert not Delivery.objects.get().possible_repeat


@set_back
def test_an_hour_that_slack_asked_for_ends_with_it(slack, channel, clock, back):
    """Nobody knows how much of it is left: Slack says so again."""
    slack.faults.set(Fault(Kind.RATE_LIMITED, seconds=3600, times=1, method=POST))
    fail(clock)
    run(clock, 4)
    clock.now -= back
    go_on(clock)
    assert len(texts(slack)) == 1


@stepped
def test_what_cannot_be_looked_for_now_is_found_later(slack, channel, clock, step):
    slack.faults.set(Fault(Kind.RECORD_THEN_CUT, times=1, method=POST))
    slack.faults.set(Fault(Kind.RATE_LIMITED, seconds=20, times=1, method="conversations.history"))
    fail(clock)
    run(clock, 4)
    clock.now += step
    go_on(clock)
    assert len(texts(slack)) == 1
    assert states() == [("sent", "")]
    assert Delivery.objects.get().found


@stepped
@pytest.mark.parametrize("posted", [True, False], ids=["after it posted", "before it posted"])
def test_a_sender_that_is_killed_loses_and_doubles_nothing(slack, channel, clock, step, posted):
    fail(clock)
    outbox.fan_out_news(clock.now)
    attempt = claiming.claim(channel.pk, clock.now)
    assert attempt
    if posted:
        sending.tell(attempt)
    clock.now += step
    go_on(clock)
    assert len(texts(slack)) == 1
    assert states() == [("sent", "")]


@stepped
def test_a_sender_that_goes_on_after_its_lease_sends_nothing(slack, channel, clock, step):
    fail(clock)
    outbox.fan_out_news(clock.now)
    attempt = claiming.claim(channel.pk, clock.now)
    assert attempt
    clock.now += step
    go_on(clock)
    assert sending._carry_out(attempt, clock).code == "too_late"
    assert len(texts(slack)) == 1
    assert states() == [("sent", "")]


@set_back
def test_a_webhook_in_whose_hands_a_message_is_gets_no_second_one(slack, clock, back):
    hook = Channel.objects.create(channel_id="hook", hook_url=slack.hook_url())
    fail(clock)
    outbox.fan_out_news(clock.now)
    attempt = claiming.claim(hook.pk, clock.now)
    assert attempt
    clock.now -= back
    run(clock, 5)
    sending._carry_out(attempt, clock)
    go_on(clock)
    assert len(texts(slack)) == 1


@stepped
@pytest.mark.parametrize("wait", [0, 20], ids=["at once", "after a wait"])
def test_a_message_comes_to_say_that_it_is_over(slack, channel, clock, step, wait):
    target = fail(clock)
    run(clock, 3)
    if wait:
        slack.faults.set(Fault(Kind.RATE_LIMITED, seconds=wait, times=1, method="chat.update"))
    recover(target, clock)
    run(clock, 2)
    clock.now += step
    go_on(clock)
    assert "was down for" in shown(slack)
    assert len(texts(slack)) == 2


@set_back
def test_an_acknowledgement_of_before_it_is_shown_once(slack, channel, clock, back):
    fail(clock)
    run(clock, 3)
    recording.acknowledge(Incident.objects.get().pk, actor="kim", now=clock.now)
    run(clock, 3)
    clock.now -= back
    go_on(clock)
    assert len(edits(slack)) == 1


@set_back
def test_an_acknowledgement_of_after_it_is_shown_within_seconds(slack, channel, clock, back):
    fail(clock)
    run(clock, 3)
    clock.now -= back
    recording.acknowledge(Incident.objects.get().pk, actor="kim", now=clock.now)
    run(clock, 5)
    assert len(edits(slack)) == 1


@set_back
def test_nobody_joins_a_storm_long_after_it(slack, channel, clock, back):
    waves.fail(6, clock.now)
    run(clock, 3)
    clock.now += 10 * MINUTE - back
    fail(clock)
    run(clock, 5)
    assert len(texts(slack)) == 2
    assert Storm.objects.count() == 1


@set_back
def test_a_webhook_s_summary_of_a_storm_comes_all_the_same(slack, clock, back):
    Channel.objects.create(channel_id="hook", hook_url=slack.hook_url())
    waves.fail(5, clock.now)
    run(clock, 2)
    waves.fail(15, clock.now)
    run(clock, 2)
    clock.now -= back
    run(clock, 5)
    _beginning, summary = texts(slack)
    assert "20 of 20 down" in summary


@stepped
def test_a_storm_is_told_with_its_changes_and_its_end(slack, channel, clock, step):
    down = waves.fail(6, clock.now)
    run(clock, 4)
    down += waves.fail(2, clock.now)
    run(clock, 1)
    clock.now += step
    run(clock, 10)
    assert "8 of 8" in shown(slack)
    waves.look(down, max(clock.now, clock.now - step + MINUTE), ok=True)
    run(clock, 10)
    assert len(texts(slack)) == 2


@stepped
@pytest.mark.parametrize("late", [timedelta(0), 50 * MINUTE], ids=["at once", "in 50 min"])
def test_news_that_are_handed_over_after_it_are_told(slack, channel, clock, step, late):
    fail(clock)
    clock.now += step + late
    run(clock, 5)
    assert len(texts(slack)) == 1
    assert "is down" in texts(slack)[0] or "is still down" in texts(slack)[0]


@stepped
def test_how_long_a_message_took_is_never_less_than_nothing(slack, channel, clock, step):
    fail(clock)
    outbox.fan_out_news(clock.now)
    clock.now += step
    go_on(clock)
    seconds = Delivery.objects.get().seconds
    assert seconds is not None
    assert seconds >= 0


@set_back
def test_a_thread_and_a_test_may_be_posted_at_once(slack, channel, clock, back):
    assert claiming.take_turn(channel.pk, clock.now)
    assert not claiming.take_turn(channel.pk, clock.now)
    clock.now -= back
    assert claiming.take_turn(channel.pk, clock.now)
    clock.now -= back
    _delivery, reply = outbox.send_test(channel.pk, clock)
    assert reply.remote_id


def test_an_hour_that_slack_asks_for_is_waited_for(slack, channel, clock):
    slack.faults.set(Fault(Kind.RATE_LIMITED, seconds=3600, method=POST))
    fail(clock)
    fail(clock)
    for _ in range(10):
        run(clock)
        clock.now += 5 * MINUTE
    assert len(slack.ledger.entries()) == 1
    assert DEFAULT_RETRY_AFTER < HOUR


class TestTheWorkspace:
    @set_back
    def test_it_is_asked_about_within_seconds(self, slack, channel, clock, back):
        for _ in range(4):
            workspace.watch(clock)
            clock.now += 5 * SECOND
        before = len(slack.ledger.entries())
        clock.now -= back
        for _ in range(4):
            workspace.watch(clock)
            clock.now += 5 * SECOND
        asked = {entry.method for entry in slack.ledger.entries(before)}
        assert asked == {"auth.test", "conversations.list", "conversations.info"}
        assert Workspace.objects.get().refreshed_at <= clock.now

    @set_back
    def test_whoever_died_with_its_lease_is_followed_within_minutes(self, slack, channel, clock, back):
        workspace.watch(clock)
        Workspace.objects.update(lease_until=clock.now + 3 * MINUTE, token="dead")
        clock.now -= back
        workspace.watch(clock)
        assert Workspace.objects.get().token != "dead"

    @set_back
    def test_a_channel_that_slack_no_longer_lists_goes(self, slack, channel, clock, back):
        workspace.watch(clock)
        WorkspaceChannel.objects.create(slack_id="C9", name="gone", seen_at=clock.now)
        clock.now -= back
        for _ in range(3):
            workspace.watch(clock)
            clock.now += 5 * SECOND
        assert not WorkspaceChannel.objects.filter(pk="C9").exists()

    @set_back
    def test_a_channel_that_is_mended_is_noticed_within_minutes(self, slack, channel, clock, back):
        slack.workspace.channels[channel.pk].is_archived = True
        for _ in range(3):
            workspace.watch(clock)
            clock.now += 5 * SECOND
        assert Channel.objects.get().lacks == "is_archived"
        slack.workspace.channels[channel.pk].is_archived = False
        clock.now -= back
        for _ in range(30):
            workspace.watch(clock)
            clock.now += 5 * SECOND
        assert Channel.objects.get().lacks == ""


@set_back
def test_a_connection_for_buttons_that_died_is_not_said_to_stand(settings, clock, back):
    settings.SLACK_APP_TOKEN = "xapp-1"
    state.note(clock.now, connected_at=clock.now)
    assert state.standing(clock.now).ok
    clock.now -= back
    assert state.standing(clock.now).code == state.NOT_RUNNING
    assert SlackSocket.objects.count() == 1
