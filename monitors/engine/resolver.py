"""Names to addresses by c-ares (pycares), cached for seconds, with the deny list in the way.

Never `getaddrinfo` in threads: a loop has four of them, and four names whose DNS stays silent would hold up every other
name. c-ares keeps any number of questions in flight. /etc/hosts comes first, then DNS with the search list of
resolv.conf.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic

from pycares import errno as ares

from monitors.engine import failures
from monitors.engine.channel import TRY_SECONDS, Channel
from monitors.engine.deny import DenyList
from monitors.engine.failures import Failure
from monitors.engine.local import Names, of_this_machine
from monitors.engine.progress import RESOLVE, ProbeFailed
from monitors.engine.question import ABSENT, UNANSWERED, WITNESSED, Question, failure_of, telling
from monitors.engine.sentences import _

POSITIVE_SECONDS = 10.0
NEGATIVE_SECONDS = 1.0
WINDOW_SECONDS = 10.0
"""How far back to look when nobody answers: is it this name's servers, or our resolver?"""

_UNANSWERED = frozenset({failures.RESOLVER_TIMEOUT, failures.RESOLVER_FAILED})
_SINGLE_LABEL = frozenset({ares.ARES_ESERVFAIL, ares.ARES_EREFUSED})
"""How systemd-resolved declines a name of one label (c-ares#852)."""

