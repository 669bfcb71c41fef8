"""Messages between hosts whose clocks differ."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from celery.worker.request import Request

from healthcheck.celery import app
from monitors.clock import MOST_SKEW
from monitors.tasks import probe_due

SECOND = timedelta(seconds=1)
TICK = app.conf.beat_schedule["probe due servers"]["options"]["expires"]


def expires(sent: Any, *, ahead: timedelta) -> bool:
    """Whether a worker whose clock is so far `ahead` of the sender's drops what was `sent` to expire then."""
    theirs = datetime.now(UTC) - ahead
    expiry = theirs + sent if isinstance(sent, timedelta) else sent
    message = app.amqp.as_task_v2(str(uuid4()), probe_due.name, expires=expiry, now=theirs)
    envelope = SimpleNamespace(
        headers=message.headers,
        properties={**message.properties, "correlation_id": "x", "reply_to": ""},
        body=message.body,
        payload=message.body,
        delivery_info={},
        content_type="application/json",
        content_encoding="utf-8",
        ack_log_error=lambda *_args, **_more: None,
    )
    task = app.tasks[probe_due.name]
    request = Request(envelope, app=app, task=task, body=message.body, headers=message.headers, decoded=True)
    return bool(request.maybe_expire())


@pytest.mark.parametrize("sent", [TICK, TICK * SECOND], ids=["seconds", "an instant"])
@pytest.mark.parametrize("seconds", [-5, -2, 0, 2, 5])
def test_no_tick_is_dropped_by_a_worker_whose_clock_is_seconds_away(sent, seconds):
    assert not expires(sent, ahead=seconds * SECOND)


def test_a_tick_that_nobody_took_for_long_is_dropped():
    assert expires(TICK, ahead=TICK * SECOND + MOST_SKEW + SECOND)


def test_a_message_that_does_not_expire_never_does():
    assert not expires(None, ahead=timedelta(days=1))
