"""Uptime from rollups, downtime from outages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.models import Incident, Rollup
from monitors.spans import downtime, floor, month_begins, overlap
from monitors.tests.builders import NOW, see, server
from monitors.uptime import Tally, months, outages, tallies

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NONE = timedelta(0)

OVERLAPS = {  # an outage in hours after the beginning of a span of 10 hours: how many hours of it count
    "within": ((2, 5), 3),
    "before": ((-5, -2), 0),
    "after": ((12, 15), 0),
    "over the beginning": ((-3, 2), 2),
    "over the end": ((8, 15), 2),
    "longer than the span": ((-3, 20), 10),
    "lasting": ((4, None), 6),
    "lasting since long": ((-100, None), 10),
    "touching": ((-3, 0), 0),
}


@pytest.mark.parametrize(("outage", "hours"), OVERLAPS.values(), ids=OVERLAPS)
def test_only_what_lies_in_the_span_counts(outage, hours):
    began, ended = outage
    lasted = (NOW + began * HOUR, None if ended is None else NOW + ended * HOUR)
    assert overlap(lasted, NOW, NOW + 10 * HOUR) == hours * HOUR
    assert downtime([lasted], NOW, NOW + 10 * HOUR) == hours * HOUR


OUTAGES = st.lists(
    st.tuples(st.integers(-50, 50), st.one_of(st.none(), st.integers(0, 60))).map(
        lambda pair: (NOW + pair[0] * HOUR, None if pair[1] is None else NOW + (pair[0] + pair[1]) * HOUR)
    ),
    max_size=8,
)


@given(OUTAGES)
def test_downtime_is_that_of_counting_the_hours_one_by_one(outages):
    """Oracle: every hour in which any outage lasted, once."""
    down = [
        any(began_at <= hour and (ended_at is None or hour < ended_at) for began_at, ended_at in outages)
        for hour in (NOW + n * HOUR for n in range(24))
    ]
    assert downtime(outages, NOW, NOW + DAY) == sum(down) * HOUR


@given(OUTAGES, st.integers(1, 23))
def test_two_parts_of_a_span_have_the_downtime_of_the_whole(outages, cut):
    middle = NOW + cut * HOUR
    parts = downtime(outages, NOW, middle) + downtime(outages, middle, NOW + DAY)
    assert parts == downtime(outages, NOW, NOW + DAY)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)), st.sampled_from([60, 3_600]))
def test_an_instant_lies_in_the_rollup_that_it_is_floored_to(at, seconds):
    start = floor(at, seconds)
    assert NONE <= at - start < timedelta(seconds=seconds)
    assert start.timestamp() % seconds == 0


def test_months_begin_at_midnight_of_the_zone():
    seoul = ZoneInfo("Asia/Seoul")
    begins = month_begins(datetime(2026, 1, 31, 20, 0, tzinfo=UTC).astimezone(seoul), 3)
    assert [begin.isoformat() for begin in begins] == [
        "2026-02-01T00:00:00+09:00",
        "2026-01-01T00:00:00+09:00",
        "2025-12-01T00:00:00+09:00",
    ]


def test_nobody_looked_is_no_uptime():
    assert Tally().uptime is None
    assert Tally(3, 1).uptime == 0.75


@pytest.mark.django_db
class TestOfRollups:
    def roll(self, target, start, resolution, succeeded, failed, inconclusive=0):
        Rollup.objects.create(
            server=target,
            resolution=resolution,
            start=floor(start, resolution),
            succeeded=succeeded,
            failed=failed,
            inconclusive=inconclusive,
            elapsed_sum_us=0,
            elapsed_max_us=0,
        )

    def test_uptime_of_many_servers_takes_one_query(self, django_assert_num_queries):
        first, second, unseen = server(), server(), server()
        self.roll(first, NOW - HOUR, Rollup.HOUR, 90, 10)
        self.roll(first, NOW - 3 * DAY, Rollup.HOUR, 100, 0)
        self.roll(first, NOW - 20 * DAY, Rollup.DAY, 0, 400)
        self.roll(second, NOW - HOUR, Rollup.HOUR, 5, 0, inconclusive=50)
        with django_assert_num_queries(1):
            found = tallies([first.pk, second.pk, unseen.pk], NOW)
        assert found == {
            first.pk: {"24h": Tally(90, 10), "7d": Tally(190, 10), "30d": Tally(0, 400)},
            second.pk: {"24h": Tally(5, 0), "7d": Tally(5, 0)},
        }

    def test_no_server_takes_no_query(self, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert tallies([], NOW) == {}

    def test_what_is_older_than_the_period_does_not_count(self):
        target = server()
        self.roll(target, NOW - 2 * DAY, Rollup.HOUR, 0, 100)
        self.roll(target, NOW - 31 * DAY, Rollup.DAY, 0, 100)
        assert tallies([target.pk], NOW) == {target.pk: {"7d": Tally(0, 100)}}

    def test_inconclusive_outcomes_count_for_neither_side(self):
        target = server()
        see(target, "++i-")
        assert tallies([target.pk], NOW)[target.pk]["24h"] == Tally(2, 1)

    def test_months_are_summed_up_in_one_query(self, django_assert_num_queries):
        target = server()
        september, october, november = (datetime(2026, month, 10, tzinfo=UTC) for month in (9, 10, 11))
        self.roll(target, september, Rollup.HOUR, 50, 50)
        self.roll(target, october, Rollup.HOUR, 100, 0)
        self.roll(target, november, Rollup.HOUR, 99, 1)
        self.outage(target, datetime(2026, 9, 30, 23, 0, tzinfo=UTC), datetime(2026, 10, 1, 2, 0, tzinfo=UTC))
        self.outage(target, NOW - HOUR, None)
        known = outages(target.pk, NOW - 90 * DAY)
        with django_assert_num_queries(1):
            found = months(target.pk, NOW, UTC, known)
        assert [(month.began_at.month, month.tally.uptime, month.downtime, month.outages) for month in found] == [
            (11, 0.99, HOUR, 1),
            (10, 1.0, 2 * HOUR, 1),
            (9, 0.5, HOUR, 1),
        ]

    def test_a_month_whose_hours_are_gone_is_summed_up_by_days(self, settings):
        settings.HISTORY_HOURS_DAYS = 30
        target = server()
        for day in (1, 2, 25):
            start = datetime(2026, 10, day, 12, tzinfo=UTC)
            self.roll(target, start, Rollup.DAY, 10, 0)
            self.roll(target, start, Rollup.HOUR, 10, 0)  # would count twice
        assert months(target.pk, NOW, UTC, [])[1].tally == Tally(30, 0)

    def outage(self, target, began_at, ended_at):
        Incident.objects.create(
            server=target,
            host_name=target.host_name,
            environment="LIVE",
            address="",
            failure="refused",
            detail="",
            began_at=began_at,
            confirmed_at=began_at,
            ended_at=ended_at,
        )
