"""What a prober is given, and what it answers.

Nothing here knows Django, Celery or the database: a prober is a coroutine from a `Target` to an `Outcome`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from monitors.engine.failures import Failure

MAX_DETAIL = 200
"""Longest `Outcome.detail`, in characters."""
MAX_ANSWER = 300
"""Longest `Outcome.answer`, in characters."""


MAX_SUBJECT = 100
"""Longest `Outcome.certificate_subject`, in characters."""
SECURE = frozenset({"https", "wss"})
"""The schemes whose connections begin with TLS."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to look and what to expect there. Built by `monitors.address`, so every part is already valid."""

    scheme: str
    """Which prober looks, and whether by TLS: `https`."""
    host: str
    """A name (IDNA-encoded, lower case; with a final dot it is absolute) or an address without brackets."""
    port: int
    path: str = "/"
    """Path and query, starting with `/`, percent-encoded."""
    timeout: timedelta = timedelta(seconds=5)
    expected_status: tuple[tuple[int, int], ...] = ()
    """Inclusive ranges; empty means any final 2xx or 3xx answer."""
    expected_text: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    verify_tls: bool = True
    subprotocol: str = ""
    options: Any = None
    """What only the target's kind has: see `monitors.kinds`."""
    secrets: tuple[str, ...] = ()
    """What is in the options and must be shown to nobody."""

    @property
    def secure(self) -> bool:
        """Whether everything that is said goes through TLS."""
        return self.scheme in SECURE

    @property
    def name(self) -> str:
        """The host as servers and certificates know it: without the final dot (RFC 6066 3)."""
        return self.host.removesuffix(".")


@dataclass(frozen=True, slots=True)
class Stages:
    """How long each stage took; None for a stage that was not reached or not needed."""

    resolve: timedelta | None = None
    connect: timedelta | None = None
    tls: timedelta | None = None
    first_byte: timedelta | None = None
    more: tuple[tuple[str, timedelta], ...] = ()
    """Name and length of those that only one kind of check has."""


@dataclass(frozen=True, slots=True)
class CertificateEnd:
    """When a certificate ends, and whose it is."""

    at: datetime
    subject: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one look at a server found."""

    failure: Failure | None
    elapsed: timedelta
    stages: Stages = field(default_factory=Stages)
    detail: str = ""
    """At most `MAX_DETAIL` characters, for humans, never branched on, never a secret."""
    status: int | None = None
    """Status code of the final HTTP answer or of the upgrade, when there was one."""
    address: str = ""
    """The address that was connected to, without port."""
    answer: str = ""
    """The beginning of an answer that failed the probe, at most `MAX_ANSWER` characters. Foreign text, for those who
    may look: escape it, and send it nowhere else."""
    certificate_expires_at: datetime | None = None
    """When the first of the server's certificates ends, where there were any: the earliest end of its chain."""
    certificate_subject: str = ""
    """Whose certificate that is, at most `MAX_SUBJECT` printable characters. Foreign text: escape it."""

    @property
    def ok(self) -> bool | None:
        """True, False, or None when the look was inconclusive."""
        if self.failure is None:
            return True
        return False if self.failure.conclusive else None


@dataclass(frozen=True, slots=True)
class Observation:
    """One outcome, with the server and the slot that it belongs to."""

    server_id: int
    slot: datetime
    started_at: datetime
    outcome: Outcome


class Prober(Protocol):
    """Look once at `target` before `deadline` (the loop's clock, seconds).

    Returns an `Outcome` for anything that the *server* can do; raises only for our own bugs.
    """

    async def __call__(self, target: Target, deadline: float) -> Outcome: ...
