"""What the name servers know of one absolute name: A and AAAA asked apart (RFC 8305 3), and what a failure means.

Together they would be worth as much as the slower of the two: a firewall or a name server that drops the one kind of
question would cost the probe.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from itertools import chain

import pycares
from pycares import errno as ares

from monitors.engine import failures
from monitors.engine.channel import Channel, addresses
from monitors.engine.failures import Failure
from monitors.engine.progress import RESOLVE
from monitors.engine.sentences import _

RESOLUTION_DELAY = 0.05
"""Seconds to wait for the other kind of address after the first usable answer (RFC 8305 3)."""
UNANSWERED = -1
"""The code of a question that is still open."""

_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_NO_NAME = frozenset({ares.ARES_ENOTFOUND, ares.ARES_EBADNAME})
_OURS = frozenset({ares.ARES_ENOMEM, ares.ARES_EFILE, ares.ARES_ECANCELLED})

ABSENT = _NO_NAME | {ares.ARES_ENODATA}
"""Codes that say: no address."""
WITNESSED = frozenset({ares.ARES_SUCCESS, ares.ARES_ENOTFOUND, ares.ARES_ENODATA})
"""Codes that only a name server that works can have caused."""

_OUR_FAULT = (failures.PROBER_FAULT, _("This machine could not ask for the name."))
_FAILURES = {
    ares.ARES_ENOTFOUND: (failures.UNKNOWN_HOST, _("The name does not exist (NXDOMAIN).")),
    ares.ARES_ENODATA: (failures.UNKNOWN_HOST, _("The name exists, but no address is known for it.")),
    ares.ARES_EBADNAME: (failures.UNKNOWN_HOST, _("No name can be written like this in DNS.")),
    ares.ARES_ESERVFAIL: (failures.RESOLVER_FAILED, _("The name server failed to look the name up (SERVFAIL).")),
    ares.ARES_EREFUSED: (failures.RESOLVER_FAILED, _("The name server refuses to answer (REFUSED).")),
    ares.ARES_ENOTIMP: (failures.RESOLVER_FAILED, _("The name server does not know the question (NOTIMP).")),
    ares.ARES_EFORMERR: (failures.RESOLVER_FAILED, _("The name server cannot read the question (FORMERR).")),
    ares.ARES_EBADRESP: (failures.RESOLVER_FAILED, _("The answer of the name server cannot be read.")),
    ares.ARES_ECONNREFUSED: (failures.RESOLVER_FAILED, _("No name server accepts the question.")),
    **dict.fromkeys(_OURS, _OUR_FAULT),
}


def failure_of(code: int) -> tuple[Failure, str]:
    """Kind and sentence for a code of c-ares; for one without a sentence of its own nobody has answered in time."""
    return _FAILURES.get(code, RESOLVE.timeout)


def telling(a: int, aaaa: int) -> int:
    """Of the codes of two questions that found no address the one that tells more.

    NXDOMAIN is true of every kind of address (RFC 8020), but only from A: there are servers that answer so to AAAA
    where there is an A (RFC 4074 4.2).
    """
    ours = next((code for code in (a, aaaa) if code in _OURS), None)
    if ours is not None or a in _NO_NAME:
        return a if ours is None else ours
    failed = [code for code in (a, aaaa) if code not in ABSENT]
    return next((code for code in failed if code in _FAILURES), failed[0] if failed else ares.ARES_ENODATA)


class Question:
    """A and AAAA of `name`, which ends in a dot, asked through `channel`.

    `decided` is called when both are answered, or `RESOLUTION_DELAY` after one answer that can do without the other,
    and once more if that comes later. Callbacks and no task: a name would cost half as much again.
    """

    __slots__ = ("_decided", "_found", "_loop", "_timer", "codes", "name")

    def __init__(
        self, channel: Channel, name: str, loop: asyncio.AbstractEventLoop, decided: Callable[[Question], None]
    ) -> None:
        self.name = name
        self.codes = [UNANSWERED] * len(_FAMILIES)
        """Of A and AAAA."""
        self._found: list[list[str]] = [[] for _family in _FAMILIES]
        self._loop = loop
        self._decided: Callable[[Question], None] | None = decided
        self._timer: asyncio.Handle | None = None
        for which, family in enumerate(_FAMILIES):
            channel.ask(name, family, partial(self._answered, which))

    @property
    def open(self) -> bool:
        return UNANSWERED in self.codes

    @property
    def addresses(self) -> tuple[str, ...]:
        """What has been found until now, IPv4 first."""
        return tuple(dict.fromkeys(chain(*self._found)))

    def abandon(self) -> None:
        """Call nobody any more."""
        self._decided = None

    def _answered(self, which: int, found: pycares.AddrInfoResult | None, code: int | None) -> None:
        self.codes[which] = ares.ARES_SUCCESS if code is None else code
        if found is not None:
            self._found[which] = addresses(found)
        if self._timer is not None:
            self._timer.cancel()
        if not self.open:
            self._timer = self._loop.call_soon(self._decide)  # not from within c-ares
        elif any(self._found) or self.codes[0] in _NO_NAME:
            self._timer = self._loop.call_later(RESOLUTION_DELAY, self._decide)

    def _decide(self) -> None:
        if self._decided is not None:
            self._decided(self)
