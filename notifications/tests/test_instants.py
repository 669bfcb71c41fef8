"""Waits that were stored, read by a clock that may have been set since."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitors.tests.builders import NOW, SECOND
from notifications.instants import LONGEST_WAIT, SKEW, is_over, no_later, over
from notifications.models import Channel

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)

CASES = {  # until, planned at, whether it is over
    "no wait": (None, None, True),
    "one that has passed": (-SECOND, -2 * SECOND, True),
    "one that ends now": (0 * SECOND, -SECOND, True),
    "one of seconds": (5 * SECOND, -SECOND, False),
    "one of an hour, as Slack asked for": (LONGEST_WAIT, 0 * SECOND, False),
    "one that was planned by a host whose clock is ahead": (5 * SECOND, 4 * SECOND, False),
    "one of before the clock was set back by half an hour": (HOUR / 2 + SECOND, HOUR / 2, True),
    "one of before it was set back by a day": (24 * HOUR + SECOND, 24 * HOUR, True),
    "an hour of before it was set back by half an hour": (1.5 * HOUR, HOUR / 2, True),
    "one that nobody plans": (2 * HOUR, -SECOND, True),
    "of seconds, by an earlier version": (SKEW, None, False),
    "of more, by an earlier version": (SKEW + SECOND, None, True),
}


@pytest.mark.parametrize(("until", "planned_at", "expected"), CASES.values(), ids=CASES)
def test_a_wait_holds_unless_a_clock_ahead_of_ours_planned_it(until, planned_at, expected):
    until, planned_at = (None if after is None else NOW + after for after in (until, planned_at))
    assert is_over(until, planned_at, NOW) is expected
    Channel.objects.create(channel_id="C1", next_send_at=until, planned_at=planned_at)
    assert Channel.objects.filter(over("next_send_at", NOW)).exists() is expected


def test_what_has_happened_has_happened_by_now():
    assert no_later(NOW + HOUR, NOW) == NOW
    assert no_later(NOW - HOUR, NOW) == NOW - HOUR
    assert no_later(None, NOW) is None
