"""Fills an empty database as people do: `python -m drills.prepare < JSON`, in the environment of a stack.

JSON: `{"servers": [rows of seed_servers], "channels": [{"channel_id": ..., "hook_url": ..., "environments": ...}],
"storms": {"servers": 0, "seconds": 30}}`. Prints an API token.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

import django
from django.core.management import call_command


def prepare(wanted: Mapping[str, Any]) -> str:
    """Returns the plain text of a token for the API."""
    from django.contrib.auth.models import User  # noqa: PLC0415 - only after django.setup()
    from django.utils import timezone  # noqa: PLC0415

    from monitors.models import ApiToken, Environment  # noqa: PLC0415
    from notifications.models import Channel, StormRule  # noqa: PLC0415
    from notifications.outbox import add_channel  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    StormRule.objects.bulk_create(StormRule(environment=name, **wanted["storms"]) for name in Environment.values)
    for channel in wanted["channels"]:
        add_channel(Channel(**channel), timezone.now())
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(wanted["servers"], file)
        file.flush()
        call_command("seed_servers", file.name, verbosity=0, stdout=sys.stderr)
    user = User.objects.create_superuser("drill", password=None)
    return ApiToken.objects.issue(user)[1]


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthcheck.settings")
    django.setup()
    print(prepare(json.load(sys.stdin)))
