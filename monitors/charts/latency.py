"""How long a server took to answer, over some time: its mean and longest, where it was down, where nobody looked.

Across, everything is in percent of the width, so that labels are not stretched with it; the line is drawn in a box of
`BOX` by `BOX`, which is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import groupby, pairwise

from monitors.charts import scale
from monitors.spans import Outage, floor, overlap

BOX = 1_000
HEADROOM = 1.08
EDGE = 0.03
"""Share of the width at either end in which no instant is labelled: half of a label would stick out."""

Row = tuple[datetime, int, int, int, int, int]
"""Start, succeeded, failed, inconclusive, sum and maximum of the time that successes took (µs): a rollup."""


@dataclass(frozen=True, slots=True)
class Range:
    """How long a chart looks back."""

    length: timedelta
    resolution: int
    """Seconds of the rollups that it is made of."""
    width: timedelta
    """Of one bucket, the least that the chart tells apart."""
    row: timedelta
    """Of one row of the table that says the same."""
    hours: int
    """Of the clock, between two labels; 24 for a day."""
    days: int = 1


RANGES = {
    "24h": Range(timedelta(hours=24), 60, timedelta(minutes=10), timedelta(hours=1), hours=4),
    "7d": Range(timedelta(days=7), 3_600, timedelta(hours=1), timedelta(hours=6), hours=24),
    "30d": Range(timedelta(days=30), 3_600, timedelta(hours=4), timedelta(days=1), hours=24, days=5),
}


@dataclass(frozen=True, slots=True)
class Bucket:
    """The outcomes of some time."""

    start: datetime
    end: datetime
    succeeded: int = 0
    failed: int = 0
    inconclusive: int = 0
    elapsed_sum_us: int = 0
    elapsed_max_us: int = 0

    @property
    def row(self) -> Row:
        """As it would be stored."""
        sums = self.succeeded, self.failed, self.inconclusive
        return self.start, *sums, self.elapsed_sum_us, self.elapsed_max_us

    @property
    def mean_ms(self) -> float | None:
        return self.elapsed_sum_us / self.succeeded / 1000 if self.succeeded else None

    @property
    def longest_ms(self) -> float | None:
        return self.elapsed_max_us / 1000 if self.succeeded else None

    @property
    def probes(self) -> int:
        """Conclusive ones."""
        return self.succeeded + self.failed


@dataclass(frozen=True, slots=True)
class Slice:
    """A bucket's place: percent of the width, and the share of its probes that failed."""

    x: float
    width: float
    failed: float
    bucket: Bucket

    @property
    def failed_top(self) -> float:
        return round(1 - self.failed, 3)


@dataclass(frozen=True, slots=True)
class Shade:
    """Where the server was down."""

    x: float
    width: float
    began_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Label:
    """A value (ms) at its height, percent from the top, or an instant at its place."""

    place: float
    value: float = 0
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    begin: datetime
    end: datetime
    reach: Range
    whole: Bucket
    """Everything that is shown, summed up."""
    slices: Sequence[Slice]
    rows: Sequence[Bucket]
    shades: Sequence[Shade]
    line: str
    band: str
    values: Sequence[Label]
    instants: Sequence[Label]


def gather(rows: Iterable[Row], width: timedelta) -> list[Bucket]:
    """The sums of `rows`, which are in the order of time, in buckets of `width`; none where there is no row."""
    seconds = int(width.total_seconds())
    buckets = []
    for begin, group in groupby(rows, lambda row: floor(row[0], seconds)):
        _, succeeded, failed, inconclusive, elapsed_sum, elapsed_max = zip(*group, strict=True)
        longest = max(most if ok else 0 for most, ok in zip(elapsed_max, succeeded, strict=True))
        totals = sum(succeeded), sum(failed), sum(inconclusive), sum(elapsed_sum)
        buckets.append(Bucket(begin, begin + width, *totals, longest))
    return buckets


