"""The availability of servers, from what is stored."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from healthcheck import metrics
from monitors import claiming, recording, uptime
from monitors.availability import Availability
from monitors.engine.base import Observation, Outcome
from monitors.models import Gap, Incident, Rollup, Server, ServerStatus, StatusTransition, UnknownTime
from monitors.spans import downtime, floor, month_begins, overlap
from monitors.tests.builders import INTERVAL, NOW, SECOND, outcome, server
from monitors.tests.failing import Failure
from monitors.uptime import life_of, months, stretches, tallies

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
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
    "ended before it began": ((5, 2), 0),
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


MIDNIGHTS = {  # the first day of a month on which midnight comes twice, or not at all
    "twice": ("America/Havana", datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 1, 4, tzinfo=UTC)),
    "not at all": ("America/Asuncion", datetime(2023, 10, 20, tzinfo=UTC), datetime(2023, 10, 1, 4, tzinfo=UTC)),
}


@pytest.mark.parametrize(("zone", "now", "expected"), MIDNIGHTS.values(), ids=MIDNIGHTS)
def test_a_month_begins_with_its_first_instant(zone, now, expected):
    assert month_begins(now.astimezone(ZoneInfo(zone)), 1)[0].astimezone(UTC) == expected


def test_months_join_in_every_zone():
    for zone in ("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "UTC"):
        found = months(NOW, ZoneInfo(zone), 12)
        assert found[0][1] == NOW
        assert all(after[0] == before[1] for after, before in itertools.pairwise(found))


def observation(server_id: int, slot: datetime, ok: bool | None = True, late: timedelta = NONE) -> Observation:
    return Observation(server_id, slot, slot + late, outcome(ok))


def seen(target: Server, outcomes: str, start: datetime) -> None:
    """Record `outcomes` (+ success, - failure, i inconclusive), an interval apart, each begun at its slot."""
    for number, letter in enumerate(outcomes):
        ok = {"+": True, "-": False, "i": None}[letter]
        recording.record([observation(target.pk, start + number * INTERVAL, ok)])


def watched(outcomes: str = "", **columns: object) -> Server:
    """A server that was created with its first outcome, and `outcomes` until now."""
    start = NOW - len(outcomes) * INTERVAL
    target = server(created_at=start, **columns)
    seen(target, outcomes, start)
    return target


def day_of(target: Server, now: datetime = NOW) -> Availability:
    return tallies([target.pk], now)[target.pk]["24h"]


# what is stored


@pytest.mark.django_db
@pytest.mark.both_databases
class TestStates:
    def test_an_outage_is_down_from_its_first_failure_to_its_first_success(self):
        found = day_of(watched("++----++"))
        assert (found.down, found.up) == (40 * SECOND, 40 * SECOND)

    def test_failures_that_were_no_incident_cost_no_time_and_are_counted_apart(self):
        target = watched("+-+++-+--++-++")
        [stretch] = stretches(target.pk, life_of(target.pk, NOW - DAY, NOW), [(NOW - DAY, NOW)], NOW)
        assert (stretch.blips, stretch.outages, stretch.availability.down) == (3, 1, 20 * SECOND)

    def test_no_outcome_for_more_than_two_intervals_is_unknown_from_then_on(self):
        target = server(created_at=NOW - 60 * SECOND)
        for second in (60, 50, 10):  # before now
            recording.record([observation(target.pk, NOW - second * SECOND)])
        assert day_of(target) == Availability(up=40 * SECOND, unknown=20 * SECOND)

    def test_two_intervals_without_an_outcome_are_known(self):
        target = server(created_at=NOW - 60 * SECOND)
        for second in (60, 40, 20):
            recording.record([observation(target.pk, NOW - second * SECOND)])
        assert day_of(target) == Availability(up=60 * SECOND)
        assert UnknownTime.objects.count() == 1  # before the first one

    def test_what_was_unknown_is_so_until_the_look_begins_and_not_until_its_slot(self):
        target = server(created_at=NOW)
        for second, ok in ((0, False), (10, False)):
            recording.record([observation(target.pk, NOW + second * SECOND, ok, late=SECOND / 4)])
        assert day_of(target, NOW + 20 * SECOND).uptime == 0

    def test_a_monitor_that_cannot_look_knows_nothing(self):
        assert day_of(watched("+iiiii+")) == Availability(up=30 * SECOND, unknown=40 * SECOND)

    def test_an_outage_goes_on_while_nobody_can_look(self):
        found = day_of(watched("+--iiiii--++"))
        assert (found.down, found.unknown) == (90 * SECOND, NONE)

    def test_what_is_unknown_now_counts_before_the_next_outcome(self):
        target = watched("++")
        assert day_of(target, NOW + HOUR) == Availability(up=30 * SECOND, unknown=HOUR - 10 * SECOND)

    def test_a_server_that_was_never_seen_has_no_data(self):
        found = day_of(server(created_at=NOW - HOUR))
        assert (found.uptime, found.unknown) == (None, HOUR)

    def test_planned_maintenance_is_left_out(self):
        target = watched("++++------")
        planned = {target.pk: [(NOW - 60 * SECOND, NOW - 20 * SECOND)]}
        found = tallies([target.pk], NOW, planned)[target.pk]["24h"]
        assert (found.maintenance, found.down, found.up) == (40 * SECOND, 20 * SECOND, 40 * SECOND)
        assert found.uptime == Fraction(2, 3)

    def test_another_address_is_unknown_until_it_was_seen(self):
        target = watched("++++")
        target.port = 9_999
        recording.save(target, actor="kim", now=NOW)
        seen(target, "++", NOW + 3 * SECOND)
        assert day_of(target, NOW + 23 * SECOND) == Availability(up=60 * SECOND, unknown=3 * SECOND)


@pytest.mark.django_db
@pytest.mark.both_databases
class TestPauses:
    def test_a_pause_is_no_time_up_down_or_unknown(self):
        target = watched("+" * 10)
        recording.pause([target.pk], actor="kim", now=NOW)
        assert day_of(target, NOW + HOUR) == Availability(up=100 * SECOND, paused=HOUR)
        recording.resume([target.pk], actor="kim", now=NOW + HOUR)
        seen(target, "++", NOW + HOUR + 5 * SECOND)
        found = day_of(target, NOW + HOUR + 25 * SECOND)
        assert found == Availability(up=120 * SECOND, paused=HOUR, unknown=5 * SECOND)

    def test_a_pause_that_began_before_the_window_is_one(self):
        target = watched("+" * 10)
        recording.pause([target.pk], actor="kim", now=NOW)
        later = NOW + 3 * DAY
        assert day_of(target, later) == Availability(paused=DAY)
        recording.resume([target.pk], actor="kim", now=later)
        seen(target, "+", later + 4 * SECOND)
        found = day_of(target, later + 10 * SECOND)
        assert (found.paused, found.unknown, found.up) == (DAY - 10 * SECOND, 4 * SECOND, 6 * SECOND)

    def test_a_pause_ends_the_outage(self):
        target = watched("+--")
        recording.pause([target.pk], actor="kim", now=NOW)
        found = day_of(target, NOW + HOUR)
        assert (found.paused, found.down) == (HOUR, 20 * SECOND)

    def test_pauses_follow_one_another_though_their_clocks_do_not(self):
        target = watched("+" * 6)
        recording.pause([target.pk], actor="kim", now=NOW + HOUR)  # by a clock that was ahead
        recording.resume([target.pk], actor="kim", now=NOW + MINUTE)
        recording.pause([target.pk], actor="kim", now=NOW + 2 * MINUTE)
        found = day_of(target, NOW + 3 * MINUTE)
        assert found.paused == MINUTE

    def test_a_pause_of_which_no_transition_tells_lasts_since_the_last_outcome(self):
        target = watched("+" * 6)
        Server.objects.filter(pk=target.pk).update(paused=True)  # by a statement of their own
        assert not StatusTransition.objects.filter(reason="paused").exists()
        found = day_of(target, NOW + HOUR)
        assert (found.up, found.paused) == (70 * SECOND, HOUR - 10 * SECOND)


CREATED = {"later than it was seen": timedelta(hours=5), "nobody knows when": None}


@pytest.mark.django_db
class TestCreation:
    def test_the_window_begins_when_the_server_was_created(self):
        target = watched("+" * 6)
        found = tallies([target.pk], NOW)[target.pk]
        assert {period: availability.window for period, availability in found.items()} == dict.fromkeys(
            uptime.PERIODS, 60 * SECOND
        )

    @pytest.mark.parametrize("ago", CREATED.values(), ids=CREATED)
    def test_a_row_that_does_not_say_when_it_was_created_is_at_least_as_old_as_what_was_seen(self, ago):
        target = watched("+" * 6)
        Server.objects.filter(pk=target.pk).update(created_at=None if ago is None else NOW + ago)
        found = day_of(target)
        assert found.up == 60 * SECOND
        assert found.unknown == (DAY - 60 * SECOND if ago is None else NONE)


# what does not bend it


def probed(target: Server, start: datetime, seconds: int, ok: bool, takes: timedelta) -> None:
    """By the schedule, as beat, workers and recorder do it, from `start` on."""
    flying: dict[datetime, datetime] = {}
    for number in range(seconds):
        now = start + number * SECOND
        for slot in [slot for slot, end in flying.items() if end <= now]:
            del flying[slot]
            failure = None if ok else Failure.TIMEOUT_FIRST_BYTE
            recording.record([Observation(target.pk, slot, slot, Outcome(failure, takes))])
        for claim in claiming.claim_due(now):
            flying[claim.slot] = max(claim.slot, now) + takes


@pytest.mark.django_db
class TestNothingBendsIt:
    @pytest.mark.parametrize("timeout", [5, 10])
    def test_a_server_that_hangs_until_its_timeout_is_down_as_long_as_one_that_refuses(self, timeout):
        target = server(interval_seconds=10, timeout_seconds=timeout, created_at=NOW)
        probed(target, NOW, 600, True, 0.01 * SECOND)
        probed(target, NOW + 600 * SECOND, 600, False, timeout * SECOND)
        found = day_of(target, NOW + 1_200 * SECOND)
        assert abs((found.uptime or 0) - Fraction(1, 2)) < 0.02
        assert (found.coverage or 0) > 0.97

    @pytest.mark.parametrize("intervals", [(30, 1), (1, 30), (10, 600)])
    def test_a_change_of_the_interval_changes_no_share(self, intervals):
        target = server(created_at=NOW)
        for interval, begin, ok in ((intervals[0], NOW, False), (intervals[1], NOW + HOUR / 2, True)):
            Server.objects.filter(pk=target.pk).update(interval_seconds=interval)
            for number in range(1_800 // interval):
                recording.record([observation(target.pk, begin + number * interval * SECOND, ok)])
        found = day_of(target, NOW + HOUR)
        assert abs((found.uptime or 0) - Fraction(1, 2)) < 0.001
        assert found.coverage == 1

    def test_a_shorter_interval_makes_nothing_unknown_that_the_longer_one_knew(self):
        target = server(created_at=NOW, interval_seconds=600)
        recording.record([observation(target.pk, NOW)])
        Server.objects.filter(pk=target.pk).update(interval_seconds=1)
        recording.record([observation(target.pk, NOW + 600 * SECOND)])
        assert day_of(target, NOW + 601 * SECOND) == Availability(up=601 * SECOND)

    def test_a_clock_that_was_ahead_for_a_while_leaves_no_unknown_time(self):
        target = watched("+" * 6)
        seen(target, "++", NOW + HOUR)
        ServerStatus.objects.update(last_slot=None)  # as when the clock was set back
        seen(target, "+" * 361, NOW + 20 * SECOND)
        found = day_of(target, NOW + HOUR + 30 * SECOND)
        assert (found.unknown, found.down) == (NONE, NONE)


# what it costs


@pytest.mark.django_db
class TestCost:
    def test_many_servers_take_as_many_queries_as_one(self, django_assert_num_queries):
        targets = [watched("+--+++"), watched("++ii+"), watched("+")]
        recording.pause([targets[2].pk], actor="kim", now=NOW)
        with django_assert_num_queries(2):
            found = tallies([target.pk for target in targets], NOW)
        assert found.keys() == {target.pk for target in targets}
        assert [found[target.pk]["24h"].uptime for target in targets] == [Fraction(2, 3), 1, 1]

    def test_no_server_takes_no_query(self, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert tallies([], NOW) == {}

    def test_more_servers_than_a_statement_can_name_are_no_different(self, monkeypatch):
        targets = [watched("+--+++"), watched("++ii+")]
        named = tallies([target.pk for target in targets], NOW)
        monkeypatch.setattr(uptime, "MOST_NAMED", 1)
        assert tallies([target.pk for target in targets], NOW) == named

    def test_an_outcome_in_time_takes_no_statement_more(self):
        target = watched("++")
        with CaptureQueriesContext(connection) as queries:
            seen(target, "+", NOW)
        assert queries.captured_queries
        assert not any("unknowntime" in query["sql"] for query in queries.captured_queries)
        with CaptureQueriesContext(connection) as after_a_gap:
            seen(target, "+", NOW + MINUTE)
        assert len(after_a_gap) == len(queries) + 1

    def test_the_figures_of_one_server_take_one_query(self, django_assert_num_queries):
        target = watched("+--+++")
        spans = [(NOW - length, NOW) for length in uptime.PERIODS.values()] + months(NOW, UTC)
        with django_assert_num_queries(3):
            found = stretches(target.pk, life_of(target.pk, NOW - 90 * DAY, NOW), spans, NOW)
        assert [stretch.outages for stretch in found] == [1, 1, 1, 1, 0, 0]
        assert found[-1].availability.uptime is None


# from before unknown time was stored


@pytest.mark.django_db
class TestLegacy:
    def counted(self, target: Server, start: datetime, resolution: int, succeeded: int = 10) -> None:
        Rollup.objects.create(
            server=target,
            resolution=resolution,
            start=floor(start, resolution),
            succeeded=succeeded,
            failed=0,
            inconclusive=7,
            elapsed_sum_us=0,
            elapsed_max_us=0,
        )

    def test_an_hour_in_which_something_was_counted_counts_as_known(self):
        target = server(created_at=NOW - 60 * DAY)
        for hours, succeeded in ((3, 10), (2, 10), (1, 0)):
            self.counted(target, NOW - hours * HOUR, Rollup.HOUR, succeeded)
        seen(target, "+", NOW)
        found = day_of(target, NOW + 10 * SECOND)
        assert (found.up, found.unknown) == (2 * HOUR + 10 * SECOND, 22 * HOUR - 10 * SECOND)

    def test_of_older_history_a_day_counts(self):
        target = server(created_at=NOW - 60 * DAY)
        for days in range(10, 40):
            self.counted(target, NOW - days * DAY, Rollup.DAY)
        seen(target, "+", NOW)
        found = tallies([target.pk], NOW)[target.pk]["30d"]
        assert abs(found.up - 20 * DAY) <= DAY

    def test_what_came_after_the_first_outcome_says_nothing_about_before(self):
        target = server(created_at=NOW - 50 * MINUTE)
        seen(target, "+" * 10, NOW)
        assert day_of(target, NOW + 100 * SECOND) == Availability(up=100 * SECOND, unknown=50 * MINUTE)

    def test_figures_that_go_back_that_far_take_one_query_more(self, django_assert_num_queries):
        target = server(created_at=NOW - 60 * DAY)
        seen(target, "+", NOW)
        with django_assert_num_queries(3):
            day_of(target)


# how long something lasts


@pytest.mark.django_db
class TestDurations:
    """Set back between its beginning and its end, the clock says that something ended before it began."""

    def test_an_outage_is_never_shorter_than_nothing(self):
        target = watched("+--")
        incident = Incident.objects.get(server=target)
        assert incident.duration(NOW - HOUR) == NONE
        incident.ended_at = incident.began_at - HOUR
        assert incident.duration(NOW) == NONE

    def test_a_gap_is_never_shorter_than_nothing(self):
        assert Gap(began_at=NOW, ended_at=NOW - HOUR).duration == NONE

    def test_a_monitor_is_blind_once_however_many_of_its_parts_notice(self):
        hours = ((3, 1), (2, 1), (1, 5), (-5, -9), (40, 23))
        for began, ended in hours:
            Gap.objects.create(began_at=NOW - began * HOUR, ended_at=NOW - ended * HOUR)
        told = metrics.render(NOW).decode()
        assert "healthcheck_blind_seconds_last_day 10800.0" in told  # two hours, and the first one of the day
