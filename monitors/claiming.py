"""Which servers are due: each is claimed for one slot by one tick, however many ticks run at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from monitors.bulk import upsert
from monitors.fields import to_milliseconds
from monitors.models import Gap, Heartbeat, Server, ServerStatus
from monitors.policy import Effective
from monitors.schedule import next_slot
from monitors.targets import RULE_COLUMNS, policies
from monitors.transactions import retried_atomic

TICK = timedelta(seconds=1)
LOOK_AHEAD = timedelta(seconds=1.5)
"""Servers due before now + this are claimed: the next tick comes after one second, give or take."""
LATEST_START = timedelta(seconds=1)
"""A slot further back has been missed and is skipped."""
GRACE = timedelta(seconds=2)
"""What a probe may take beyond its timeout, waiting for a place and for being recorded, before its claim lapses."""
SILENCE = timedelta(seconds=10)
"""Without a tick for so long, nothing was probed: a gap."""
MOST = 10_000
"""Servers claimed by one transaction."""


@dataclass(frozen=True, slots=True)
class Claim:
    server_id: int
    slot: datetime
    interval: timedelta


@retried_atomic
def claim_due(now: datetime) -> list[Claim]:
    """Take the servers that are due before the next tick and move each to its next slot.

    A claimed server is not claimed again until it is recorded or its claim lapses, so its probes never overlap. Slots
    that were missed are skipped, not replayed. A claim lost with the broker costs one slot, never a false alarm.
    """
    due = Q(next_probe_at__lt=now + LOOK_AHEAD) & (Q(claimed_until=None) | Q(claimed_until__lte=now))
    waiting = ServerStatus.objects.filter(due).order_by("server_id").select_for_update()
    slots: dict[int, Any] = dict(waiting.values_list("server_id", "next_probe_at")[:MOST])
    claims, rows = [], []
    for server_id, rules in _effective(slots):
        slot = slots[server_id]
        if slot < now - LATEST_START:
            slot = next_slot(server_id, now, rules.interval)
        if slot < now + LOOK_AHEAD:
            claims.append(Claim(server_id, slot, rules.interval))
            upcoming, until = next_slot(server_id, slot, rules.interval), to_milliseconds(slot + rules.timeout + GRACE)
        else:
            upcoming, until = slot, None
        rows.append((server_id, to_milliseconds(upcoming), until))
    upsert(ServerStatus, ("server_id", "next_probe_at", "claimed_until"), rows, key=("server_id",))
    return claims


def _effective(server_ids: Collection[int]) -> Iterator[tuple[int, Effective]]:
    if not server_ids:
        return
    in_force = policies()
    servers = Server.objects.filter(id__in=server_ids).values_list("id", *RULE_COLUMNS)
    for server_id, *rules in servers:
        yield server_id, in_force.effective(*rules)


def batches(claims: Sequence[Claim], size: int) -> Iterator[Sequence[Claim]]:
    for start in range(0, len(claims), size):
        yield claims[start : start + size]


@retried_atomic
def replan(now: datetime) -> int:
    """Pull back the next probe of servers whose interval became shorter by a policy or a variable."""
    planned = ServerStatus.objects.filter(next_probe_at__gt=now + LOOK_AHEAD)
    slots: dict[int, Any] = dict(
        planned.order_by("server_id").select_for_update().values_list("server_id", "next_probe_at")
    )
    rows = [
        (server_id, to_milliseconds(next_slot(server_id, now, rules.interval)))
        for server_id, rules in _effective(slots)
        if slots[server_id] > now + rules.interval
    ]
    upsert(ServerStatus, ("server_id", "next_probe_at"), rows, key=("server_id",))
    return len(rows)


@retried_atomic
def beat(now: datetime) -> Gap | None:
    """Note that a tick ran. Returns the gap, stored, when there was none for too long."""
    ticks = Heartbeat.objects.filter(name="tick")
    last = ticks.select_for_update().values_list("at", flat=True).first()
    if last is None:
        Heartbeat.objects.bulk_create([Heartbeat(name="tick", at=now)], ignore_conflicts=True)
        return None
    ticks.update(at=now)
    return Gap.objects.create(began_at=last, ended_at=now) if now - last > SILENCE else None
