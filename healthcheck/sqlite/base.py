from __future__ import annotations

import sqlite3
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Any

from django.db.backends.sqlite3 import base, operations
from django.utils.dateparse import parse_datetime


def instant(text: str | bytes) -> datetime | None:
    """None for what is no instant: SQLite keeps any text there, and one row must not break every list. The years at the
    edge are left out, because a time zone may move an instant beyond what Python knows."""
    try:
        found = parse_datetime(text.decode() if isinstance(text, bytes) else text)
    except ValueError:
        return None
    return found if found is None or MINYEAR < found.year < MAXYEAR else None


class DatabaseOperations(operations.DatabaseOperations):
    def convert_datetimefield_value(self, value: Any, expression: Any, connection: Any) -> datetime | None:
        """Of an expression, such as a maximum, `value` is the text as it is stored."""
        known = value if isinstance(value, datetime) else instant(str(value))
        return None if known is None else super().convert_datetimefield_value(known, expression, connection)


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations


# In the place of Django's, which raise, and call 2 false where SQL calls it true.
sqlite3.register_converter("datetime", instant)
sqlite3.register_converter("timestamp", instant)
sqlite3.register_converter("bool", b"0".__ne__)
