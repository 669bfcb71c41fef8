"""The Celery application. Workers, queues and the schedule are in `healthcheck.settings`."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthcheck.settings")

app = Celery("healthcheck")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
