"""Which servers are due: each is claimed for one slot by one tick, however many ticks run at once.

An instant that is stored is trusted as far as it can be ahead of the clock: what a wrong clock wrote is written anew.
Status rows are looked for without a lock and then locked in the order of their key, as everywhere: a lock taken while
reading the index of `next_probe_at` would be the other way round than those of whoever moves a server in it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Model, Q, Value
from django.db.models.functions import Least

from monitors.bulk import upsert
from monitors.fields import to_milliseconds
from monitors.models import Gap, Heartbeat, Incident, Server, ServerStatus, StatusTransition
from monitors.policy import Effective, Policies
from monitors.schedule import GRACE, LOOK_AHEAD, free_after, lapses_at, next_slot
from monitors.settings_table import RULE_COLUMNS
from monitors.targets import effective_of, policies
from monitors.transactions import retried_atomic

logger = logging.getLogger(__name__)

LATEST_START = timedelta(seconds=1)
"""A slot further back has been missed and is skipped."""
SILENCE = timedelta(seconds=10)
"""Without a tick for so long, nothing was probed: a gap."""
SET_BACK = timedelta(seconds=15)
"""A heartbeat from so far ahead was written before the clock was set back; a smaller difference may be that of two
hosts, and stands until the clock has caught up."""
MOST = 10_000
"""Servers claimed by one tick."""
CHUNK = 2_500
"""Servers claimed or planned anew by one transaction: short enough for the recorder to get in between."""


@dataclass(frozen=True, slots=True)
class Claim:
    server_id: int
    slot: datetime
    interval: timedelta
    timeout: timedelta


def claim_due(now: datetime, in_force: Policies | None = None) -> list[Claim]:
    """Take the servers that are due before the next tick and move each to its next slot.

    A claimed server is not claimed again until it is recorded or its claim lapses, so its probes never overlap. Slots
    that were missed are skipped, not replayed. A claim lost with the broker costs one slot, never a false alarm.
    """
    claimable = Q(claimed_until=None) | Q(claimed_until__lte=now) | Q(claimed_until__gt=now + LOOK_AHEAD + GRACE)
    due = ServerStatus.objects.filter(claimable, next_probe_at__lt=now + LOOK_AHEAD).order_by("next_probe_at")
    ids = sorted(due.values_list("server_id", flat=True)[:MOST])
    if not ids:
        return []
    in_force = in_force or policies()
    return [claim for chunk in _chunks(ids) for claim in _claim(chunk, now, in_force)]


@retried_atomic
def _claim(server_ids: Sequence[int], now: datetime, in_force: Policies) -> list[Claim]:
    columns = ("server_id", "next_probe_at", "claimed_until")
    waiting = ServerStatus.objects.lock(server_ids).values_list(*columns, "last_slot")
    planned = {row[0]: row[1:] for row in waiting}
    claims: list[Claim] = []
    rows: list[tuple[int, int | None, int | None]] = []
    known, recorded_ahead = set(), []
    for server_id, rules in _effective(server_ids, in_force):
        known.add(server_id)
        slot, until, last = planned.get(server_id, (None, None, None))
        if slot is None or slot >= now + LOOK_AHEAD or _holds(until, rules.timeout, now):
            continue  # somebody was faster
        if slot < now - LATEST_START:
            slot = next_slot(server_id, now, rules.interval)
        if slot < now + LOOK_AHEAD:
            claims.append(Claim(server_id, slot, rules.interval, rules.timeout))
            upcoming, until = next_slot(server_id, slot, rules.interval), lapses_at(slot, rules.timeout)
        else:
            upcoming, until = slot, None
        if last is not None and last >= slot:
            recorded_ahead.append(server_id)
        rows.append((server_id, to_milliseconds(upcoming), until and to_milliseconds(until)))
    rows += [(server_id, None, None) for server_id in planned if server_id not in known]  # their servers are gone
    upsert(ServerStatus, columns, rows, key=("server_id",))
    if recorded_ahead:  # by another clock: a slot is claimed before it is recorded
        ServerStatus.objects.filter(server__in=recorded_ahead).update(last_slot=None)
    return claims


def _holds(claimed_until: datetime | None, timeout: timedelta, now: datetime) -> bool:
    """Whether a probe is on its way, by a claim that can have been made by now."""
    return claimed_until is not None and now < claimed_until <= lapses_at(now + LOOK_AHEAD, timeout)


def _effective(server_ids: Collection[int], in_force: Policies) -> Iterator[tuple[int, Effective]]:
    for server in Server.objects.filter(id__in=server_ids).values_list("id", *RULE_COLUMNS, named=True):
        yield server.id, effective_of(server, in_force)


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


def batches(claims: Sequence[Claim], size: int) -> Iterator[Sequence[Claim]]:
    """Alike ones together: a task lasts as long as its slowest server."""
    claims = sorted(claims, key=lambda claim: (claim.timeout, claim.interval))
    for start in range(0, len(claims), size):
        yield claims[start : start + size]


def replan(now: datetime) -> int:
    """Pull back the next probe of servers whose interval became shorter by a policy or a variable, and of those that
    were planned by a clock that has been set back. Returns how many that were."""
    ahead = ServerStatus.objects.filter(next_probe_at__gt=now + LOOK_AHEAD)
    ids, in_force = sorted(ahead.values_list("server_id", flat=True)), policies()
    return sum(_replan(chunk, now, in_force) for chunk in _chunks(ids))


@retried_atomic
def _replan(server_ids: Sequence[int], now: datetime, in_force: Policies) -> int:
    columns = ("server_id", "next_probe_at", "last_slot", "claimed_until")
    planned = {row[0]: row[1:] for row in ServerStatus.objects.lock(server_ids).values_list(*columns)}
    rows = []
    for server_id, rules in _effective(planned, in_force):
        slot, *held = planned[server_id]
        if slot is not None and slot > now + rules.interval + LOOK_AHEAD:
            rows.append((server_id, to_milliseconds(next_slot(server_id, free_after(now, *held), rules.interval))))
    upsert(ServerStatus, columns[:2], rows, key=("server_id",))
    return len(rows)


@retried_atomic
def beat(now: datetime) -> Gap | None:
    """Note that a tick ran. Returns the gap, stored, when there was none for too long."""
    last = _beat("tick", now)
    if last is None or now - last <= SILENCE:
        return None
    return Gap.objects.create(began_at=last, ended_at=now)


@retried_atomic
def note_outcomes(now: datetime) -> Gap | None:
    """Note that outcomes were recorded. Returns the gap, stored, when none was for longer than the fleet explains: its
    shortest interval twice, and some."""
    last = _beat("outcomes", now)
    if last is None or now - last <= SILENCE:
        return None
    in_force = policies()
    distinct = Server.objects.active().order_by().values_list(*RULE_COLUMNS, named=True).distinct()
    shortest = min((effective_of(server, in_force).interval for server in distinct), default=now - last)
    return Gap.objects.create(began_at=last, ended_at=now) if now - last > 2 * shortest + SILENCE else None


def _beat(name: str, now: datetime) -> datetime | None:
    """When this part last noted that it works; notes that it does now. A note from ahead stands until the clock has
    caught up, so that hosts whose clocks differ invent no silence, unless the clock was set back."""
    beats = Heartbeat.objects.filter(name=name)
    last = beats.select_for_update().values_list("at", flat=True).first()
    if last is None:
        Heartbeat.objects.bulk_create([Heartbeat(name=name, at=now)], ignore_conflicts=True)
    elif last > now + SET_BACK:
        logger.error("the clock was set back", extra={"part": name, "seconds": (last - now).total_seconds()})
        forget_the_future(now)
        beats.update(at=now)
    elif last < now:
        beats.update(at=now)
    return last


def forget_the_future(now: datetime) -> None:
    """Write anew what a clock has left behind that has been set back since. Claims and slots that are recorded already
    need no help, see `claim_due`."""
    replan(now)
    date_back(now)


def date_back(now: datetime) -> None:
    """Date what was done later than now, by a clock that was wrong, from now."""
    instants = ("since", "run_began_at", "last_checked_at")
    later = reduce(or_, (Q((f"{column}__gt", now)) for column in instants))
    for chunk in _chunks(sorted(ServerStatus.objects.filter(later).values_list("server_id", flat=True))):
        _date_statuses_back(chunk, instants, now)
    going_on = Q(ended_at=None) & (Q(began_at__gt=now) | Q(confirmed_at__gt=now))
    for model, later, columns in (
        (Incident, Q(ended_at__gt=now) | going_on, ("began_at", "confirmed_at", "ended_at")),
        (StatusTransition, Q(at__gt=now), ("at", "created_at")),
        (Gap, Q(ended_at__gt=now), ("began_at", "ended_at")),
    ):
        ids = sorted(model._default_manager.filter(later).values_list("pk", flat=True))
        model._default_manager.filter(pk__in=ids).update(**_no_later(now, model, columns))


@retried_atomic
def _date_statuses_back(server_ids: Sequence[int], columns: Sequence[str], now: datetime) -> None:
    list(ServerStatus.objects.lock(server_ids).values_list("server_id"))
    ServerStatus.objects.filter(server__in=server_ids).update(**_no_later(now, ServerStatus, columns))


def _no_later(now: datetime, model: type[Model], columns: Iterable[str]) -> dict[str, Least]:
    """The same columns, but not later than `now`, each as its kind of column stores it."""
    fields: Iterable[Any] = map(model._meta.get_field, columns)
    return {field.name: Least(field.name, Value(now, output_field=field)) for field in fields}
