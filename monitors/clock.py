"""The clock that all hosts share: the database's.

Hosts whose own clocks differ plan, claim and lease by it together; how long something takes or waits is measured by the
monotonic clock of the process that waits.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection
from django.utils import timezone


def database_now() -> datetime:
    """What time it is for the database. A short query on MySQL; SQLite has no other clock than this machine's."""
    if connection.vendor != "mysql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT UTC_TIMESTAMP(6)")
        found: datetime = cursor.fetchone()[0]
    return found.replace(tzinfo=UTC)
