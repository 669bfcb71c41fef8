"""A fleet as a team has it, stored in bulk: most servers fine, some down, paused, unknown or not seen lately."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from functools import lru_cache

import pytest
from django.utils import timezone

from monitors import freshness, recording
from monitors.freshness import AHEAD
from monitors.models import Heartbeat, Incident, Rollup, Server, ServerStatus, UnknownTime
from monitors.spans import floor
from monitors.strip import SUCCESS, VERSION
from monitors.tests.failing import Failure

NAMES = ("web", "chat", "edit", "game", "admin", "api", "auth", "billing", "search", "cdn", "mail", "queue")
HOSTS = ("{}.example.com", "https://{}.example.com/health", "10.0.4.{}", "결제-{}.example.co.kr")
PLACES = ("LIVE", "LIVE", "STAGE", "DEV")
FAILURES = (Failure.REFUSED, Failure.TIMEOUT_CONNECT, Failure.HTTP_5XX, Failure.CERT_EXPIRED, Failure.UNKNOWN_HOST)
STRIPS = 40
"""Different ones of each kind."""
DETAILS = {Failure.HTTP_5XX: "status 502 Bad Gateway", Failure.UNKNOWN_HOST: "auth-4.example.com"}


def keep_ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the ticks went on for ten minutes: nobody ticks while a page is looked at."""
    monkeypatch.setattr(freshness, "AHEAD", timedelta(hours=1))
    Heartbeat.objects.create(name="tick", at=timezone.now() + timedelta(minutes=10))


def fleet(count: int, now: datetime, *, down: int = 2, seed: int = 7) -> None:
    """`count` servers, `down` of which fail, with strips, latencies and rollups."""
    chance = random.Random(seed)
    servers = [
        Server(
            host_name=f"{NAMES[i % len(NAMES)]}-{i // len(NAMES) + 1}",
            host=HOSTS[i % len(HOSTS)].format(i),
            port=(443, 443, 8080, 443)[i % 4],
            type=(1, 2, 3, 4, 6)[i % 5],
            environment=PLACES[i % len(PLACES)],
            tags=["core"] if i % 3 == 0 else None,
            notification=i % 9 != 0,
            created_at=now - timedelta(days=90),
        )
        for i in range(count)
    ]
    recording.create(servers, now=now)
    Heartbeat.objects.update_or_create(name="tick", defaults={"at": now + AHEAD})
    statuses, incidents, rollups, unknown = [], [], [], []
    for i, server in enumerate(Server.objects.order_by("id")):
        status = ServerStatus(server=server, next_probe_at=now + timedelta(seconds=chance.randint(1, 30)))
        _settle(status, i, down, now, chance)
        statuses.append(status)
        rollups += list(_rollups(server.pk, now, chance, status.health == "UNHEALTHY"))
        if status.health == "UNHEALTHY":
            columns = {"server": server, "host_name": server.host_name, "environment": server.environment}
            times = {"began_at": status.since, "confirmed_at": status.since + timedelta(minutes=1)}
            incidents.append(Incident(**columns, **times, failure=status.failure, detail=status.detail))
        if i % 16 == 1:
            began_at = now - timedelta(hours=chance.randint(6, 20))
            unknown.append(UnknownTime(server=server, began_at=began_at, ended_at=began_at + timedelta(hours=5)))
    ServerStatus.objects.all().delete()
    ServerStatus.objects.bulk_create(statuses, batch_size=1_000)
    Incident.objects.bulk_create(incidents)
    Rollup.objects.bulk_create(rollups, batch_size=2_000)
    UnknownTime.objects.bulk_create(unknown)
    if count > 6:
        Server.objects.filter(pk=statuses[5].pk).update(paused=True, paused_reason="replaced by web-2")


def _settle(status: ServerStatus, i: int, down: int, now: datetime, chance: random.Random) -> None:
    failing = i % 7 == 3 and i // 7 < down
    base = chance.choice((3, 12, 24, 48, 180))
    status.health = "UNHEALTHY" if failing else "UNKNOWN" if i % 97 == 10 else "HEALTHY"
    status.since = now - timedelta(
        seconds=chance.choice((250, 4_000, 90_000, 900_000)) if not failing else 260 + i * 40
    )
    status.last_checked_at = now - timedelta(seconds=400 if i % 151 == 8 else chance.randint(0, 20))
    status.known_until = status.last_checked_at + timedelta(minutes=1)
    if status.health == "UNKNOWN":
        status.last_checked_at = None
        status.since = None
        return
    failure = FAILURES[i % len(FAILURES)]
    if failing:
        status.failure, status.detail = failure, DETAILS.get(failure, "")
    status.recent = _strip(failure.code, 9 + i % 20 if failing else 0, base, int(now.timestamp()), i % STRIPS)
    status.elapsed_us = int(status.recent[-13:-8], 16) * 100


@lru_cache(maxsize=1_000)
def _strip(code: str, failed: int, base: int, second: int, seed: int) -> str:
    """Sixty outcomes, the last `failed` of which failed, and one in a hundred before. Latencies about `base` ms."""
    chance = random.Random(seed)
    tokens = []
    for left in range(60, 0, -1):
        fails = left < failed or chance.random() < 0.006
        tenths = int(base * 10 * chance.uniform(0.8, 1.7)) if chance.random() < 0.9 else base * 30
        tokens.append(f"{code if fails else SUCCESS}{tenths:05x}{second - left * 30:08x}")
    return VERSION + "".join(tokens)


def _rollups(server_id: int, now: datetime, chance: random.Random, failing: bool) -> list[Rollup]:
    common = {"server_id": server_id, "inconclusive": 0, "elapsed_sum_us": 0, "elapsed_max_us": 0}
    spans = ((Rollup.HOUR, 1, 120), (Rollup.HOUR, 30, 120), (Rollup.DAY, 24, 2_880), (Rollup.DAY, 24 * 20, 2_880))
    rows = []
    for resolution, hours, probes in spans:
        failed = chance.choice((0, 0, 0, 1, 3)) + (40 if failing and hours == 1 else 0)
        start = floor(now - timedelta(hours=hours), resolution)
        rows.append(Rollup(resolution=resolution, start=start, succeeded=probes - failed, failed=failed, **common))
    return rows
