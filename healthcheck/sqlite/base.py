from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, datetime
from typing import Any

from django.db.backends.sqlite3 import base, operations


class DatabaseOperations(operations.DatabaseOperations):
    def convert_datetimefield_value(self, value: Any, expression: Any, connection: Any) -> datetime | None:
        """None for what is no instant: SQLite keeps any text there, and one row must not break every list. The years at
        the edge are left out, because a time zone may move an instant beyond what Python knows."""
        try:
            instant: datetime | None = super().convert_datetimefield_value(value, expression, connection)
        except (AttributeError, TypeError, ValueError, OverflowError):
            return None
        return instant if instant is None or MINYEAR < instant.year < MAXYEAR else None


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
