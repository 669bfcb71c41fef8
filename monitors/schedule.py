"""When to look: every server has a grid of slots, its interval with a phase hashed from its id. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GOLDEN = 0x9E3779B97F4A7C15
"""2^64 / golden ratio: consecutive ids land far from one another (Knuth, TAOCP 3, 6.4, Fibonacci hashing)."""


GRAIN = timedelta(milliseconds=50)
"""Phases are multiples of this: a loop that wakes for several probes at once takes half the CPU for each of them."""


def phase(server_id: int, interval: timedelta) -> timedelta:
    """Offset of the server's grid, in [0, interval), a multiple of `GRAIN`.

    It depends on the id alone and not on history, so a restart moves nothing and neighbours in the table do not probe
    at the same instant.
    """
    fraction = (server_id * GOLDEN) % 2**64
    return ((fraction * (interval // GRAIN)) >> 64) * GRAIN


def next_slot(server_id: int, now: datetime, interval: timedelta) -> datetime:
    """First slot of the server's grid after `now`. Slots missed in an outage are skipped, not replayed."""
    origin = EPOCH + phase(server_id, interval)
    return origin + ((now - origin) // interval + 1) * interval
