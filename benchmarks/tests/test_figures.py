"""The arithmetic behind the figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.farm import Hit, Mode
from benchmarks.figures import percentile, punctuality, slots_between
from monitors.schedule import next_slot

BEGIN = 1_700_000_000.0
SERVERS = {0: 1, 1: 2, 2: 3}
INTERVAL = 10.0
WINDOW = (BEGIN, BEGIN + 60)


def on_time(late: float = 0.0, servers: dict[int, int] = SERVERS) -> list[Hit]:
    return [
        Hit(slot + late, target, Mode.OK)
        for target, server_id in servers.items()
        for slot in slots_between(server_id, INTERVAL, *WINDOW)
    ]


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([], 50, 0.0), ([7.0], 99, 7.0), ([4.0, 1.0, 3.0, 2.0], 50, 2.0), (list(map(float, range(1, 101))), 99, 99.0)],
)
def test_a_percentile_is_one_of_the_values(values, percent, expected):
    assert percentile(values, percent) == expected


@given(st.integers(1, 10_000), st.integers(1, 120), st.integers(0, 400_000))
def test_slots_are_those_of_the_schedule(server_id, interval, quarters):
    begin = BEGIN + quarters / 4  # which floats and datetimes hold exactly
    slots = slots_between(server_id, interval, begin, begin + 3 * interval)
    assert len(slots) == 3
    before = datetime.fromtimestamp(begin, UTC) - timedelta(microseconds=1)
    for slot in slots:
        following = next_slot(server_id, before, timedelta(seconds=interval))
        assert slot == pytest.approx(following.timestamp(), abs=2e-3)
        before = following


def test_probes_on_time_miss_nothing():
    kept = punctuality(on_time(0.01), SERVERS, INTERVAL, [WINDOW])
    assert (kept.slots, kept.missed, kept.repeated) == (18, 0, 0)
    assert kept.p50 == pytest.approx(0.01)


def test_a_slot_without_a_hit_is_missed():
    hits = on_time()
    del hits[4]
    kept = punctuality(hits, SERVERS, INTERVAL, [WINDOW])
    assert (kept.missed, round(kept.missed_percent, 2)) == (1, 5.56)


def test_a_hit_is_counted_for_its_slot_however_late_it_is():
    kept = punctuality(on_time(9.0), SERVERS, INTERVAL, [WINDOW])
    assert kept.missed == 0
    assert kept.p99 == pytest.approx(9.0)


def test_a_hit_just_before_its_slot_is_early_and_not_late_for_the_slot_before():
    kept = punctuality(on_time(-0.002), SERVERS, INTERVAL, [WINDOW])
    assert kept.missed == 0
    assert kept.earliest == pytest.approx(-0.002, abs=1e-6)
    assert kept.latest == pytest.approx(-0.002, abs=1e-6)


def test_a_second_probe_of_a_slot_is_seen_and_does_not_count_as_late():
    kept = punctuality(sorted(on_time() + on_time(1.0), key=lambda hit: hit.at), SERVERS, INTERVAL, [WINDOW])
    assert kept.repeated == 18
    assert kept.latest == pytest.approx(0.0)


def test_hits_of_other_targets_and_between_windows_are_left_out():
    windows = [(BEGIN, BEGIN + 20), (BEGIN + 40, BEGIN + 60)]
    kept = punctuality(on_time(), {0: 1}, INTERVAL, windows)
    assert (kept.slots, kept.missed) == (4, 0)


def test_nothing_watched_is_nothing_missed():
    kept = punctuality([], {}, INTERVAL, [WINDOW])
    assert (kept.slots, kept.missed_percent) == (0, 0.0)
