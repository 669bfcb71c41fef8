"""What was lost is looked for by Slack's own clock, whatever ours says."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from monitors.tests.builders import INTERVAL, SECOND, see, server
from notifications.models import Delivery
from notifications.tests.standin import Fault, Kind
from notifications.tests.test_sending import channel, clock, run, slack, states, texts
from notifications.transports.base import Reply, Verdict
from notifications.transports.slack import Account, Lookup, find_message, instant_of, workspace
from notifications.transports.slack.client import Answer

__all__ = ["channel", "clock", "slack"]  # fixtures
pytestmark = pytest.mark.django_db
POST = "chat.postMessage"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
OFFSETS = {
    "a day behind": -DAY,
    "10 min behind": -10 * MINUTE,
    "right": timedelta(0),
    "4 min ahead": 4 * MINUTE,
    "10 min ahead": 10 * MINUTE,
    "a year ahead": 365 * DAY,
}


def fail(clock):
    see(server(), "--", clock.now - 2 * INTERVAL)


def chat(slack, *ages):
    """Messages of other people, so many seconds ago by Slack's clock; the oldest first."""
    for age in sorted(ages, reverse=True):
        message = {"ts": f"{time.time() - age:.6f}", "text": "chatter"}
        slack.workspace.channels[slack.channel].messages.append(message)


@pytest.mark.parametrize("offset", OFFSETS.values(), ids=OFFSETS)
@pytest.mark.parametrize("earlier", [0, 2], ids=["the first message", "one of many"])
@pytest.mark.parametrize("kept", [True, False], ids=["that arrived", "that did not arrive"])
def test_a_message_is_told_once_whatever_our_clock_says(slack, channel, clock, offset, earlier, kept):
    clock.now = timezone.now() + offset
    for _ in range(earlier):
        fail(clock)
    run(clock, earlier + 1)
    slack.faults.set(Fault(Kind.RECORD_THEN_CUT if kept else Kind.CUT_BEFORE_RECORD, method=POST, times=1))
    fail(clock)
    run(clock, 40)
    assert len(texts(slack)) == earlier + 1
    assert set(states()) == {("sent", "")}
    assert Delivery.objects.latest("id").found is kept


def test_an_outage_of_slack_that_lasted_for_hours_hides_nothing(slack, channel, clock):
    fail(clock)
    run(clock, 3)
    slack.faults.set(Fault(Kind.RECORD_THEN_CUT, method=POST, times=1))
    slack.faults.set(Fault(Kind.STATUS, status=503, method="conversations.history"))
    fail(clock)
    run(clock, 5)
    clock.now += timedelta(hours=9)
    run(clock, 3)
    slack.faults.clear()
    clock.now += MINUTE
    run(clock, 5)
    assert len(texts(slack)) == 2
    assert Delivery.objects.latest("id").found


def test_what_could_not_be_looked_for_in_a_day_is_sent_again_as_a_possible_repeat(slack, channel, clock):
    slack.faults.set(Fault(Kind.CUT_BEFORE_RECORD, method=POST, times=1))
    slack.faults.set(Fault(Kind.STATUS, status=503, method="conversations.history"))
    fail(clock)
    run(clock, 5)
    clock.now += DAY
    run(clock, 30)
    assert [state for state, _ in states()] == ["sent"]
    assert ["repeat" in text for text in texts(slack)] == [True]


class TestHowFarBackItGoes:
    @pytest.fixture
    def find(self, slack, monkeypatch):
        monkeypatch.setattr("notifications.transports.slack.messages.PAGE_SIZE", 2)

        def find(**more):
            before = len(slack.ledger.entries())
            found = find_message(Account(slack.token, slack.api_url), slack.channel, 7, **more)
            return found, len(slack.ledger.entries()) - before

        return find

    def test_not_behind_what_was_there_before(self, slack, find):
        chat(slack, 50, 40, 30, 20, 10)
        third = instant_of(slack.workspace.channels[slack.channel].messages[2]["ts"])
        assert find(oldest=third, ago=DAY) == (Lookup(), 1)

    def test_not_further_than_asked_for_from_the_latest_message(self, slack, find):
        chat(slack, 9000, 8000, 7000, 6000, 5000, 100, 50)
        assert find(ago=timedelta(hours=1)) == (Lookup(), 2)

    def test_to_the_end_of_a_quiet_channel(self, slack, find):
        chat(slack, 90, 80, 70)
        assert find(ago=timedelta(hours=1)) == (Lookup(), 2)

    def test_an_empty_channel_has_none(self, find):
        assert find(ago=DAY) == (Lookup(), 1)


TIMESTAMPS = {"1700000000.000100": True, "": False, "1.0": False, "abc": False, None: False, 17: False}


@pytest.mark.parametrize(("ts", "is_one"), TIMESTAMPS.items())
def test_only_a_timestamp_of_slack_s_is_an_instant(ts, is_one):
    assert (instant_of(ts) is not None) is is_one


DATES = {
    "Mon, 30 Nov 2026 21:09:14 GMT": "2026-11-30T21:09:14+00:00",
    "": None,
    "yesterday": None,
    "Mon, 30 Nov 2026 21:09:14 -0000": "2026-11-30T21:09:14+00:00",
}


@pytest.mark.parametrize(("date", "at"), DATES.items())
def test_an_answer_says_what_time_it_is_for_slack(date, at):
    answer = Answer(Reply(Verdict.SENT), {}, {"date": date})
    assert (answer.at and answer.at.isoformat()) == at


@pytest.mark.parametrize("offset", [-DAY, timedelta(0), DAY], ids=["a day behind", "right", "a day ahead"])
def test_a_channel_that_was_made_is_found_by_slack_s_clock(slack, offset):
    now = timezone.now() + offset
    workspace.watch(lambda: now)
    slack.faults.set(Fault(Kind.RECORD_THEN_CUT, method="conversations.create", times=1))
    made = workspace.create("ops-2", lambda: now + SECOND, is_private=False)
    assert made.name == "ops-2"
