"""From the farm's hits to figures: what was probed, what was missed, how late. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

from benchmarks.farm import Hit
from monitors.schedule import EPOCH, phase

EARLY = 0.05
"""A hit so many seconds before a slot belongs to it: timers of a loop are as precise as a millisecond or two."""


@dataclass(frozen=True, slots=True)
class Punctuality:
    """How the slots of a window were kept. Seconds."""

    slots: int
    missed: int
    repeated: int
    """Slots with more than one hit."""
    p50: float
    p95: float
    p99: float
    latest: float
    earliest: float
    """Negative when a probe began before its slot."""

    @property
    def missed_percent(self) -> float:
        return 100 * self.missed / self.slots if self.slots else 0.0


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of `values` that `percent` of them do not exceed (nearest rank). 0 for none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def slots_between(server_id: int, interval: float, begin: float, end: float) -> list[float]:
    """The server's slots in [begin, end), as seconds since the epoch."""
    step = timedelta(seconds=interval)
    origin = EPOCH + phase(server_id, step)
    first = origin - (origin - datetime.fromtimestamp(begin, UTC)) // step * step
    slots = []
    while first.timestamp() < end:
        slots.append(first.timestamp())
        first += step
    return slots


def punctuality(
    hits: Iterable[Hit], servers: Mapping[int, int], interval: float, windows: Sequence[tuple[float, float]]
) -> Punctuality:
    """How the slots in `windows` ([begin, end) each) were kept by `hits`, which should reach a little beyond them.

    `servers` are the ids by target; hits of other targets are not looked at. A hit belongs to the last slot before it.
    """
    by_target: dict[int, list[float]] = {target: [] for target in servers}
    for hit in hits:
        if hit.target in by_target:
            by_target[hit.target].append(hit.at)
    lateness: list[float] = []
    total = repeated = 0
    for target, server_id in servers.items():
        for slot in (slot for window in windows for slot in slots_between(server_id, interval, *window)):
            kept = [at - slot for at in by_target[target] if -EARLY <= at - slot < interval - EARLY]
            total += 1
            repeated += len(kept) > 1
            lateness += kept[:1]
    return Punctuality(
        slots=total,
        missed=total - len(lateness),
        repeated=repeated,
        p50=percentile(lateness, 50),
        p95=percentile(lateness, 95),
        p99=percentile(lateness, 99),
        latest=max(lateness, default=0.0),
        earliest=min(lateness, default=0.0),
    )
