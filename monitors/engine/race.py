"""Connecting to a server with several addresses, as RFC 8305 5 has it ("Happy Eyeballs").

An address that swallows what is sent to it must not cost the probe its timeout, and one that is merely slow must not be
given up for another that is worse.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from monitors.engine.progress import most_telling

if TYPE_CHECKING:
    from monitors.engine.connection import Connection

ATTEMPT_DELAY = 0.25
"""Seconds for which an address is tried alone before the next is tried beside it (RFC 8305 5)."""


class Race:
    """Attempts to `connect` to addresses, begun one after another; the first to succeed wins.

    `deadline` is an instant of the loop's clock, in seconds. An attempt for which this machine has no descriptor ends
    only itself.
    """

    def __init__(self, connect: Callable[[str], Coroutine[Any, Any, Connection]], deadline: float) -> None:
        self._connect = connect
        self._deadline = deadline
        self._loop = asyncio.get_running_loop()
        self._known: list[str] = []
        self._attempts: set[asyncio.Task[Connection]] = set()
        self._begun = 0
        self._errors: list[OSError] = []

    async def winner(self, addresses: Iterable[str], late: Coroutine[Any, Any, Iterable[str]] | None) -> Connection:
        """The first connection that comes about, to one of `addresses` or of those that `late` brings.

        Raises the most telling OSError, and at once what is none: ProbeFailed for a denied address.
        """
        self._known += addresses
        more = {self._loop.create_task(late)} if late else set()
        try:
            self._begin()
            while self._attempts or more:
                ended, _ = await asyncio.wait(
                    {*self._attempts, *more}, timeout=self._patience(), return_when=asyncio.FIRST_COMPLETED
                )
                for attempt in self._attempts & ended:
                    if connection := self._result(attempt):
                        return connection
                for task in more & ended:
                    self._known += (address for address in task.result() if address not in self._known)
                if not ended and not self._attempts:  # what comes now comes too late
                    break
                only_late = ended and ended <= more
                if not (only_late and self._attempts):
                    self._begin()
                more -= ended
            raise most_telling(self._errors)
        finally:
            for task in more:
                if not task.cancel():
                    task.exception()  # known, so that nobody logs it
            for attempt in self._attempts:
                attempt.cancel()
                attempt.add_done_callback(_leave)

    def _begin(self) -> None:
        """Try the next address, if there is one."""
        if self._begun < len(self._known):
            self._attempts.add(self._loop.create_task(self._connect(self._known[self._begun])))
            self._begun += 1

    def _patience(self) -> float | None:
        """Seconds until something else is done than to wait; None for the deadline, which is the caller's.

        What comes late is waited for as long as half of the time is left to try it in.
        """
        if self._begun < len(self._known):
            return ATTEMPT_DELAY
        return None if self._attempts else (self._deadline - self._loop.time()) / 2

    def _result(self, attempt: asyncio.Task[Connection]) -> Connection | None:
        self._attempts.remove(attempt)
        try:
            return attempt.result()
        except OSError as exc:
            self._errors.append(exc)
        return None


def _leave(attempt: asyncio.Task[Connection]) -> None:
    """Close what has connected although nobody waits for it any more."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
