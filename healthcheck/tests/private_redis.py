"""A Redis of a test's own, on a private unix socket."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from healthcheck.broker import answers
from healthcheck.embedded_redis import command
from healthcheck.processes import dying_with_parent, end

START_SECONDS = 20


@contextmanager
def private_redis() -> Iterator[str]:
    """Starts one, yields its REDIS_URL and ends it."""
    directory = Path(tempfile.mkdtemp(prefix="shm-redis-"))
    socket = directory / "redis.sock"
    try:
        process = subprocess.Popen([*dying_with_parent(), *command(socket)], start_new_session=True)
        try:
            url = f"unix://{socket}?db=0"
            deadline = time.monotonic() + START_SECONDS
            while not answers(url):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("Redis did not start")
                time.sleep(0.05)
            yield url
        finally:
            end([process], seconds=5)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
