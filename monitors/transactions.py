"""Transactions that are run again when the database chose them as the victim of a deadlock."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection, transaction

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)

ATTEMPTS = 5
PAUSE_SECONDS = 0.02
"""Before the second attempt, at most; twice as long before each further one. Those who met must not meet again."""
RETRYABLE = {1205, 1213}
"""MySQL: lock wait timeout, deadlock. Both say: restart the transaction."""


def retried_atomic(function: Callable[P, R]) -> Callable[P, R]:
    """Run `function` in a transaction; when it loses a deadlock, again, up to `ATTEMPTS` times in all. Inside a
    transaction it runs once: only the outermost can start over."""

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        attempts = 1 if connection.in_atomic_block else ATTEMPTS
        for attempt in range(1, attempts + 1):
            try:
                with transaction.atomic():
                    return function(*args, **kwargs)
            except OperationalError as error:
                if attempt == attempts or not error.args or error.args[0] not in RETRYABLE:
                    raise
                extra = {"function": function.__qualname__, "attempt": attempt, "code": error.args[0]}
            logger.info("transaction run again", extra=extra)
            time.sleep(random.uniform(0, PAUSE_SECONDS * 2**attempt))  # noqa: S311  no secret
        raise AssertionError("unreachable")

    return wrapper
