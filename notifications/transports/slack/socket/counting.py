"""How many presses there were, and what became of them: kept where the metrics are read."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from enum import StrEnum
from itertools import product

from django.db import Error, IntegrityError, connection, transaction
from django.db.models import F

from notifications.models import PressCount
from notifications.wording.outages import ACKNOWLEDGE, PROBE

logger = logging.getLogger(__name__)


class Ended(StrEnum):
    """What became of a press. Stored: values are for ever."""

    DONE = "done"
    LATE = "late"
    """Somebody else takes care already, or the outage is over."""
    GONE = "gone"
    """The outage or the server is not kept any more."""
    BUSY = "busy"
    """Who pressed was asked to press again."""
    FAILED = "failed"
    """For a reason of ours, which the log has."""
    DROPPED = "dropped"
    """Too many waited, and nobody was told."""


class Tally:
    """What is counted and not stored yet. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, Ended]] = Counter()

    def add(self, action: str, ended: Ended) -> None:
        """Asks no database: the thread that reads the socket may call it."""
        with self._lock:
            self._counts[action, ended] += 1

    def store(self) -> None:
        """Raises nothing that a database can cause; what could not be stored is stored with the next press."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        for (action, ended), count in counts.items():
            try:
                _add(action, ended, count)
            except Error as failure:
                connection.close()
                logger.warning("presses not counted", extra={"error": type(failure).__name__})
                with self._lock:
                    self._counts[action, ended] += count


def counted() -> dict[tuple[str, str], int]:
    """Presses by action and what became of them: all that there can be, so that a rate has a beginning."""
    rows = PressCount.objects.values_list("action", "outcome", "count")
    known = {(action, ended.value): 0 for action, ended in product((ACKNOWLEDGE, PROBE), Ended)}
    return known | {(action, outcome): count for action, outcome, count in rows}


def _add(action: str, ended: Ended, count: int) -> None:
    row = PressCount.objects.filter(action=action, outcome=ended)
    if row.update(count=F("count") + count):
        return
    try:
        with transaction.atomic():
            PressCount.objects.create(action=action, outcome=ended, count=count)
    except IntegrityError:  # another thread was faster
        row.update(count=F("count") + count)