_BROKEN = _("No name could be resolved for some seconds: the resolver of this machine does not answer.")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is known about a name until `expires` (monotonic seconds)."""

    expires: float
    addresses: tuple[str, ...] = ()
    failure: Failure | None = None
    detail: str = ""


@dataclass(slots=True, eq=False)
class _Lookup:
    """A name that is being asked about, which any number of probes wait for."""

    asked_at: float
    channel: Channel
    names: list[str]
    """What the host may stand for, in the order in which to ask."""
    usable: asyncio.Future[_Answer]
    """One kind of address may be missing."""
    whole: asyncio.Future[_Answer]
    question: Question | None = None
    """The one of the latest name."""
    absent: list[int] = field(default_factory=list)
    """The codes of the names that have no address."""


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
        self._channel = Channel(self._loop, nameservers)
        self._local: Names = of_this_machine()
        self._renewed_at = monotonic()

    async def resolve(self, host: str) -> tuple[str, ...]:
        """Addresses of `host` in the order in which to try them, IPv4 first; at least one, none of them denied.

        Where one of A and AAAA is answered late, `late` has the rest. Raises ProbeFailed: DENIED_ADDRESS, UNKNOWN_HOST,
        RESOLVER_TIMEOUT, RESOLVER_FAILED, or PROBER_FAULT when it is our resolver that is broken. Cancelling one caller
        leaves the question in flight for the others.
        """
        if is_address(host):
            if self._deny.denies(host):
                raise ProbeFailed(
                    failures.DENIED_ADDRESS, _("The address is on the list of those that are never probed.")
                )
            return (host,)
        if self._deny.denies_name(host):
            raise ProbeFailed(failures.DENIED_ADDRESS, _("The name is on the list of those that are never probed."))
        answer = self._cache.get(host)
        if answer is None or answer.expires <= monotonic():
            answer = self._in_hosts_file(host)
        if answer is None:
            answer = await asyncio.shield(self._lookup(host).usable)
        return self._addresses(host, answer)

    def unsettled(self, host: str) -> bool:
        """Whether a question about `host` is open, so that there may be more addresses than `resolve` gave."""
        return host in self._pending

    async def late(self, host: str) -> tuple[str, ...]:
        """All addresses of `host`, once every question about it is settled; none if all are.

        Raises as `resolve` does.
        """
        lookup = self._pending.get(host)
        if lookup is None:
            return ()
        return self._addresses(host, await asyncio.shield(lookup.whole))

    def silence(self, host: str) -> ProbeFailed:
        """The failure of a probe that got no usable answer about `host` in time."""
        lookup = self._pending.get(host)
        code = telling(*lookup.question.codes) if lookup and lookup.question else UNANSWERED
        return self._unanswered(host, *(RESOLVE.timeout if code in ABSENT else failure_of(code)))

    async def close(self) -> None:
        """Give up every question in flight."""
        for channel in {self._channel, *(lookup.channel for lookup in self._pending.values())}:
            channel.close()

    def _addresses(self, host: str, answer: _Answer) -> tuple[str, ...]:
        if answer.failure is None:
            return answer.addresses
        if answer.failure in _UNANSWERED:
            raise self._unanswered(host, answer.failure, answer.detail)
        raise ProbeFailed(answer.failure, answer.detail)

    def _unanswered(self, host: str, failure: Failure, detail: str) -> ProbeFailed:
        """`failure` is the server's, unless every name that was asked about in the window came to one and there were at
        least two: then our own resolver is broken.
        """
        now = monotonic()
        self._silent[host.removesuffix(".")] = now
        names = {name for name, at in self._silent.items() if now - at <= WINDOW_SECONDS}
        names |= {
            name.removesuffix(".")
            for name, lookup in self._pending.items()
            if now - lookup.asked_at >= TRY_SECONDS and not lookup.usable.done()
        }
        if len(names) >= 2 and now - self._answered_at > WINDOW_SECONDS:
            return ProbeFailed(failures.PROBER_FAULT, _BROKEN)
        return ProbeFailed(failure, detail)

    def _in_hosts_file(self, host: str) -> _Answer | None:
        """What /etc/hosts says, remembered. It says nothing about our resolver."""
        addresses = self._local.addresses(host)
        if not addresses:
            return None
        answer = self._cache[host] = self._found(addresses)
        return answer

    def _lookup(self, host: str) -> _Lookup:
        """The lookup of `host` that is in flight and not answered yet, or a new one."""
        lookup = self._pending.get(host)
        if lookup is not None and not lookup.usable.done():
            return lookup
        now = monotonic()
        if now - self._renewed_at >= self._memory:
            self._renew()
        lookup = self._pending[host] = _Lookup(
            now,
            self._channel,
            list(self._local.candidates(host)),
            self._loop.create_future(),
            self._loop.create_future(),
        )
        self._ask(host, lookup)
        return lookup

    def _renew(self) -> None:
        """Begin with a new channel, forget what has expired.

        A channel keeps answers for as long as their TTL, up to an hour, and pycares cannot switch that off: a server
        that moved would stay down for us. A new channel costs 0.2 ms, and resolv.conf and /etc/hosts are read again.
        The old one lives until its last question is settled.
        """
        now = self._renewed_at = monotonic()
        self._channel.retire()
        self._channel = Channel(self._loop, self._nameservers)
        self._local = of_this_machine()
        self._cache = {name: answer for name, answer in self._cache.items() if answer.expires > now}
        self._silent = {name: at for name, at in self._silent.items() if now - at <= WINDOW_SECONDS}

    def _ask(self, host: str, lookup: _Lookup) -> None:
        lookup.question = Question(
            lookup.channel, lookup.names.pop(0), self._loop, partial(self._decided, host, lookup)
        )

    def _decided(self, host: str, lookup: _Lookup, question: Question) -> None:
        """Go on to the next name, or remember and give out what was found, or why there is nothing.

        As c-ares does it, a failure ends the search: a name whose servers fail must not be looked for in other domains.
        """
        self._witness(host, question.codes)
        if question.addresses:
            self._publish(host, lookup, self._found(question.addresses), whole=not question.open)
            return
        question.abandon()
        code = telling(*question.codes)
        declined = code in _SINGLE_LABEL and question.name.count(".") == 1
        if code in ABSENT or declined:
            lookup.absent.append(code)
            if lookup.names:
                self._ask(host, lookup)
                return
            code = ares.ARES_ENODATA if ares.ARES_ENODATA in lookup.absent else lookup.absent[0]
        self._publish(host, lookup, self._failed(code), whole=True)

    def _publish(self, host: str, lookup: _Lookup, answer: _Answer, *, whole: bool) -> None:
        latest = self._pending.get(host) is lookup
        if latest:
            self._cache[host] = answer
        if not lookup.usable.done():
            lookup.usable.set_result(answer)
        if whole:
            lookup.whole.set_result(answer)
            if latest:
                del self._pending[host]

    def _witness(self, host: str, codes: Iterable[int]) -> None:
        """Note that our resolver works, if `codes` prove it."""
        if not WITNESSED.isdisjoint(codes):
            self._answered_at = monotonic()
            self._silent.pop(host.removesuffix("."), None)

    def _found(self, addresses: Iterable[str]) -> _Answer:
        now = monotonic()
        kept = tuple(dict.fromkeys(addresses))
        if any(self._deny.denies(address) for address in kept):
            detail = _("The name resolves to an address on the list of those that are never probed.")
            return _Answer(now + NEGATIVE_SECONDS, failure=failures.DENIED_ADDRESS, detail=detail)
        return _Answer(now + self._memory, kept)

    def _failed(self, code: int) -> _Answer:
        return _Answer(monotonic() + NEGATIVE_SECONDS, (), *failure_of(code))
