"""When to look: every server has a grid of slots, its interval with a phase hashed from its id. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GOLDEN = 0x9E3779B97F4A7C15
"""2^64 / golden ratio: consecutive ids land far from one another (Knuth, TAOCP 3, 6.4, Fibonacci hashing)."""

LOOK_AHEAD = timedelta(seconds=1.5)
"""Servers due before now + this are claimed: the next tick comes after one second, give or take."""
IN_HAND = timedelta(seconds=2)
"""Probes whose slot is not further away may have been handed out already."""
LATEST_VOID = timedelta(seconds=10)
"""Slots that are further away are not made void by an edit: nobody has them in hand, whatever the hosts' clocks."""
GRACE = timedelta(seconds=2)
"""What a probe may take beyond its timeout, waiting for a place and for being recorded, before its claim lapses."""
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


def lapses_at(slot: datetime, timeout: timedelta) -> datetime:
    """When the claim of `slot` ends that nobody recorded."""
    return slot + timeout + GRACE


def slot_in_hand(claimed_until: datetime, timeout: timedelta) -> datetime:
    """The slot of a claim that lapses then: the inverse of `lapses_at`."""
    return claimed_until - GRACE - timeout


def free_after(now: datetime, last_slot: datetime | None, claimed_until: datetime | None) -> datetime:
    """After when a server may be planned anew: not for a slot that an edit has made void, nor for one in hand.

    `last_slot` is trusted as far as an edit can set it ahead of now.
    """
    void = last_slot if last_slot is not None and now < last_slot <= now + LATEST_VOID else now
    return void if claimed_until is None or claimed_until <= now else max(void, now + LOOK_AHEAD)
