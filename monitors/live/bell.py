"""Tells the web processes that something changed. Never waits, never fails: what is lost is found in the database."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Collection
from functools import partial

import redis
from django.conf import settings
from django.db import transaction

logger = logging.getLogger(__name__)

CHANNEL = "shm:live"
MOST_NAMED = 500
"""Servers named in one message; with more, all may have changed."""
TIMEOUT_SECONDS = 2


class Bell:
    """Rings in a thread of its own, so that a Redis that hangs holds nobody up. What comes while it rings is gathered
    for the next time."""

    def __init__(self) -> None:
        self._changed: set[int] = set()
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def ring(self, server_ids: Collection[int]) -> None:
        with self._lock:
            self._changed.update(server_ids)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="live", daemon=True)
                self._thread.start()
        self._wanted.set()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            with self._lock:
                changed, self._changed = self._changed, set()
            try:
                _publish(changed)
            except redis.RedisError as error:  # pages find it in the database
                logger.warning("change not announced", exc_info=error)
            except Exception:  # a bell that ends would leave every page behind
                logger.exception("bell stumbled")


def _publish(changed: Collection[int]) -> None:
    message = {"all": True} if len(changed) > MOST_NAMED else {"servers": sorted(changed)}
    timeouts = {"socket_timeout": TIMEOUT_SECONDS, "socket_connect_timeout": TIMEOUT_SECONDS}
    with redis.Redis.from_url(settings.REDIS_URL, **timeouts) as client:
        client.publish(CHANNEL, json.dumps(message))


_bell = Bell()


def announce(server_ids: Collection[int] = ()) -> None:
    """Tell open pages, once the transaction is committed, that these servers changed; without any, that something else
    did that pages sum up."""
    transaction.on_commit(partial(_bell.ring, tuple(server_ids)))
