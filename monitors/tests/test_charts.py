"""Where the lines and labels of the figures go."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitors.charts import latency, scale, stages
from monitors.charts.latency import RANGES, Bucket, Range, draw, gather
from monitors.spans import floor
from monitors.tests.builders import NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SECONDS_30 = timedelta(seconds=30)


def row(start, succeeded=2, failed=0, inconclusive=0, mean_ms=10, longest_ms=20):
    return start, succeeded, failed, inconclusive, succeeded * mean_ms * 1000, longest_ms * 1000


def chart(rows, outages=(), reach: Range = RANGES["24h"], interval=SECONDS_30):
    return draw(rows, outages, reach, now=NOW, interval=interval, zone=UTC)


# values


VALUES = {
    7.0: [0, 2, 4, 6, 8],
    10.0: [0, 5, 10],
    100.0: [0, 50, 100],
    123.0: [0, 50, 100, 150],
    0.0: [0, 0.0005],
    4_100.0: [0, 2000, 4000, 6000],
}


@pytest.mark.parametrize(("top", "expected"), VALUES.items())
def test_values_are_round(top, expected):
    assert scale.values(top) == pytest.approx(expected)


@given(st.floats(0.001, 1e7))
def test_values_reach_from_zero_to_the_top_in_equal_steps(top):
    found = scale.values(top)
    steps = {round(after - before, 4) for before, after in itertools.pairwise(found)}
    assert found[0] == 0
    assert found[-1] >= top * 0.999
    assert len(steps) <= 2  # rounding
    assert 2 <= len(found) <= 7


# instants


def test_hours_are_those_of_the_zone():
    found = scale.instants(NOW - DAY, NOW, ZoneInfo("Asia/Kolkata"), hours=4)
    assert [(at.hour, at.minute) for at in found] == [(20, 0), (0, 0), (4, 0), (8, 0), (12, 0), (16, 0)]


def test_a_day_of_25_hours_has_one_midnight():
    zone = ZoneInfo("Europe/Berlin")
    found = scale.instants(datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 27, 12, tzinfo=UTC), zone)
    assert [at.isoformat() for at in found] == [
        "2026-10-25T00:00:00+02:00",
        "2026-10-26T00:00:00+01:00",
        "2026-10-27T00:00:00+01:00",
    ]


MIDNIGHTS = {  # zone, from when on two days begin, one of them where the clock is changed: what they begin with
    "comes twice": ("America/Havana", datetime(2026, 11, 1, tzinfo=UTC), ["00:00-04:00", "00:00-05:00"]),
    "does not come": ("Africa/Cairo", datetime(2026, 4, 23, 12, tzinfo=UTC), ["01:00+03:00", "00:00+03:00"]),
    "goes back to the day before": ("America/Asuncion", datetime(2024, 3, 24, tzinfo=UTC), ["00:00-04:00"] * 2),
}


@pytest.mark.parametrize(("zone", "begin", "expected"), MIDNIGHTS.values(), ids=MIDNIGHTS)
def test_a_day_has_one_label_however_often_midnight_comes(zone, begin, expected):
    found = scale.instants(begin, begin + 2 * DAY, ZoneInfo(zone))
    assert [at.isoformat()[11:16] + at.isoformat()[19:] for at in found] == expected
    assert found[1].day == found[0].day + 1


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Pacific/Chatham", "Australia/Eucla"])
def test_zones_a_quarter_of_an_hour_off_have_labels(zone):
    found = scale.instants(NOW - DAY, NOW, ZoneInfo(zone), hours=4)
    assert [at.minute for at in found] == [0] * 6


def test_a_chart_of_a_day_with_25_hours_is_of_24():
    now = datetime(2026, 10, 25, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    found = draw([], [], RANGES["24h"], now=now, interval=SECONDS_30, zone=UTC)
    assert found.end.astimezone(UTC) - found.begin.astimezone(UTC) == DAY


@pytest.mark.parametrize(("name", "least", "most"), [("24h", 6, 7), ("7d", 7, 8), ("30d", 6, 7)])
def test_a_chart_has_room_for_its_labels(name, least, most):
    for shift in range(48):
        reach = RANGES[name]
        now = NOW + shift * HOUR
        found = scale.instants(now - reach.length, now, UTC, hours=reach.hours, days=reach.days)
        assert least <= len(found) <= most


# buckets


ROWS = st.lists(
    st.tuples(
        st.integers(0, 24 * 60 - 1).map(lambda n: NOW - DAY + n * MINUTE),
        *(st.integers(0, 5) for _ in range(3)),
        st.integers(0, 10**9),
        st.integers(0, 10**9),
    ),
    unique_by=lambda row: row[0],
    max_size=60,
).map(sorted)


@given(ROWS, st.sampled_from([MINUTE, 10 * MINUTE, HOUR]))
def test_nothing_is_lost_or_counted_twice_in_buckets(rows, width):
    buckets = gather(rows, width)
    sums = [sum(values) for values in zip(*(row[1:5] for row in rows), strict=True)] if rows else [0] * 4
    assert sums == [
        sum(getattr(bucket, name) for bucket in buckets)
        for name in ("succeeded", "failed", "inconclusive", "elapsed_sum_us")
    ]
    assert len({bucket.start for bucket in buckets}) == len(buckets)
    assert all(bucket.start == floor(bucket.start, int(width.total_seconds())) for bucket in buckets)


@given(ROWS)
def test_everything_drawn_is_within_the_figure(rows):
    figure = chart(rows, [(NOW - 2 * DAY, NOW - 20 * HOUR), (NOW - HOUR, None)])
    for place in (*figure.slices, *figure.shades):
        assert 0 <= place.x <= 100
        assert 0 <= place.width <= 100
        assert place.x + place.width <= 100.01
    numbers = [float(number) for path in (figure.line, figure.band) for number in _numbers(path)]
    assert all(0 <= number <= latency.BOX for number in numbers)


def _numbers(path: str) -> list[str]:
    return path.replace("M", " ").replace("L", " ").replace("z", " ").replace("h", " ").split()


def test_a_bucket_of_failures_has_no_latency():
    bucket = Bucket(NOW, NOW + HOUR, failed=3)
    assert (bucket.mean_ms, bucket.longest_ms, bucket.probes) == (None, None, 3)


# the line


def test_a_gap_is_a_gap():
    start = NOW - 6 * HOUR
    rows = [row(start + n * 10 * MINUTE) for n in (0, 1, 2, 6, 7)]
    assert chart(rows).line.count("M") == 2
    assert chart(rows).band.count("M") == 2


def test_an_outage_breaks_the_line():
    start = NOW - 6 * HOUR
    rows = [row(start), row(start + 10 * MINUTE, succeeded=0, failed=2), row(start + 20 * MINUTE)]
    assert chart(rows).line.count("M") == 2
    assert [place.failed for place in chart(rows).slices] == [0, 1, 0]


def test_a_long_interval_makes_no_gaps():
    rows = [row(NOW - n * HOUR) for n in range(6, 0, -1)]
    assert chart(rows, interval=HOUR).line.count("M") == 1
    assert chart(rows, interval=MINUTE).line.count("M") == 6


def test_one_mean_is_a_dash():
    assert chart([row(NOW - HOUR)]).line.endswith("h1")


def test_one_slow_answer_does_not_flatten_the_rest():
    rows = [row(NOW - n * 10 * MINUTE, mean_ms=10, longest_ms=9_000 if n == 5 else 20) for n in range(100, 0, -1)]
    assert chart(rows).values[-1].value < 100


def test_nothing_seen_is_an_empty_chart():
    figure = chart([])
    assert (figure.line, figure.band, list(figure.slices)) == ("", "", [])
    assert figure.whole.probes == 0


def test_an_outage_is_cut_to_what_is_shown():
    figure = chart([], [(NOW - 2 * DAY, NOW - 12 * HOUR), (NOW - 3 * DAY, NOW - 2 * DAY), (NOW - 6 * HOUR, None)])
    assert [(shade.x, shade.width) for shade in figure.shades] == [(0, 50), (75, 25)]


def test_all_is_summed_up():
    whole = chart([row(NOW - n * HOUR, 3, 1, mean_ms=n, longest_ms=n) for n in (3, 2, 1)]).whole
    assert (whole.probes, whole.mean_ms, whole.longest_ms) == (12, 2, 3)


# stages


STAGES = {  # sentence: (stages in ms, in all, name and width of each part)
    "all of them": (
        {"resolve": 10, "connect": 20, "tls": 30, "first_byte": 40},
        100,
        [("resolve", 10), ("connect", 20), ("tls", 30), ("first_byte", 40)],
    ),
    "without a name and TLS": (
        {"resolve": None, "connect": 25, "tls": None, "first_byte": 75},
        100,
        [("connect", 25), ("first_byte", 75)],
    ),
    "with a body": (
        {"resolve": None, "connect": 10, "tls": None, "first_byte": 40},
        100,
        [("connect", 10), ("first_byte", 40), ("rest", 50)],
    ),
    "none": ({"resolve": None, "connect": None, "tls": None, "first_byte": None}, 0, []),
    "nothing but a known outcome": ({"resolve": None}, None, []),
}


@pytest.mark.parametrize(("taken", "whole", "expected"), STAGES.values(), ids=STAGES)
def test_stages_are_parts_of_a_bar(taken, whole, expected):
    assert [(part.name, part.width) for part in stages.parts(taken, whole)] == expected


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e5)), min_size=4, max_size=4), st.floats(0, 1e5))
def test_the_parts_fill_the_bar_one_after_the_other(taken, whole):
    found = stages.parts(dict(zip(("resolve", "connect", "tls", "first_byte"), taken, strict=True)), whole)
    assume(found)
    assert [part.number for part in found] == list(range(1, len(found) + 1))
    for before, after in itertools.pairwise(found):
        assert after.x == pytest.approx(before.x + before.width, abs=0.01)
    assert found[-1].x + found[-1].width == pytest.approx(100, abs=1.1)
