"""The Celery application. Workers, queues and the schedule are in `healthcheck.settings`."""

from __future__ import annotations

import os
from datetime import datetime
from inspect import signature
from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from celery.signals import task_prerun
from django.db import close_old_connections

from monitors.clock import MOST_SKEW

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthcheck.settings")


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
app = Celery("healthcheck", amqp=SkewTolerant)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
