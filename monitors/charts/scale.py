"""Axes: which values and which instants are labelled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from math import ceil, floor, log10

QUARTER = timedelta(minutes=15)
"""Every zone differs from UTC by a multiple of this."""


def values(top: float, steps: int = 4) -> list[float]:
    """Round values from 0 to the first one that is not below `top`, about `steps` apart."""
    rough = max(top, 0.001) / steps
    magnitude = 10.0 ** floor(log10(rough))
    step = next(step for step in (magnitude, 2 * magnitude, 5 * magnitude, 10 * magnitude) if step >= rough * 0.999)
    count = max(1, ceil(round(top / step, 6)))
    return [round(step * number, 6) for number in range(count + 1)]


def instants(begin: datetime, end: datetime, zone: tzinfo, *, hours: int = 24, days: int = 1) -> list[datetime]:
    """The instants between `begin` and `end` at which the clock of `zone` reaches a multiple of so many `hours`, in
    that zone; where that is a whole day, only every so many `days`. What a change of summer time skips is reached with
    it; what it repeats is reached once."""
    first = begin.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    found: list[datetime] = []
    reached = _part_of_day((first - QUARTER).astimezone(zone), hours)
    for number in range((end.astimezone(UTC) - first) // QUARTER + 1):
        now = first + number * QUARTER
        at = now.astimezone(zone)
        if (part := _part_of_day(at, hours)) <= reached:
            continue
        reached = part
        if begin <= now <= end and (hours < 24 or not at.toordinal() % days):
            found.append(at)
    return found


def _part_of_day(at: datetime, hours: int) -> tuple[int, int]:
    return at.toordinal(), at.hour // hours


def percentile(numbers: Sequence[float], share: float) -> float:
    """The smallest of `numbers` that is not below `share` of them; 0 of none."""
    ordered = sorted(numbers)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
