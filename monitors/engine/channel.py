"""c-ares on the loop: any number of questions in flight, no thread.

aiodns, which wraps the same pycares, gives each channel a thread of its own and wakes the loop for every answer. A and
AAAA apart would then cost half as much again as together; asked from within the loop they cost the same.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

import pycares

TRY_SECONDS = 1.0
TRIES = 3
TICK_SECONDS = 0.1
"""How often c-ares is given the chance to ask again, as long as questions are open."""
NO_SORT = 1 << 7
"""ARES_AI_NOSORT, which pycares does not name: sorting (RFC 6724) costs a socket per address."""

_NONE = pycares.ARES_SOCKET_BAD
Answer = Callable[[pycares.AddrInfoResult | None, int | None], None]
"""Takes what was found, or a code of c-ares."""


class Channel:
    """Asks the name servers of resolv.conf, or `nameservers` (`127.0.0.1:5353`; pycares.AresError for a malformed one).

    To be used in `loop`. Ends with `close`, or once `retire` was called and every question is answered.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, nameservers: Sequence[str] = ()) -> None:
        self._loop = loop
        self._open = 0
        self._timer: asyncio.TimerHandle | None = None
        self._watched: set[int] = set()
        self._retired = self._closed = False
        self._cares = pycares.Channel(
            timeout=TRY_SECONDS, tries=TRIES, sock_state_cb=self._watch, servers=nameservers or None
        )

    def ask(self, name: str, family: socket.AddressFamily, answer: Answer) -> None:
        """Ask for the addresses of `name`; `answer` is called once, perhaps before this returns."""
        self._open += 1

        def answered(found: pycares.AddrInfoResult | None, code: int | None) -> None:
            self._open -= 1
            if self._retired and not self._open:
                self._loop.call_soon(self.close)
            answer(found, code)

        self._cares.getaddrinfo(name, None, family=family, flags=NO_SORT, callback=answered)
        if self._timer is None:
            self._timer = self._loop.call_later(TICK_SECONDS, self._tick)

    def retire(self) -> None:
        """Close when nothing is open any more."""
        self._retired = True
        if not self._open:
            self.close()

    def close(self) -> None:
        """Give up what is open: it is answered with ARES_ECANCELLED at once."""
        if self._closed:
            return
        self._cares.cancel()
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for fd in self._watched:
            self._loop.remove_reader(fd)
            self._loop.remove_writer(fd)
        self._cares.close()

    def _watch(self, fd: int, readable: bool, writable: bool) -> None:
        if self._closed:  # by the thread in which pycares closes the sockets
            return
        if readable:
            self._loop.add_reader(fd, self._cares.process_fd, fd, _NONE)
        else:
            self._loop.remove_reader(fd)
        if writable:
            self._loop.add_writer(fd, self._cares.process_fd, _NONE, fd)
        else:
            self._loop.remove_writer(fd)
        (self._watched.add if readable or writable else self._watched.discard)(fd)

    def _tick(self) -> None:
        self._cares.process_fd(_NONE, _NONE)
        self._timer = self._loop.call_later(TICK_SECONDS, self._tick) if self._open else None


def addresses(found: pycares.AddrInfoResult) -> list[str]:
    return [node.addr[0].decode() for node in found.nodes]
