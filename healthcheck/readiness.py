"""Whether the monitor does its work: what `/readyz` and `/metrics` know. Reads, never writes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.db.models import Max, Min, Q

from healthcheck import restarts
from healthcheck.broker import problem
from monitors import skew
from monitors.clock import MOST_SKEW, database_now
from monitors.freshness import AHEAD
from monitors.models import Heartbeat, Server, ServerStatus, StatusTransition
from monitors.settings_table import RULE_COLUMNS
from monitors.targets import effective_of, policies
from notifications.models import OPEN_STATES, Channel, Delivery
from notifications.transports import is_cut_off
from notifications.transports.slack.socket import state as socket_state

OLDEST_TICK = timedelta(seconds=10)
"""Ticks come every second."""
MOST_OVERDUE = timedelta(seconds=30)
NOT_NEEDED = {"slack", "demo"}
"""Processes without which servers are watched and alerts go out."""
LATEST_OUTCOME = timedelta(seconds=30)
"""How much longer than the shortest interval and its timeout the latest outcome of all may be ago."""
OLDEST_DELIVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Check:
    """One question about the monitor. `seconds` is None where there is nothing to measure, which is fine."""

    name: str
    ok: bool
    seconds: float | None = None
    limit: float | None = None
    state: str = ""
    """In a word, where ok or not says too little."""
    required: bool = True
    """Whether the monitor is not ready without it."""

    def as_dict(self) -> dict[str, float | bool | str | None]:
        facts: dict[str, float | bool | str | None] = {"ok": self.ok}
        if self.limit is not None:
            facts |= {"seconds": self.seconds, "limit": self.limit}
        if self.state:
            facts |= {"state": self.state, "seconds": self.seconds}
        return facts


def checks(now: datetime | None = None) -> list[Check]:
    """Every check, as it stands now by the database's clock. Without the database the rest cannot be known, and none of
    it is ok."""
    here = [_broker(), _processes()]
    try:
        return [Check("database", True), *here, *_database_checks(now or database_now())]
    except Error:
        connection.close()  # the next request begins with a new one
        return unknown(here)


def unknown(here: Sequence[Check] | None = None) -> list[Check]:
    """Every check where the database does not answer; `here` are those that do not need it."""
    missing = ("tick", "overdue_probe", "last_outcome", "pending_delivery")
    slack = [Check(name, False, required=False) for name in ("slack_channels", "slack_socket")]
    local = (Check("redis", False), Check("processes", False)) if here is None else here
    return [Check("database", False), *local, *(Check(name, False) for name in missing), *slack]


def report(found: list[Check]) -> tuple[HTTPStatus, dict[str, Any]]:
    """The answer to whoever watches the watcher: 200, or 503 when a check fails."""
    ready = all(check.ok for check in found if check.required)
    body = {"status": "ok" if ready else "not ready", "checks": {check.name: check.as_dict() for check in found}}
    return HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE, body


def _broker() -> Check:
    """Whether Redis takes messages, and if not, why."""
    found = problem(settings.REDIS_URL)
    return Check("redis", not found, state=found)


def _processes() -> Check:
    """Whether the processes run that the launcher started beside this one, and which of them ended lately."""
    ended = restarts.read(restarts.report_file(settings.DATA_DIR), os.getppid())
    missed = set(ended.down) - NOT_NEEDED
    return Check("processes", not ended.down, state=ended.sentence(time.monotonic()), required=bool(missed))


def _database_checks(now: datetime) -> Iterator[Check]:
    tick, shortest = tick_age(now), _shortest()
    yield Check("tick", tick is not None and tick <= OLDEST_TICK, _seconds(tick), OLDEST_TICK.total_seconds())
    yield _within("overdue_probe", _misplanned(now, shortest), MOST_OVERDUE)
    yield _within("last_outcome", last_outcome_age(now), shortest + LATEST_OUTCOME)
    yield _within("pending_delivery", pending_delivery_age(now), OLDEST_DELIVERY)
    yield _slack_channels()
    yield _slack_socket(now)
    yield from _clock(now)


def _within(name: str, age: timedelta | None, limit: timedelta) -> Check:
    return Check(name, age is None or age <= limit, _seconds(age), limit.total_seconds())


def _slack_channels() -> Check:
    """Whether messages arrive in every channel that receives alerts: `taken`, or why they do not in one of them; `off`
    without any. It is mended where they should arrive, and by nobody who restarts a process."""
    channels = list(Channel.objects.enabled())
    cut_off = sorted(channel.lacks for channel in channels if is_cut_off(channel))
    return Check("slack_channels", not cut_off, state=(*cut_off, "taken" if channels else "off")[0], required=False)


def _slack_socket(now: datetime) -> Check:
    """Whether presses of buttons arrive: `off`, `connected` and for how long, or why not. Alerts go out without it."""
    buttons = socket_state.standing(now)
    connected_for = None if buttons.since is None else now - buttons.since
    return Check("slack_socket", buttons.ok, _seconds(connected_for), state=buttons.code, required=False)


def _seconds(age: timedelta | None) -> float | None:
    return None if age is None else round(age.total_seconds(), 1)


def _clock(now: datetime) -> Iterator[Check]:
    """How far the clock of any host is from the database's; nothing where the database has none of its own. Its host
    alone can mend it, and all goes on meanwhile."""
    if (ours := skew.own()) is not None:
        furthest = max([abs(ours.total_seconds()), *(abs(beat.skew_seconds or 0) for beat in skew.far(now)[:1])])
        limit = MOST_SKEW.total_seconds()
        yield Check("clock", furthest <= limit, round(furthest, 1), limit, required=False)


def tick_age(now: datetime) -> timedelta | None:
    """Since the schedule was last looked at, or how far ahead of now that was by another clock; None before the first
    time."""
    at = Heartbeat.objects.filter(name="tick").values_list("at", flat=True).first()
    return None if at is None else abs(now - at)


def overdue_probe(now: datetime) -> timedelta | None:
    """How long the longest waiting server has been due without being handed out; None without servers."""
    due = _first_due()
    return None if due is None else max(now - due, timedelta(0))


def _misplanned(now: datetime, shortest: timedelta) -> timedelta | None:
    """As `overdue_probe`; or by how much the first probe of all is planned too far ahead, which is as bad."""
    due = _first_due()
    return None if due is None else max(now - due, due - now - shortest, timedelta(0))


def _first_due() -> datetime | None:
    waiting = ServerStatus.objects.filter(server__paused=False)
    due: datetime | None = waiting.aggregate(due=Min("next_probe_at"))["due"]
    return due


def last_outcome_age(now: datetime) -> timedelta | None:
    """Since any server was last looked at, or last changed: one that was just added or resumed has had no chance yet.

    Servers that are handed out and never looked at are not overdue; this is where a dead prober shows. What is dated
    later than now was dated by a wrong clock, and is no sign.
    """
    until = now + AHEAD
    signs = Server.objects.active().aggregate(
        looked=Max("status__last_checked_at", filter=Q(status__last_checked_at__lte=until)),
        changed=Max("updated_at", filter=Q(updated_at__lte=until)),
        created=Max("created_at", filter=Q(created_at__lte=until)),
    )
    latest = max(filter(None, signs.values()), default=None)
    return None if latest is None else max(now - latest, timedelta(0))


def _shortest() -> timedelta:
    """The shortest interval of all servers that are watched, with its timeout."""
    in_force = policies()
    kinds = Server.objects.active().values_list(*RULE_COLUMNS, named=True).distinct()
    every = (effective_of(server, in_force) for server in kinds)
    return min((rules.interval + rules.timeout for rules in every), default=timedelta(0))


def pending_delivery_age(now: datetime) -> timedelta | None:
    """Since the oldest news that are not told yet came up: not handed over, or not accepted by Slack."""
    unsent: datetime | None = Delivery.objects.filter(state__in=OPEN_STATES).aggregate(at=Min("created_at"))["at"]
    news = StatusTransition.objects.filter(handed_over_at=None)
    unheard: datetime | None = news.aggregate(at=Min("created_at"))["at"]
    oldest = min(filter(None, (unsent, unheard)), default=None)
    return None if oldest is None else max(now - oldest, timedelta(0))
