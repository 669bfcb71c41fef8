"""Redis as drill 6 has it: killed and started again, with what it kept on disk or without."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import redis

from drills.ground import until
from drills.stack import Stack
from healthcheck.broker import answers
from healthcheck.embedded_redis import command
from healthcheck.installation import redis_socket

START_SECONDS = 30
MARK = "drill"
TORN_BYTES = 5
"""Less than any command takes in an append-only file."""


class Broker:
    """The `redis` of a stack. `keeps`: whether it writes an append-only file; `is_torn`: whether the end of that was
    missing when it was started last."""

    def __init__(self, stack: Stack) -> None:
        self.keeps = self.is_torn = False
        self._stack = stack
        self._socket = redis_socket(stack.directory)

    def keep(self, keeps: bool) -> None:
        """From now on it writes all down, or nothing. Leaves a mark in it."""
        self.keeps = keeps
        with self._client() as client:
            client.config_set("appendonly", "yes" if keeps else "no")
            until(lambda: not client.info("persistence")["aof_rewrite_in_progress"], START_SECONDS)
            client.set(MARK, 1)

    def kill(self, *, tear: bool) -> None:
        """`tear`: as if the power had gone in the middle of a write, where it writes at all."""
        self._stack.kill("redis")
        self.is_torn = tear and self.keeps
        if self.is_torn:
            newest = max(self._files(), key=lambda file: file.stat().st_mtime_ns)
            os.truncate(newest, newest.stat().st_size - TORN_BYTES)

    def start(self) -> bool:
        """Whether it answers, with the mark in it or without, as it should be."""
        kept = [*command(self._socket), "--appendonly", "yes"]
        self._stack.start("redis", command=shlex.join(kept) if self.keeps else "")
        if not until(lambda: answers(self._stack.redis_url), START_SECONDS):
            return False
        with self._client() as client:
            return bool(client.exists(MARK)) is self.keeps

    def _client(self) -> redis.Redis:
        return redis.Redis.from_url(self._stack.redis_url)

    def _files(self) -> list[Path]:
        """With commands in them: what was there before is in files of another kind."""
        return [file for file in self._socket.parent.rglob("appendonly*.aof") if not file.name.endswith(".base.aof")]
