"""Beat goes on, whatever the broker does; messages outlive clocks that differ."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from celery import Celery

from healthcheck.celery import SKEW_SECONDS, Messages
from healthcheck.schedule import SteadyScheduler, every
from healthcheck.tests.private_redis import private_redis

TROUBLES = {
    "read-only": (["REPLICAOF", "127.0.0.1", 1], ["REPLICAOF", "NO", "ONE"]),
    "out of memory": (["CONFIG", "SET", "maxmemory", 1], ["CONFIG", "SET", "maxmemory", 0]),
    "another password": (["CONFIG", "SET", "requirepass", "secret"], ["CONFIG", "SET", "requirepass", ""]),
    "no replica": (["CONFIG", "SET", "min-replicas-to-write", 1], ["CONFIG", "SET", "min-replicas-to-write", 0]),
}
TICKS = 3


@pytest.fixture
def scheduler() -> Any:
    """One with a tick that is always due, and its Redis."""
    with private_redis() as url:
        path = url.removeprefix("unix://").partition("?")[0]
        app = Celery("beat", broker=f"redis+socket://{path}")
        app.conf.task_publish_retry_policy = {"max_retries": 1, "interval_start": 0, "interval_max": 0.2}
        app.conf.beat_schedule = {"tick": {"task": "tick", "schedule": every(0.001)}}
        found = SteadyScheduler(app)
        yield found, url
        found.close()


def tick(scheduler: SteadyScheduler) -> None:
    for _ in range(10 * TICKS):
        scheduler.tick()


def failures(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message for message in caplog.messages if message.startswith("task not sent")]


@pytest.mark.parametrize(("make", "mend"), TROUBLES.values(), ids=TROUBLES)
def test_a_broker_that_refuses_costs_its_ticks_and_nothing_else(scheduler, caplog, make, mend):
    beat, url = scheduler
    with redis.Redis.from_url(url) as server:
        tick(beat)
        sent = server.llen("celery")
        assert sent > 0
        server.execute_command(*make)
        if make[2] == "requirepass":
            with redis.Redis.from_url(url, password="secret") as other:
                other.client_kill_filter(_type="normal", skipme=True)
                tick(beat)
                other.execute_command(*mend)
        else:
            tick(beat)
            server.execute_command(*mend)
        assert failures(caplog)
        tick(beat)
        assert server.llen("celery") > sent


def test_beat_waits_for_no_broker_that_is_away(caplog):
    app = Celery("beat", broker="redis://127.0.0.1:1/0")
    app.conf.task_publish_retry_policy = {"max_retries": 1, "interval_start": 0, "interval_max": 0.2}
    app.conf.beat_schedule = {"tick": {"task": "tick", "schedule": every(0.001)}}
    beat = SteadyScheduler(app)
    tick(beat)
    assert len(failures(caplog)) > 1


EXPIRY = {"seconds": (2, 2 + SKEW_SECONDS), "a fraction": (0.5, 0.5 + SKEW_SECONDS)}


@pytest.mark.parametrize(("asked", "given"), EXPIRY.values(), ids=EXPIRY)
def test_a_message_outlives_a_clock_that_is_ahead(asked, given):
    app = Celery("messages", amqp=Messages)
    now = datetime(2026, 11, 30, 12, tzinfo=UTC)
    message = app.amqp.as_task_v2("id", "task", expires=asked, now=now)
    assert datetime.fromisoformat(message.headers["expires"]) == now + timedelta(seconds=given)


def test_a_message_that_never_expires_goes_on_so():
    assert Celery("messages", amqp=Messages).amqp.as_task_v2("id", "task").headers["expires"] is None
