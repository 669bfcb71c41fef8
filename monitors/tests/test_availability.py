"""Uptime as a share of time, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.availability import Availability, Life, percent
from monitors.spans import NONE, length, merged, without
from monitors.tests.builders import NOW, SECOND

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STATES = ("maintenance", "paused", "down", "unknown")
"""The first that applies is the one that counts."""


def at(seconds: int) -> datetime:
    return NOW + seconds * SECOND


SPANS = st.lists(
    st.tuples(st.integers(-30, 130), st.one_of(st.none(), st.integers(-10, 60))).map(
        lambda pair: (at(pair[0]), None if pair[1] is None else at(pair[0] + pair[1]))
    ),
    max_size=5,
)
LIVES = st.builds(Life, st.integers(-20, 60).map(at), st.integers(40, 120).map(at), SPANS, SPANS, SPANS, SPANS)


def covers(spans, instant) -> bool:
    return any(begin <= instant and (end is None or instant < end) for begin, end in spans)


def second_by_second(life: Life, begin: datetime, end: datetime) -> Availability:
    """Oracle: ask of every second what it is."""
    seconds = dict.fromkeys((*STATES, "up"), 0)
    instant = begin
    while instant < end:
        if life.began_at <= instant < life.known_to:
            seconds[next((state for state in STATES if covers(getattr(life, state), instant)), "up")] += 1
        instant += SECOND
    return Availability(**{state: count * SECOND for state, count in seconds.items()})


@given(LIVES)
def test_each_second_is_exactly_one_of_five(life):
    found = life.between(at(0), at(100))
    assert found == second_by_second(life, at(0), at(100))
    assert found.window == max(NONE, min(at(100), life.known_to) - max(at(0), life.began_at))
    assert min(found.up, found.down, found.maintenance, found.unknown, found.paused) >= NONE


@given(LIVES, st.randoms())
def test_neither_the_order_of_spans_nor_their_overlaps_matter(life, chance):
    mixed = {state: list(getattr(life, state)) * 2 for state in STATES}
    for spans in mixed.values():
        chance.shuffle(spans)
    assert replace(life, **mixed).between(at(0), at(100)) == life.between(at(0), at(100))


@given(LIVES, st.integers(0, 100))
def test_the_parts_of_a_window_sum_up_to_it(life, cut):
    first, second = life.between(at(0), at(cut)), life.between(at(cut), at(100))
    whole = life.between(at(0), at(100))
    for state in (*STATES, "up"):
        assert getattr(first, state) + getattr(second, state) == getattr(whole, state)


@given(LIVES, SPANS)
def test_another_outage_never_raises_the_uptime(life, more):
    before = life.between(at(0), at(100))
    after = replace(life, down=[*life.down, *more]).between(at(0), at(100))
    assert after.down >= before.down
    if before.uptime is not None and after.uptime is not None:
        assert after.uptime <= before.uptime


@given(LIVES)
def test_a_window_is_the_same_in_every_zone(life):
    berlin, seoul = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Seoul")
    found = life.between(at(0).astimezone(berlin), at(100).astimezone(seoul))
    assert found == life.between(at(0), at(100))


@given(SPANS, SPANS)
def test_what_is_cut_out_and_what_is_left_make_up_the_whole(spans, cut):
    whole, hole = merged(spans, at(0), at(100)), merged(cut, at(0), at(100))
    left = without(whole, hole)
    assert length(left) + length(hole) == length(merged([*whole, *hole], at(0), at(100)))
    assert left == merged(left, at(0), at(100))


NO_DATA = {
    "nothing but unknown time": Availability(unknown=DAY),
    "paused all the time": Availability(paused=DAY),
    "maintenance all the time": Availability(maintenance=DAY),
    "created now": Availability(),
}


@pytest.mark.parametrize("found", NO_DATA.values(), ids=NO_DATA)
def test_without_time_up_or_down_there_is_no_uptime(found):
    assert found.uptime is None
    assert found.low_coverage is None


def test_uptime_is_of_the_time_up_or_down_and_coverage_says_how_much_that_is():
    found = Availability(up=3 * HOUR, down=HOUR, maintenance=HOUR, unknown=2 * HOUR, paused=HOUR)
    assert (found.uptime, found.coverage, found.low_coverage) == (Fraction(3, 4), Fraction(1, 2), Fraction(1, 2))


COVERAGES = {"all": (100, None), "just enough": (95, None), "too little": (94, Fraction(94, 100))}


@pytest.mark.parametrize(("known", "printed"), COVERAGES.values(), ids=COVERAGES)
def test_a_coverage_under_95_percent_is_printed(known, printed):
    assert Availability(up=known * HOUR, unknown=(100 - known) * HOUR).low_coverage == printed


PERCENTS = {
    Fraction(1): "100",
    Fraction(999_996, 1_000_000): "99.999",
    Fraction(10**15 - 1, 10**15): "99.999",
    Fraction(99_999, 100_000): "99.999",
    Fraction(2, 3): "66.666",
    Fraction(1, 2): "50.000",
    Fraction(1, 10**6): "0.000",
    Fraction(0): "0.000",
    0.999996: "99.999",
    0.99999: "99.999",  # as a float it is a little less or more
    0.29: "29.000",
    1.0: "100",
}


@pytest.mark.parametrize(("share", "shown"), PERCENTS.items())
def test_a_share_is_rounded_down_to_three_decimals(share, shown):
    assert percent(share) == shown


@given(st.integers(1, 10**15), st.integers(0, 10**15))
def test_100_is_shown_only_without_downtime(up, down):
    found = Availability(up=up * timedelta(microseconds=1), down=down * timedelta(microseconds=1))
    assert found.uptime is not None
    assert (percent(found.uptime) == "100") == (not down)
    assert Fraction(percent(found.uptime)) / 100 <= found.uptime


MONTHS = {  # zone: a month in which the clock is changed, and how many hours it has
    "Europe/Berlin": ((2026, 3), 31 * 24 - 1),
    "America/New_York": ((2026, 11), 30 * 24 + 1),
    "Australia/Lord_Howe": ((2026, 4), 30 * 24 + 0.5),
    "America/Havana": ((2026, 11), 30 * 24 + 1),  # on the first, at the second midnight
    "Asia/Seoul": ((2026, 3), 31 * 24),
}


@pytest.mark.parametrize(("zone", "month", "hours"), [(zone, *row) for zone, row in MONTHS.items()], ids=MONTHS)
def test_a_month_has_all_its_hours_and_no_more(zone, month, hours):
    (year, number), clock = month, ZoneInfo(zone)
    begin, end = datetime(year, number, 1, tzinfo=clock), datetime(year, number + 1, 1, tzinfo=clock)
    life = Life(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    assert life.between(begin, end) == Availability(up=hours * HOUR)
    assert replace(life, down=[(life.began_at, None)]).between(begin, end) == Availability(down=hours * HOUR)
