"""How far a probe has come, and what went wrong: one of the failures and one sentence for people. Pure.

Sentences name no header, no query and nothing that the server sent: they go to chat rooms and into the history.
"""

from __future__ import annotations

import errno
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter

from monitors.engine import failures, sentences
from monitors.engine.base import MAX_DETAIL, CertificateEnd, Outcome, Stages
from monitors.engine.failures import Failure
from monitors.engine.sentences import _


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """Where a probe is. `name` and time are stored and shown with `label`; without one the stage is not timed.

    `timeout` is what it means when the deadline comes in this stage.
    """

    name: str
    label: str
    timeout: tuple[Failure, str]


RESOLVE = Stage(
    "resolve",
    _("Resolve"),
    (failures.RESOLVER_TIMEOUT, _("The name was not resolved within the timeout.")),
)
CONNECT = Stage(
    "connect",
    _("Connect"),
    (failures.TIMEOUT_CONNECT, _("The server did not accept the connection within the timeout.")),
)
TLS = Stage("tls", "TLS", (failures.TIMEOUT_TLS, _("The TLS handshake was not finished within the timeout.")))
REQUEST = Stage(
    "request",
    "",
    (failures.TIMEOUT_FIRST_BYTE, _("The server did not take the whole request within the timeout.")),
)
FIRST_BYTE = Stage(
    "first_byte",
    _("First byte or upgrade"),
    (failures.TIMEOUT_FIRST_BYTE, _("The server accepted the request but sent nothing in time.")),
)
HEAD = Stage(
    "head",
    "",
    (failures.TIMEOUT_FIRST_BYTE, _("The server began to answer but did not finish its headers in time.")),
)
BODY = Stage("body", "", (failures.TIMEOUT_BODY, _("The expected text did not arrive within the timeout.")))
EXCHANGE = (RESOLVE, CONNECT, TLS, FIRST_BYTE)
"""The timed stages of a connection with one question and one answer: `monitors.engine.base.Stages` has them by name."""


class ProbeFailed(Exception):  # noqa: N818 - not a mishap in the code: the server did not live up to expectations
    """The server (or its name, or its address) failed the probe; `failure` says how, `detail` says it to people."""

    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(detail)
        self.failure = failure
        self.detail = detail


class Progress:
    """How far one probe has come, and how long each stage took. Redirects add to the stages that they repeat."""

    __slots__ = (
        "_entered_at",
        "_seconds",
        "_started_at",
        "address",
        "answer",
        "certificate",
        "deadline",
        "note",
        "stage",
        "status",
        "strange",
    )

    def __init__(self, deadline: float) -> None:
        """`deadline` is an instant of the loop's clock, in seconds."""
        self.deadline = deadline
        self.stage = RESOLVE
        self.status: int | None = None
        self.address = ""
        self.note = ""
        self.answer = ""
        self.strange = b""
        """What came instead of HTTP."""
        self.certificate: CertificateEnd | None = None
        self._seconds: dict[str, float] = {}
        self._started_at = self._entered_at = perf_counter()

    def enter(self, stage: Stage) -> None:
        """End the stage before and begin `stage`."""
        now = perf_counter()
        if self.stage.label:
            self._seconds[self.stage.name] = self._seconds.get(self.stage.name, 0.0) + now - self._entered_at
        self.stage = stage
        self._entered_at = now

    def skip_to(self, stage: Stage) -> None:
        """Begin `stage` without counting the one before, which was not needed."""
        self.stage = stage
        self._entered_at = perf_counter()

    def outcome(self, failure: Failure | None = None, detail: str = "") -> Outcome:
        """End the last stage and sum the probe up."""
        self.enter(self.stage)
        spent = {name: timedelta(seconds=seconds) for name, seconds in self._seconds.items()}
        return Outcome(
            failure=failure,
            elapsed=timedelta(seconds=self._entered_at - self._started_at),
            stages=Stages(
                resolve=spent.pop("resolve", None),
                connect=spent.pop("connect", None),
                tls=spent.pop("tls", None),
                first_byte=spent.pop("first_byte", None),
                more=tuple(spent.items()),
            ),
            detail=detail[:MAX_DETAIL],
            status=self.status,
            address=self.address,
            answer=self.answer if failure else "",
            certificate_expires_at=self.certificate.at if self.certificate else None,
            certificate_subject=self.certificate.subject if self.certificate else "",
        )


