"""Whether the monitor does its work: what `/readyz` and `/metrics` know. Reads, never writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.db.models import Max, Min

from healthcheck.broker import answers
from monitors.models import Heartbeat, Server, ServerStatus, StatusTransition
from monitors.targets import RULE_COLUMNS, policies
from notifications.lacks import CUT_OFF
from notifications.models import OPEN_STATES, Channel, Delivery
from notifications.socket import state as socket_state

OLDEST_TICK = timedelta(seconds=10)
"""Ticks come every second."""
MOST_OVERDUE = timedelta(seconds=30)
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


def checks(now: datetime) -> list[Check]:
    """Every check. Without the database the rest cannot be known, and none of it is ok."""
    broker = Check("redis", answers(settings.REDIS_URL))
    try:
        return [Check("database", True), broker, *_database_checks(now)]
    except Error:
        connection.close()  # the next request begins with a new one
        return unknown(broker)


def unknown(broker: Check | None = None) -> list[Check]:
    """Every check where the database does not answer."""
    missing = ("tick", "overdue_probe", "last_outcome", "pending_delivery")
    slack = [Check(name, False, required=False) for name in ("slack_channels", "slack_socket")]
    return [
        Check("database", False),
        broker or Check("redis", False),
        *(Check(name, False) for name in missing),
        *slack,
    ]


def report(found: list[Check]) -> tuple[HTTPStatus, dict[str, Any]]:
    """The answer to whoever watches the watcher: 200, or 503 when a check fails."""
    ready = all(check.ok for check in found if check.required)
    body = {"status": "ok" if ready else "not ready", "checks": {check.name: check.as_dict() for check in found}}
    return HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE, body


def _database_checks(now: datetime) -> Iterator[Check]:
    tick = tick_age(now)
    yield Check(
        "tick", tick is not None and -OLDEST_TICK <= tick <= OLDEST_TICK, _seconds(tick), OLDEST_TICK.total_seconds()
    )
    yield _within("overdue_probe", overdue_probe(now), MOST_OVERDUE)
    yield _within("last_outcome", last_outcome_age(now), _patience())
    yield _within("pending_delivery", pending_delivery_age(now), OLDEST_DELIVERY)
    yield _slack_channels()
    yield _slack_socket(now)


def _within(name: str, age: timedelta | None, limit: timedelta) -> Check:
    return Check(name, age is None or age <= limit, _seconds(age), limit.total_seconds())


def _slack_channels() -> Check:
    """Whether Slack takes messages for every channel that receives alerts: `taken`, or why it does not for one of them;
    `off` without any. It is mended in Slack, and by nobody who restarts a process."""
    lacks = sorted(Channel.objects.enabled().values_list("lacks", flat=True).distinct())
    cut_off = [lack for lack in lacks if lack in CUT_OFF]
    return Check("slack_channels", not cut_off, state=(*cut_off, "taken" if lacks else "off")[0], required=False)


def _slack_socket(now: datetime) -> Check:
    """Whether presses of buttons arrive: `off`, `connected` and for how long, or why not. Alerts go out without it."""
    buttons = socket_state.standing(now)
    connected_for = None if buttons.since is None else now - buttons.since
    return Check("slack_socket", buttons.ok, _seconds(connected_for), state=buttons.code, required=False)


def _seconds(age: timedelta | None) -> float | None:
    return None if age is None else round(age.total_seconds(), 1)


def tick_age(now: datetime) -> timedelta | None:
    """Since the schedule was last looked at; None before the first time."""
    at = Heartbeat.objects.filter(name="tick").values_list("at", flat=True).first()
    return None if at is None else now - at


def overdue_probe(now: datetime) -> timedelta | None:
    """How long the longest waiting server has been due without being handed out; None without servers."""
    waiting = ServerStatus.objects.filter(server__paused=False)
    due: datetime | None = waiting.aggregate(due=Min("next_probe_at"))["due"]
    return None if due is None else max(now - due, timedelta(0))


def last_outcome_age(now: datetime) -> timedelta | None:
    """Since any server was last looked at, or last changed: one that was just added or resumed has had no chance yet.

    Servers that are handed out and never looked at are not overdue; this is where a dead prober shows.
    """
    signs = Server.objects.active().aggregate(
        looked=Max("status__last_checked_at"), changed=Max("updated_at"), created=Max("created_at")
    )
    latest = max(filter(None, signs.values()), default=None)
    return None if latest is None else now - latest


def _patience() -> timedelta:
    """How long the latest of all outcomes may be ago."""
    in_force = policies()
    kinds = Server.objects.active().values_list(*RULE_COLUMNS).distinct()
    every = (in_force.effective(*overrides) for overrides in kinds)
    return min((rules.interval + rules.timeout for rules in every), default=timedelta(0)) + LATEST_OUTCOME


def pending_delivery_age(now: datetime) -> timedelta | None:
    """Since the oldest news that are not told yet came up: not handed over, or not accepted by Slack."""
    unsent: datetime | None = Delivery.objects.filter(state__in=OPEN_STATES).aggregate(at=Min("created_at"))["at"]
    news = StatusTransition.objects.filter(handed_over_at=None)
    unheard: datetime | None = news.aggregate(at=Min("created_at"))["at"]
    oldest = min(filter(None, (unsent, unheard)), default=None)
    return None if oldest is None else now - oldest
