"""What a prober is given, what it answers, and every way in which a server can fail.

Nothing here knows Django, Celery or the database: a prober is a coroutine from a `Target` to an `Outcome`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

MAX_DETAIL = 200
"""Longest `Outcome.detail`, in characters."""
MAX_ANSWER = 300
"""Longest `Outcome.answer`, in characters."""


MAX_SUBJECT = 100
"""Longest `Outcome.certificate_subject`, in characters."""


class Failure(StrEnum):
    """Why a probe failed. The values are stored and are part of the API: add, never rename."""

    UNKNOWN_HOST = "unknown_host"
    RESOLVER_TIMEOUT = "resolver_timeout"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    RESET = "reset"
    TIMEOUT_CONNECT = "timeout_connect"
    TLS_HANDSHAKE = "tls_handshake"
    CERT_EXPIRED = "cert_expired"
    CERT_UNTRUSTED = "cert_untrusted"
    CERT_WRONG_NAME = "cert_wrong_name"
    TIMEOUT_TLS = "timeout_tls"
    HTTP_401 = "http_401"
    HTTP_403 = "http_403"
    HTTP_404 = "http_404"
    HTTP_4XX = "http_4xx"
    HTTP_5XX = "http_5xx"
    UNEXPECTED_STATUS = "unexpected_status"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    INVALID_RESPONSE = "invalid_response"
    TIMEOUT_FIRST_BYTE = "timeout_first_byte"
    TIMEOUT_BODY = "timeout_body"
    TEXT_MISSING = "text_missing"
    TOO_LARGE = "too_large"
    WS_REFUSED = "ws_refused"
    WS_401 = "ws_401"
    WS_403 = "ws_403"
    WS_404 = "ws_404"
    WS_BAD_HANDSHAKE = "ws_bad_handshake"
    WS_SUBPROTOCOL = "ws_subprotocol"
    WS_CLOSED = "ws_closed"
    DENIED_ADDRESS = "denied_address"
    INVALID_ADDRESS = "invalid_address"
    PROBER_FAULT = "prober_fault"
    RESOLVER_FAILED = "resolver_failed"

    @property
    def conclusive(self) -> bool:
        """False for what is our own fault: it says nothing about the server and moves no counter."""
        return self is not Failure.PROBER_FAULT


@dataclass(frozen=True, slots=True)
class Target:
    """Where to look and what to expect there. Built by `monitors.address`, so every part is already valid."""

    scheme: str
    """`http`, `https`, `ws` or `wss`."""
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