_REFUSED = (failures.REFUSED, _("The connection was refused: nothing listens on that port."))
_UNREACHABLE = (failures.UNREACHABLE, _("No route leads to the server's address."))
_RESET = (failures.RESET, _("The server broke the connection off before its answer was complete."))

_ERRNO = {
    errno.ECONNREFUSED: _REFUSED,
    errno.EHOSTUNREACH: _UNREACHABLE,
    errno.ENETUNREACH: _UNREACHABLE,
    errno.EHOSTDOWN: _UNREACHABLE,
    errno.ENETDOWN: _UNREACHABLE,
    errno.EAFNOSUPPORT: (
        failures.UNREACHABLE,
        _("The server has only addresses of a kind that this machine cannot use."),
    ),
    errno.ECONNRESET: _RESET,
    errno.ECONNABORTED: _RESET,
    errno.EPIPE: _RESET,
    errno.ENOTCONN: _RESET,
}

_TELLING = (
    # Which of several errors tells more: earlier groups more than later ones, and those that are not listed least.
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL},  # an address was not looked at
    {
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.ECONNABORTED,
        errno.ETIMEDOUT,
    },  # the address was reached, or is filtered
    {errno.EHOSTUNREACH, errno.EHOSTDOWN},  # nobody has the address
    {errno.ENETUNREACH, errno.ENETDOWN},  # no way leads there from here
    {errno.EAFNOSUPPORT},  # this machine has no such addresses
)

WRONG_NAME = (failures.CERT_WRONG_NAME, _("The certificate was issued for another name."))
_NOT_VALID = frozenset({9, 10})  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_WRONG_NAME = frozenset({62, 64})  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def explain(exc: OSError, stage: Stage) -> tuple[Failure, str]:
    """Kind and sentence for an error of a socket, of TLS or of the deadline, met in `stage`.

    What cannot be the server's doing (no descriptors, no memory, no local port, a local firewall) is `PROBER_FAULT`.
    """
    if isinstance(exc, ssl.SSLCertVerificationError):
        return _explain_certificate(exc)
    if isinstance(exc, ssl.SSLEOFError):
        return failures.TLS_HANDSHAKE, _("The server closed the connection during the TLS handshake.")
    if isinstance(exc, ssl.SSLError):
        reason = (exc.reason or "unknown reason").replace("_", " ").lower()
        return failures.TLS_HANDSHAKE, sentences.TLS_FAILED % {"reason": reason}
    if isinstance(exc, TimeoutError):
        return stage.timeout
    if exc.errno in _ERRNO:
        return _ERRNO[exc.errno]
    code = errno.errorcode.get(exc.errno or 0, type(exc).__name__)
    return failures.PROBER_FAULT, sentences.COULD_NOT_PROBE % {"code": code, "stage": stage.name.upper()}


def most_telling(errors: Sequence[OSError]) -> OSError:
    """Of what the addresses of one server came to, the error that says most about the server; the first of equals."""
    return min(
        errors, key=lambda exc: next((rank for rank, codes in enumerate(_TELLING) if exc.errno in codes), len(_TELLING))
    )


def _explain_certificate(exc: ssl.SSLCertVerificationError) -> tuple[Failure, str]:
    if exc.verify_code in _WRONG_NAME:
        return WRONG_NAME
    if exc.verify_code in _NOT_VALID:
        return failures.CERT_EXPIRED, sentences.NOT_VALID % {"reason": exc.verify_message}
    return failures.CERT_UNTRUSTED, sentences.NOT_TRUSTED % {"reason": exc.verify_message}
