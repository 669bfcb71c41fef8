"""What has to be so before the processes start: the tables, somebody who can log in, the demonstration.

`python -m healthcheck.first_run` does it and prints what it did as one JSON object. It may be run again and again.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from typing import Any

import django
from django.core.management import call_command
from django.db import DatabaseError
from django.utils import timezone

from healthcheck import settings
from healthcheck.logs import hide


def migrate() -> None:
    """Bring the tables up to date. A predecessor's database is adopted: the tables that it has are not made again."""
    call_command("migrate", fake_initial=True, interactive=False, verbosity=0)


def ensure_admin() -> tuple[str, str | None]:
    """The name of a superuser, and the password if one was made up for it. Raises SystemExit where there can be none.

    Without any superuser, ADMIN_USERNAME is made one, with ADMIN_PASSWORD or a password that nobody has seen yet.
    """
    from django.contrib.auth.models import User  # noqa: PLC0415 - needs Django set up

    from monitors.recording import add_superuser  # noqa: PLC0415 - needs the models

    users = User.objects
    existing = users.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if existing is not None:
        return existing.get_username(), None
    username = settings.env.text("ADMIN_USERNAME", "admin")
    if users.filter(username=username).exists():
        raise SystemExit(f"{username} exists and may not administer: choose another ADMIN_USERNAME")
    given = settings.env.text("ADMIN_PASSWORD")
    password = given or secrets.token_urlsafe(12)
    add_superuser(username, password, now=timezone.now())
    return username, None if given else password


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthcheck.settings")
    django.setup()
    from healthcheck.demo.rows import prepare  # noqa: PLC0415 - needs the models
    from monitors import audit  # noqa: PLC0415

    try:
        migrate()
        with audit.command("first_run"):
            username, password = ensure_admin()
            shown = prepare(timezone.now())
    except DatabaseError as error:
        print(f"the database does not work: {hide(str(error))}", file=sys.stderr)
        return 1
    facts: dict[str, Any] = {
        "username": username,
        "password": password,
        "demo": shown and {"servers": shown.servers, "page": shown.page},
        "variables": shown.variables if shown else {},
    }
    print(json.dumps(facts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
