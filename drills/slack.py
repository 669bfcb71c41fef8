"""The stand-in for Slack as a process, led and read over HTTP."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import quote

from drills.oracle import POSTS
from notifications.tests.standin.running import running_standin

LONGEST_WAIT = 5.0
"""Seconds that one request for the ledger waits."""
Entry = dict[str, Any]
POST, WEBHOOK = POSTS


class Slack:
    def __init__(self, url: str, token: str, control: str) -> None:
        self.url, self.token = url, token
        self._control = control
        self._entries: list[Entry] = []

    def variables(self) -> dict[str, str]:
        """What tells the stack to use it."""
        return {"SLACK_API_URL": f"{self.url}/api/", "SLACK_BOT_TOKEN": self.token}

    def new_channel(self, name: str) -> str:
        """Makes a public channel of which the bot is a member; returns its id."""
        answer = self._ask(f"api/conversations.create?token={self.token}&name={quote(name)}", {})
        return str(answer["channel"]["id"])

    def hook_url(self, path: str) -> str:
        """`path` of three parts is the channel in the ledger."""
        return f"{self.url}/services/{path}"

    def mode(self, **mode: Any) -> None:
        """What the next requests meet, see `notifications.tests.standin`."""
        self._ask("mode", mode)

    def entries(self, wait: float = 0.0) -> list[Entry]:
        """The whole ledger; waits so many seconds for something new, if there is nothing. For one thread."""
        self._entries += self._ask(f"ledger?after={len(self._entries)}&wait={wait:g}")
        return self._entries

    def wait_for(self, found: Callable[[Entry], bool], seconds: float, *, after: int) -> Entry | None:
        """The first entry behind the `after`-th of which `found` is true; None when there is none within `seconds`."""
        seen, deadline = after, time.monotonic() + seconds
        while True:
            entries = self.entries(wait=max(0.0, min(LONGEST_WAIT, deadline - time.monotonic())))
            for entry in entries[seen:]:
                if found(entry):
                    return entry
            seen = len(entries)
            if time.monotonic() >= deadline:
                return None

    def _ask(self, path: str, order: Any = None) -> Any:
        body = None if order is None else json.dumps(order).encode()
        request = urllib.request.Request(f"{self._control}/{path}", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return cast(Any, json.loads(answer.read()))


@contextmanager
def running_slack() -> Iterator[Slack]:
    with running_standin() as standin:
        yield Slack(standin.url, standin.token, standin.control)
