"""A message that no longer says the truth stays so to our knowledge until Slack has taken the edit."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitors.models import Incident
from monitors.tests.builders import INTERVAL, NOW, SECOND, see
from notifications import outbox
from notifications.models import Channel, Delivery
from notifications.outbox import claiming
from notifications.tests import waves
from notifications.tests.standin import Fault, Kind
from notifications.tests.test_editing import acknowledge, edits, fail, recover, shown
from notifications.tests.test_sending import LEASE, channel, clock, run, slack, texts
from notifications.transports.slack import workspace

__all__ = ["channel", "clock", "slack"]  # fixtures
pytestmark = pytest.mark.django_db
UPDATE = "chat.update"

TROUBLE = {
    "a server error": Fault(Kind.STATUS, status=503, method=UPDATE),
    "a lost connection": Fault(Kind.CUT_BEFORE_RECORD, method=UPDATE),
    "a limit": Fault(Kind.RATE_LIMITED, seconds=30, method=UPDATE),
    "an error that passes": Fault(Kind.ERROR, code="service_unavailable", method=UPDATE),
    "an error that nobody knows": Fault(Kind.ERROR, code="brand_new_code", method=UPDATE),
    "an error of Slack's own": Fault(Kind.ERROR, code="internal_error", method=UPDATE),
    "an archived channel": Fault(Kind.ERROR, code="is_archived", method=UPDATE),
    "a dead token": Fault(Kind.ERROR, code="token_revoked", method=UPDATE),
}
trouble = pytest.mark.parametrize("fault", TROUBLE.values(), ids=TROUBLE)


def told_and_over(slack, clock, fault):
    """The failure is told; of its end Slack takes neither the edit nor, at first, the message."""
    target = fail(clock)
    slack.faults.set(fault)
    recover(target, clock)
    run(clock, 5)
    assert "is down" in shown(slack)


@trouble
def test_slack_s_trouble_is_outlasted(slack, channel, clock, fault):
    told_and_over(slack, clock, fault)
    slack.faults.clear()
    clock.now += timedelta(minutes=5)
    run(clock, 3)
    assert "was down for" in shown(slack)


@trouble
def test_a_channel_that_was_off_meanwhile_is_brought_up_to_date_at_once(slack, channel, clock, fault):
    told_and_over(slack, clock, fault)
    outbox.set_enabled([channel.pk], False, clock.now)
    run(clock, 10)
    slack.faults.clear()
    before = len(slack.ledger.entries())
    run(clock, 10)
    assert len(slack.ledger.entries()) == before, "nothing is asked of Slack for a channel that is off"
    assert outbox.due_channels(clock.now) == []
    outbox.set_enabled([channel.pk], True, clock.now)
    run(clock, 3)
    assert "was down for" in shown(slack)


@trouble
def test_an_edit_that_slack_did_not_take_does_not_count_as_written(slack, channel, clock, fault):
    fail(clock)
    written = Delivery.objects.get().edited_at
    slack.faults.set(fault)
    acknowledge(clock)
    run(clock, 5)
    row = Delivery.objects.get()
    assert row.edited_at == written
    assert row.edit_due_at is not None
    assert row.error


def test_a_message_that_slack_did_not_take_counts_as_written_by_nobody(slack, channel, clock):
    slack.faults.set(Fault(Kind.ERROR, code="service_unavailable"))
    fail(clock)
    assert Delivery.objects.get().edited_at is None


def test_what_the_mended_token_may_do_again_is_done(slack, channel, clock):
    """The end is refused too, so the channel is known to be cut off: nothing is tried there before it is mended."""
    workspace.watch(clock)
    target = fail(clock)
    slack.faults.set(Fault(Kind.ERROR, code="token_revoked"))
    acknowledge(clock)
    recover(target, clock)
    run(clock, 5)
    asked = len(edits(slack))
    run(clock, 60)
    assert len(edits(slack)) == asked
    slack.faults.clear()
    for _ in range(3):
        clock.now += timedelta(minutes=2)
        workspace.watch(clock)
        run(clock, 3)
    assert Channel.objects.get().lacks == ""
    assert "was down for" in shown(slack)


def test_a_sender_that_is_killed_while_it_edits_is_followed_by_another(slack, channel, clock):
    target = fail(clock)
    recover(target, clock)
    outbox.fan_out_news(clock.now)
    assert outbox.deliver(channel.pk, clock)  # the end, and the edit with it
    Delivery.objects.filter(kind="failure").update(edit_due_at=clock.now)
    slack.workspace.channels[channel.pk].messages[0]["text"] = "is down"
    clock.now += SECOND
    attempt = claiming.claim(channel.pk, clock.now)
    assert attempt
    assert attempt.purpose is claiming.Purpose.EDIT
    run(clock, int(LEASE.total_seconds()) + 3)
    assert "was down for" in shown(slack)


def test_an_edit_asked_for_during_another_that_fails_is_one_edit(slack, channel, clock):
    fail(clock)
    acknowledge(clock)
    clock.now += 2 * SECOND
    outbox.show_acknowledged(clock.now)
    slack.faults.set(Fault(Kind.STATUS, status=503, times=1, method=UPDATE))
    run(clock, 1)
    see(Incident.objects.get().server, "++", NOW + 10 * INTERVAL)
    clock.now = max(clock.now, NOW + 12 * INTERVAL)
    run(clock, 30)
    assert "was down for" in shown(slack)
    assert len(edits(slack)) == 2


@trouble
def test_the_message_of_a_storm_says_in_the_end_what_is_so(slack, channel, clock, fault):
    down = waves.fail(6, clock.now)
    run(clock, 4)
    slack.faults.set(fault)
    waves.look(down, clock.now, ok=True)
    run(clock, 5)
    outbox.set_enabled([channel.pk], False, clock.now)
    run(clock, 3)
    slack.faults.clear()
    outbox.set_enabled([channel.pk], True, clock.now)
    run(clock, 10)
    assert "6 of 6 down" not in shown(slack)
    assert len(texts(slack)) == 2


def test_what_was_told_long_ago_stays_as_it_is_in_a_channel_that_listens_again(slack, channel, clock):
    target = fail(clock)
    outbox.set_enabled([channel.pk], False, clock.now)
    recover(target, clock)
    run(clock, 2)
    clock.now += timedelta(days=8)
    outbox.set_enabled([channel.pk], True, clock.now)
    run(clock, 5)
    assert edits(slack) == []
