"""Beat goes on, whatever the broker does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from celery import Celery
from django.conf import settings

from healthcheck.broker import celery_broker_url
from healthcheck.schedule import SteadyScheduler, every
from healthcheck.tests.private_redis import private_redis
from healthcheck.tests.stack import wait_for

TROUBLES = {
    "read-only": (["REPLICAOF", "127.0.0.1", 1], ["REPLICAOF", "NO", "ONE"]),
    "out of memory": (["CONFIG", "SET", "maxmemory", 1], ["CONFIG", "SET", "maxmemory", 0]),
    "another password": (["CONFIG", "SET", "requirepass", "secret"], ["CONFIG", "SET", "requirepass", ""]),
    "no replica": (["CONFIG", "SET", "min-replicas-to-write", 1], ["CONFIG", "SET", "min-replicas-to-write", 0]),
}
TICKS = 3


def app_at(broker: str) -> Celery:
    """With a tick that is always due."""
    app = Celery("beat", broker=broker)
    app.conf.task_publish_retry_policy = settings.CELERY_TASK_PUBLISH_RETRY_POLICY
    app.conf.beat_schedule = {"tick": {"task": "tick", "schedule": every(0.001)}}
    return app


@pytest.fixture
def scheduler() -> Iterator[tuple[SteadyScheduler, str]]:
    """One and the address of its Redis."""
    with private_redis() as url:
        found = SteadyScheduler(app_at(celery_broker_url(url)))
        yield found, url
        found.close()


def tick_until(beat: SteadyScheduler, found: Callable[[], Any]) -> None:
    def ticked() -> Any:
        beat.tick()
        return found()

    wait_for(ticked)


def failures(caplog: pytest.LogCaptureFixture) -> int:
    return sum(message.startswith("task not sent") for message in caplog.messages)


@pytest.mark.parametrize(("make", "mend"), TROUBLES.values(), ids=TROUBLES)
def test_a_broker_that_refuses_costs_its_ticks_and_nothing_else(scheduler, caplog, make, mend):
    beat, url = scheduler
    with redis.Redis.from_url(url) as server:
        tick_until(beat, lambda: server.llen("celery"))
        server.execute_command(*make)
        with redis.Redis.from_url(url, password="secret" if "requirepass" in make else None) as other:
            other.client_kill_filter(_type="normal", skipme=True)  # or it would go on without the password
            tick_until(beat, lambda: failures(caplog) >= TICKS)
            other.execute_command(*mend)
        sent = server.llen("celery")
        tick_until(beat, lambda: server.llen("celery") >= sent + TICKS)


def test_beat_waits_for_no_broker_that_is_away(caplog):
    beat = SteadyScheduler(app_at("redis://127.0.0.1:1/0"))
    tick_until(beat, lambda: failures(caplog) >= TICKS)