def draw(
    rows: Sequence[Row], outages: Iterable[Outage], reach: Range, *, now: datetime, interval: timedelta, zone: tzinfo
) -> Chart:
    """The chart of the time before `now`. Means further apart than `interval` and a bucket are not joined."""
    now = now.astimezone(UTC)  # or a day in which the clock is changed would have 24 hours
    begin = now - reach.length
    buckets = gather(rows, reach.width)
    coarse = [bucket.row for bucket in buckets]
    labelled = scale.values(_top(buckets))
    top = labelled[-1]
    runs = _runs(buckets, interval)
    return Chart(
        begin,
        now,
        reach,
        replace((gather(coarse, _ALL) or [Bucket(begin, now)])[0], start=begin, end=now),
        [_slice(bucket, begin, now) for bucket in buckets],
        gather(coarse, reach.row),
        [_shade(outage, begin, now) for outage in outages if overlap(outage, begin, now)],
        "".join(_line(run, begin, now, top) for run in runs),
        "".join(_band(run, begin, now, top) for run in runs),
        [Label(round(100 * (1 - value / top), 2), value) for value in labelled],
        [
            Label(_percent(at, begin, now), at=at)
            for at in scale.instants(begin, now, zone, hours=reach.hours, days=reach.days)
            if EDGE <= (at - begin) / reach.length <= 1 - EDGE
        ],
    )


_ALL = timedelta(days=400_000)
"""One bucket for any time."""


def _top(buckets: Sequence[Bucket]) -> float:
    """High enough for every mean and for nearly every longest: one answer of ten seconds must not flatten the rest."""
    means = [bucket.mean_ms for bucket in buckets if bucket.mean_ms is not None]
    longest = [bucket.longest_ms for bucket in buckets if bucket.longest_ms is not None]
    return max(max(means, default=0.0), scale.percentile(longest, 0.95), 1.0) * HEADROOM


def _runs(buckets: Sequence[Bucket], interval: timedelta) -> list[list[Bucket]]:
    """The buckets with a latency, cut where nobody looked or nothing succeeded."""
    seen = [bucket for bucket in buckets if bucket.succeeded]
    runs = [seen[:1]] if seen else []
    for before, after in pairwise(seen):
        if after.start - before.end > interval:
            runs.append([])
        runs[-1].append(after)
    return runs


def _percent(at: datetime, begin: datetime, end: datetime) -> float:
    return round(100 * min(1.0, max(0.0, (at - begin) / (end - begin))), 3)


def _slice(bucket: Bucket, begin: datetime, end: datetime) -> Slice:
    x = _percent(bucket.start, begin, end)
    width = round(_percent(bucket.end, begin, end) - x, 3)
    return Slice(x, width, round(bucket.failed / bucket.probes, 3) if bucket.probes else 0.0, bucket)


def _shade(outage: Outage, begin: datetime, end: datetime) -> Shade:
    began_at, ended_at = outage
    x = _percent(began_at, begin, end)
    return Shade(x, round(_percent(ended_at or end, begin, end) - x, 3), began_at, ended_at)


def _point(bucket: Bucket, begin: datetime, end: datetime, height: float) -> str:
    middle = bucket.start + (bucket.end - bucket.start) / 2
    return f"{_percent(middle, begin, end) * BOX / 100:.1f} {BOX * (1 - min(1.0, height)):.1f}"


def _line(run: Sequence[Bucket], begin: datetime, end: datetime, top: float) -> str:
    """Alone, a mean is a dash: a line of one point would not be seen."""
    points = [_point(bucket, begin, end, (bucket.mean_ms or 0) / top) for bucket in run]
    return f"M{'L'.join(points)}" if len(points) > 1 else f"M{points[0]}h1"


def _band(run: Sequence[Bucket], begin: datetime, end: datetime, top: float) -> str:
    upper = [_point(bucket, begin, end, (bucket.longest_ms or 0) / top) for bucket in run]
    lower = [_point(bucket, begin, end, (bucket.mean_ms or 0) / top) for bucket in reversed(run)]
    return f"M{'L'.join(upper + lower)}z"
