from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitors.schedule import GRAIN, next_slot, phase

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ids = st.integers(1, 2**63 - 1)
intervals = st.integers(1, 86_400).map(lambda seconds: timedelta(seconds=seconds))
instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@given(ids, instants, intervals)
def test_the_next_slot_is_after_now_and_at_most_an_interval_away(server_id, now, interval):
    assert now < next_slot(server_id, now, interval) <= now + interval


@given(ids, instants, intervals)
def test_slots_are_an_interval_apart(server_id, now, interval):
    slot = next_slot(server_id, now, interval)
    assert next_slot(server_id, slot, interval) == slot + interval


@given(ids, instants, intervals, st.integers(0, 1000))
def test_missed_slots_are_skipped_and_the_grid_stays(server_id, now, interval, missed):
    slot = next_slot(server_id, now, interval)
    later = next_slot(server_id, slot + missed * interval + interval / 2, interval)
    assert (later - slot) % interval == timedelta(0)
    assert later == slot + (missed + 1) * interval


@given(ids, intervals)
def test_the_phase_is_within_the_interval_and_a_multiple_of_the_grain(server_id, interval):
    offset = phase(server_id, interval)
    assert timedelta(0) <= offset < interval
    assert offset % GRAIN == timedelta(0)


def test_a_thousand_neighbours_spread_over_the_interval():
    interval = timedelta(seconds=10)
    tenths = [phase(server_id, interval) // (interval / 10) for server_id in range(1, 1001)]
    assert all(90 <= tenths.count(tenth) <= 110 for tenth in range(10))
