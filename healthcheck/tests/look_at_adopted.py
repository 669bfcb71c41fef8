"""`python -m healthcheck.tests.look_at_adopted`: works on an adopted database and prints what it found, as JSON."""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from typing import Any

import django
from django.db import IntegrityError, transaction
from django.utils import timezone


def look() -> dict[str, Any]:
    from monitors import claiming, recording  # noqa: PLC0415 - needs Django set up
    from monitors.models import Policy, Server, ServerStatus  # noqa: PLC0415
    from monitors.tests.builders import observation  # noqa: PLC0415
    from notifications import outbox  # noqa: PLC0415
    from notifications.models import Channel, Delivery  # noqa: PLC0415

    now = timezone.now()
    found: dict[str, Any] = {
        "servers": list(
            Server.objects.order_by("id").values_list(
                *("id", "host_name", "host", "port", "type", "notification", "environment", "created_at", "updated_at")
            )
        ),
        "paused": Server.objects.filter(paused=True).count(),
        "channels": list(Channel.objects.values_list("channel_id", "enabled")),
        "policies": Policy.objects.count(),
        "statuses": ServerStatus.objects.count(),
    }
    recording.ensure_statuses(now)
    claims = claiming.claim_due(now)
    found["claimed"] = sorted(claim.server_id for claim in claims)
    for minute in range(10):
        recording.record([observation(9, now + timedelta(minutes=minute), ok=False, detail="거부 → 😀")])
    found["health"] = ServerStatus.objects.get(pk=9).health
    outbox.fan_out_news(timezone.now())
    found["deliveries"] = list(Delivery.objects.values_list("channel_id", "kind", "state"))
    found["detail"] = ServerStatus.objects.get(pk=9).detail
    try:
        with transaction.atomic():
            Server.objects.create(host_name="LEGACY", host="10.0.0.9", port=80, type=1, environment="DEV")
    except IntegrityError:
        found["names compare without regard to case"] = True
    return found


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthcheck.settings")
    django.setup()
    json.dump(look(), sys.stdout, default=str)
