"""Which failures are one storm."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.tests.builders import NOW, SECOND
from notifications.models import Delivery
from notifications.outbox.grouping import Gathering, News, Rule, gather

RULE = Rule(servers=3, window=10 * SECOND)


def news(*seconds, fresh=True, first_server=1):
    """Of one server after the other, so many seconds after NOW."""
    return [News(Delivery(), "LIVE", first_server + n, NOW + after * SECOND, fresh) for n, after in enumerate(seconds)]


def sizes(found):
    return [len(gathering.members) for gathering in found]


CASES = {
    "too few": ([0, 1], []),
    "enough at once": ([0, 0, 0], [3]),
    "enough within the window": ([0, 5, 10], [3]),
    "never enough within a window": ([0, 6, 12, 18, 24], []),
    "whoever fails within the window after the last one joins": ([0, 1, 2, 12, 22, 32], [6]),
    "whoever fails later is on its own": ([0, 1, 2, 13], [3]),
    "or begins another": ([0, 1, 2, 13, 14, 15], [3, 3]),
    "singles long before are left alone": ([0, 20, 21, 22], [3]),
    "in no order": ([10, 0, 5], [3]),
}


@pytest.mark.parametrize(("seconds", "expected"), CASES.values(), ids=CASES)
def test_so_many_within_the_window_are_a_storm(seconds, expected):
    assert sizes(gather(news(*seconds), RULE, None)) == expected


def test_a_server_that_fails_three_times_is_one_server():
    thrice = [News(Delivery(), "LIVE", 7, NOW + n * SECOND) for n in range(3)]
    assert gather(thrice, RULE, None) == []


def test_with_a_rule_of_0_nothing_is_a_storm():
    assert gather(news(*[0] * 50), Rule(servers=0), Gathering(NOW, 1)) == []


def test_what_was_told_earlier_is_drawn_into_a_storm_that_begins():
    found = gather([*news(0, 1, fresh=False), *news(9, first_server=3)], RULE, None)
    assert sizes(found) == [3]


def test_earlier_ones_alone_begin_none():
    assert gather([*news(0, 1, 2, fresh=False), *news(20, first_server=4)], RULE, None) == []


def test_what_was_told_earlier_does_not_join_a_storm_that_began_without_it():
    under_way = Gathering(NOW, storm_id=7)
    assert sizes(gather([*news(1, 2, fresh=False), *news(3, first_server=3)], RULE, under_way)) == [1]


def test_one_that_is_under_way_takes_in_whoever_comes_in_time_and_lasts_as_long_as_that():
    under_way = Gathering(NOW, storm_id=7)
    [joined] = gather(news(9, 19, 30), RULE, under_way)
    assert (joined.storm_id, joined.joined_at) == (7, NOW + 19 * SECOND)
    assert sizes([joined]) == [2]


@given(st.lists(st.integers(0, 120), max_size=40), st.integers(2, 6), st.integers(1, 30))
def test_nobody_is_in_two_storms_and_no_window_outside_of_them_is_full(seconds, servers, window):
    found = gather(items := news(*seconds), Rule(servers, window * SECOND), None)
    members = [one.server_id for gathering in found for one in gathering.members]
    assert len(members) == len(set(members))
    assert all(len(gathering.members) >= servers for gathering in found)
    alone = sorted(one.at for one in items if one.server_id not in members)
    for at in alone:
        assert sum(timedelta(0) <= other - at <= window * SECOND for other in alone) < servers
