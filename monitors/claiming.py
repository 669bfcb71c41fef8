"""Which servers are due: each is claimed for one slot by one tick, however many ticks run at once."""

from __future__ import annotations

import logging
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

logger = logging.getLogger(__name__)

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
    timeout: timedelta


@retried_atomic
def claim_due(now: datetime) -> list[Claim]:
    """Take the servers that are due before the next tick and move each to its next slot.

    A claimed server is not claimed again until it is recorded or its claim lapses, so its probes never overlap. Slots
    that were missed are skipped, not replayed. A claim lost with the broker costs one slot, never a false alarm.
    """
    due = Q(next_probe_at__lt=now + LOOK_AHEAD) & (Q(claimed_until=None) | Q(claimed_until__lte=now))
    waiting = ServerStatus.objects.filter(due).order_by("server_id").select_for_update()
    slots: dict[int, Any] = dict(waiting.values_list("server_id", "next_probe_at")[:MOST])
    claims: list[Claim] = []
    rows: list[tuple[int, int | None, int | None]] = []
    for server_id, rules in _effective(slots):
        slot = slots[server_id]
        if slot < now - LATEST_START:
            slot = next_slot(server_id, now, rules.interval)
        if slot < now + LOOK_AHEAD:
            claims.append(Claim(server_id, slot, rules.interval, rules.timeout))
            upcoming, until = next_slot(server_id, slot, rules.interval), to_milliseconds(slot + rules.timeout + GRACE)
        else:
            upcoming, until = slot, None
        rows.append((server_id, to_milliseconds(upcoming), until))
    known = {row[0] for row in rows}
    rows += [(server_id, None, None) for server_id in slots if server_id not in known]  # their servers are gone
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
    """Alike ones together: a task lasts as long as its slowest server, and its message expires with its shortest
    interval."""
    claims = sorted(claims, key=lambda claim: (claim.timeout, claim.interval))
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
    """Note that a tick ran. Returns the gap, stored, when there was none for too long.

    When the clock was set back, what was planned and recorded by the wrong one lies in the future, and would keep
    everything waiting until then: it is forgotten.
    """
    last = _beat("tick", now)
    if last is not None and last > now + SILENCE:
        logger.error("the clock was set back", extra={"seconds": (last - now).total_seconds()})
        ahead = ServerStatus.objects.filter(Q(last_slot__gt=now + SILENCE) | Q(claimed_until__gt=now))
        ahead.update(last_slot=None, claimed_until=None)
        replan(now)
    return Gap.objects.create(began_at=last, ended_at=now) if last is not None and now - last > SILENCE else None


@retried_atomic
def note_outcomes(now: datetime) -> Gap | None:
    """Note that outcomes were recorded. Returns the gap, stored, when none was for longer than the fleet explains: its
    shortest interval twice, and some."""
    last = _beat("outcomes", now)
    if last is None or now - last <= SILENCE:
        return None
    in_force = policies()
    distinct = Server.objects.active().order_by().values_list(*RULE_COLUMNS).distinct()
    shortest = min((in_force.effective(*rules).interval for rules in distinct), default=now - last)
    return Gap.objects.create(began_at=last, ended_at=now) if now - last > 2 * shortest + SILENCE else None


def _beat(name: str, now: datetime) -> datetime | None:
    """When this part last noted that it works; notes that it does now."""
    beats = Heartbeat.objects.filter(name=name)
    last = beats.select_for_update().values_list("at", flat=True).first()
    if last is None:
        Heartbeat.objects.bulk_create([Heartbeat(name=name, at=now)], ignore_conflicts=True)
    else:
        beats.update(at=now)
    return last
