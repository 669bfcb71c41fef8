"""The Celery application. Workers, queues and the schedule are in `healthcheck.settings`."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import task_prerun
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthcheck.settings")


@task_prerun.connect
def check_connections(**_: Any) -> None:
    """Drop a connection that broke or grew old. Celery would close every connection around every task, which costs more
    than a tick does (CELERY_DB_REUSE_MAX switches that off)."""
    close_old_connections()


app = Celery("healthcheck")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
