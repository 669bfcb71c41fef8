"""One function says whether news may be told, and if not, why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from notifications.audibility import RULES, Answer, Decision, Facts, Topic, may_tell
from notifications.models import SkipReason

SEND = Answer(Decision.SEND)
FAILURE, END, TEST = Facts(Topic.FAILURE), Facts(Topic.END), Facts(Topic.TEST)
AGAINST: dict[str, Any] = {
    "enabled": False,
    "wanted": False,
    "server": False,
    "notification": False,
    "expired": True,
    "known": True,
}

SKIPPED = {
    "nobody receives alerts": (replace(FAILURE, receiver=False, notification=False), "no_channel"),
    "the channel is disabled": (replace(FAILURE, enabled=False, notification=False), "channel_disabled"),
    "the channel wants other environments": (replace(FAILURE, wanted=False), "no_channel"),
    "the server is gone": (replace(FAILURE, server=False, notification=False), "server_deleted"),
    "the notification is off": (replace(FAILURE, notification=False, expired=True), "notification_off"),
    "it is too late": (replace(FAILURE, expired=True, known=True), "expired"),
    "another message says it": (replace(FAILURE, known=True), "absorbed"),
    "the beginning was not told": (replace(END, untold="expired"), "expired"),
    "an end, in a channel that is disabled": (replace(END, enabled=False), "channel_disabled"),
    "a test without a channel": (replace(TEST, receiver=False), "no_channel"),
}


@pytest.mark.parametrize(("facts", "reason"), SKIPPED.values(), ids=SKIPPED)
def test_what_is_not_told_has_a_reason_that_can_be_shown(facts, reason):
    assert may_tell(facts) == Answer(Decision.SKIP, reason)
    assert reason in SkipReason.values


def test_nothing_speaks_against_what_nothing_is_known_of():
    assert {may_tell(Facts(topic)) for topic in Topic} == {SEND}


def test_a_test_is_told_whatever_else_is_so():
    assert may_tell(replace(TEST, **AGAINST)) == SEND


def test_whoever_was_told_of_a_failure_is_told_its_end_whatever_has_changed_since():
    assert may_tell(replace(END, **{**AGAINST, "enabled": True})) == SEND


def test_another_rule_is_one_more_line():
    held = Answer(Decision.HOLD, "silenced")
    rules = [*RULES[:4], lambda facts: held if facts.topic is Topic.FAILURE else None, *RULES[4:]]
    assert may_tell(replace(FAILURE, notification=False), rules) == held
    assert may_tell(replace(FAILURE, enabled=False), rules).reason == "channel_disabled"
    assert may_tell(END, rules) == SEND
