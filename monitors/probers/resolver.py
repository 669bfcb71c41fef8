"""Names to addresses by c-ares (aiodns), cached for seconds, with the deny list in the way.

Never `getaddrinfo` in threads: a loop has four of them, and four names whose DNS stays silent would hold up every other
name. c-ares keeps any number of questions in flight. It honours /etc/hosts and the search list of resolv.conf.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

import aiodns
from aiodns import error as dns_error

from monitors.probers.base import Failure
from monitors.probers.deny import DenyList
from monitors.probers.failures import TIMEOUTS, ProbeFailed, Stage
from monitors.probers.sentences import _

POSITIVE_SECONDS = 10.0
NEGATIVE_SECONDS = 1.0
WINDOW_SECONDS = 10.0
"""How far back to look when nobody answers: is it this name's servers, or our resolver?"""

_TRY_SECONDS = 1.0
_TRIES = 3
_NO_SORT = 1 << 7  # ARES_AI_NOSORT, which pycares does not name: sorting (RFC 6724) costs a socket per address

_NO_ADDRESS = frozenset({dns_error.ARES_ENOTFOUND, dns_error.ARES_ENODATA, dns_error.ARES_EBADNAME})
_OURS = frozenset({dns_error.ARES_ENOMEM, dns_error.ARES_EFILE, dns_error.ARES_ECANCELLED})

_BROKEN = _("No name could be resolved for some seconds: the resolver of this machine does not answer.")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is known about a name until `expires` (monotonic seconds)."""

    expires: float
    addresses: tuple[str, ...] = ()
    failure: Failure | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A question in flight, which any number of probes wait for."""

    asked_at: float
    dns: aiodns.DNSResolver
    answer: asyncio.Future[_Answer]


def is_address(host: str) -> bool:
    """Whether `host`, as `monitors.address` leaves it, is an address. Only addresses end in a number."""
    return ":" in host or host.rpartition(".")[2].isdigit()


class Resolver:
    """Resolves for the probes of one loop. Must be created and used in that loop.

    `nameservers` (`127.0.0.1:5353`) replace those of resolv.conf; a malformed one raises pycares.AresError. An answer
    is used for `memory` seconds.
    """

    def __init__(self, deny: DenyList, nameservers: Sequence[str] = (), *, memory: float = POSITIVE_SECONDS) -> None:
        self._deny = deny
        self._nameservers = nameservers
        self._memory = memory
        self._loop = asyncio.get_running_loop()
        self._cache: dict[str, _Answer] = {}
        self._pending: dict[str, _Lookup] = {}
        self._silent: dict[str, float] = {}
        self._answered_at = float("-inf")
        self._renew()

    async def resolve(self, host: str) -> tuple[str, ...]:
        """Addresses of `host` in the order in which to try them, IPv4 first; at least one, none of them denied.

        Raises ProbeFailed: DENIED_ADDRESS, UNKNOWN_HOST, RESOLVER_TIMEOUT, or PROBER_FAULT when it is our resolver
        that is broken. Cancelling one caller leaves the question in flight for the others.
        """
        if is_address(host):
            if self._deny.denies(host):
                raise ProbeFailed(
                    Failure.DENIED_ADDRESS, _("The address is on the list of those that are never probed.")
                )
            return (host,)
        if self._deny.denies_name(host):
            raise ProbeFailed(Failure.DENIED_ADDRESS, _("The name is on the list of those that are never probed."))
        answer = self._cache.get(host)
        if answer is None or answer.expires <= monotonic():
            answer = await self._wait_for(host)
        if answer.failure is None:
            return answer.addresses
        if answer.failure is Failure.RESOLVER_TIMEOUT:
            raise self.silence(host)
        raise ProbeFailed(answer.failure, answer.detail)

    def silence(self, host: str) -> ProbeFailed:
        """The failure of a probe that got no answer about `host` in time, or none from the servers of its zone.

        It is the server's, unless every name that was asked about in the window went unanswered and there were at
        least two: then our own resolver is broken.
        """
        now = monotonic()
        self._silent[host] = now
        names = {name for name, at in self._silent.items() if now - at <= WINDOW_SECONDS}
        names |= {name for name, lookup in self._pending.items() if now - lookup.asked_at >= _TRY_SECONDS}
        if len(names) >= 2 and now - self._answered_at > WINDOW_SECONDS:
            return ProbeFailed(Failure.PROBER_FAULT, _BROKEN)
        return ProbeFailed(*TIMEOUTS[Stage.RESOLVE])

    async def close(self) -> None:
        """Give up every question in flight."""
        for dns in {self._dns, *(lookup.dns for lookup in self._pending.values())}:
            await dns.close()

    async def _wait_for(self, host: str) -> _Answer:
        lookup = self._pending.get(host)
        if lookup is None:
            lookup = self._ask(host)
        return await asyncio.shield(lookup.answer)

    def _ask(self, host: str) -> _Lookup:
        now = monotonic()
        if now - self._renewed_at >= self._memory:
            self._renew()
        lookup = self._pending[host] = _Lookup(now, self._dns, self._loop.create_future())
        self._dns.getaddrinfo(host, flags=_NO_SORT).add_done_callback(partial(self._settle, host))
        return lookup

    def _renew(self) -> None:
        """Begin with a new channel, forget what has expired.

        A channel keeps answers for as long as their TTL, up to an hour, and pycares cannot switch that off: a server
        that moved would stay down for us. A new channel costs 0.2 ms and also reads resolv.conf and /etc/hosts again.
        The old one lives until its last question is settled.
        """
        now = self._renewed_at = monotonic()
        self._dns = aiodns.DNSResolver(
            nameservers=self._nameservers or None, loop=self._loop, timeout=_TRY_SECONDS, tries=_TRIES
        )
        self._cache = {name: answer for name, answer in self._cache.items() if answer.expires > now}
        self._silent = {name: at for name, at in self._silent.items() if now - at <= WINDOW_SECONDS}

    def _settle(self, host: str, found: asyncio.Future[Any]) -> None:
        lookup = self._pending.pop(host)
        answer = self._read(host, found)
        self._cache[host] = answer
        lookup.answer.set_result(answer)

    def _read(self, host: str, found: asyncio.Future[Any]) -> _Answer:
        now = monotonic()
        try:
            nodes = found.result().nodes
        except dns_error.DNSError as exc:
            return self._read_error(exc.args[0], now)
        if any(node.ttl for node in nodes):  # a TTL of 0 is that of /etc/hosts, which tells nothing about the resolver
            self._answered(host, now)
        addresses = sorted((node.addr[0].decode() for node in nodes), key=lambda address: ":" in address)
        if any(self._deny.denies(address) for address in addresses):
            detail = _("The name resolves to an address on the list of those that are never probed.")
            return _Answer(now + NEGATIVE_SECONDS, failure=Failure.DENIED_ADDRESS, detail=detail)
        return _Answer(now + self._memory, tuple(dict.fromkeys(addresses)))

    def _read_error(self, code: int, now: float) -> _Answer:
        expires = now + NEGATIVE_SECONDS
        if code in _NO_ADDRESS:
            self._answered_at = now
            return _Answer(expires, failure=Failure.UNKNOWN_HOST, detail=_("No address is known for the name."))
        if code in _OURS:
            return _Answer(expires, failure=Failure.PROBER_FAULT, detail=_("This machine could not ask for the name."))
        return _Answer(expires, failure=Failure.RESOLVER_TIMEOUT)

    def _answered(self, host: str, now: float) -> None:
        self._answered_at = now
        self._silent.pop(host, None)
