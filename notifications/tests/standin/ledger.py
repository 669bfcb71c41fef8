"""What reached the stand-in, written down before it is answered, never changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    number: int
    """1, 2, 3 ... in the order of arrival."""
    monotonic: float
    """`time.monotonic()` of the stand-in's process."""
    at: float
    """Seconds since the epoch."""
    method: str
    """`chat.postMessage` and so on; `webhook` for an incoming webhook."""
    channel: str
    """The channel's id; of a webhook the three parts of its path, `T/B/X`."""
    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any]
    thread_ts: str
    """Of what answers another message; empty otherwise."""
    ts: str
    """Not empty when Slack kept the message, whatever it answered."""
    outcome: str
    """What the client was told: `ok`, a code, `http_503`; or the kind of fault that swallowed the answer."""


class Ledger:
    """Append-only, readable from any thread."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._changed = threading.Condition()

    def append(self, **fields: Any) -> None:
        with self._changed:
            number = len(self._entries) + 1
            self._entries.append(Entry(number=number, monotonic=time.monotonic(), at=time.time(), **fields))
            self._changed.notify_all()

    def entries(self, after: int = 0) -> list[Entry]:
        with self._changed:
            return self._entries[after:]

    def posted(self, channel: str = "") -> list[Entry]:
        """The messages that somebody can see, of one channel or of all."""
        posts = [entry for entry in self.entries() if entry.ts and entry.method != "chat.update"]
        return [entry for entry in posts if channel in ("", entry.channel)]

    def wait_for(self, predicate: Callable[[list[Entry]], bool], timeout: float = 5.0) -> list[Entry]:
        """All entries as soon as `predicate` holds of them. Raises TimeoutError after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: predicate(self._entries), timeout):
                raise TimeoutError(f"not within {timeout} s; {len(self._entries)} entries")
            return list(self._entries)
