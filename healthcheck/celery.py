"""The Celery application. Workers, queues and the schedule are in `healthcheck.settings`."""

from __future__ import annotations

import os
import time
from datetime import datetime
from inspect import signature
from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from celery.signals import after_task_publish, task_prerun
from celery.worker.consumer import Consumer
from django.db import close_old_connections

from healthcheck.logs import broker_errors
from monitors.clock import MOST_SKEW

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthcheck.settings")

REFUSED_SECONDS = 5.0
"""Within which a second error is one of the same trouble."""
PAUSE_SECONDS = 1.0


class PatientConsumer(Consumer):
    """Waits a second when Redis refuses it again and again. Celery's own connects anew at once, five times a second for
    as long as Redis is read-only."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._refused_at = -REFUSED_SECONDS

    def on_close(self) -> None:
        """Between the error of one connection and the next."""
        super().on_close()
        if time.monotonic() - self._refused_at < REFUSED_SECONDS:
            time.sleep(PAUSE_SECONDS)
        self._refused_at = time.monotonic()


@task_prerun.connect
def check_connections(**_: Any) -> None:
    """Drop a connection that broke or grew old. Celery would close every connection around every task, which costs more
    than a tick does (CELERY_DB_REUSE_MAX switches that off)."""
    close_old_connections()


class SkewTolerant(AMQP):
    """A message expires by the clock of whoever takes it, and its sender's may differ: it is kept for as much longer.

    What comes too late is harmless: slots, retries and leases are judged by the database's clock.
    """

    def as_task_v2(self, *args: Any, **more: Any) -> Any:
        call = _AS_TASK.bind(self, *args, **more)
        expires = call.arguments.get("expires")
        if isinstance(expires, int | float):
            call.arguments["expires"] = expires + MOST_SKEW.total_seconds()
        elif isinstance(expires, datetime):
            call.arguments["expires"] = expires + MOST_SKEW
        return AMQP.as_task_v2(*call.args, **call.kwargs)


_AS_TASK = signature(AMQP.as_task_v2)


@task_prerun.connect
@after_task_publish.connect
def note_that_the_broker_works(**_: Any) -> None:
    broker_errors.worked()


app = Celery("healthcheck", amqp=SkewTolerant)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
