"""What went wrong, in one of the kinds that are stored and one sentence for people. Pure.

Sentences name no header, no query and nothing that the server sent: they go to chat rooms and into the history.
"""

from __future__ import annotations

import errno
import ssl
from collections.abc import Sequence
from datetime import timedelta
from enum import IntEnum
from time import perf_counter

from monitors.probers import sentences
from monitors.probers.base import MAX_DETAIL, CertificateEnd, Failure, Outcome, Stages
from monitors.probers.sentences import _


class Stage(IntEnum):
    """Where a probe is. A timeout is told apart by the stage that it ended."""

    RESOLVE = 0
    CONNECT = 1
    TLS = 2
    FIRST_BYTE = 3
    HEAD = 4
    BODY = 5
    REQUEST = 6


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
        self.stage = Stage.RESOLVE
        self.status: int | None = None
        self.address = ""
        self.note = ""
        self.answer = ""
        self.strange = b""
        """What came instead of HTTP."""
        self.certificate: CertificateEnd | None = None
        self._seconds: list[float | None] = [None] * len(Stage)
        self._started_at = self._entered_at = perf_counter()

    def enter(self, stage: Stage) -> None:
        """End the stage before and begin `stage`."""
        now = perf_counter()
        self._seconds[self.stage] = (self._seconds[self.stage] or 0.0) + now - self._entered_at
        self.stage = stage
        self._entered_at = now

    def skip_to(self, stage: Stage) -> None:
        """Begin `stage` without counting the one before, which was not needed."""
        self.stage = stage
        self._entered_at = perf_counter()

    def outcome(self, failure: Failure | None = None, detail: str = "") -> Outcome:
        """End the last stage and sum the probe up."""
        self.enter(self.stage)
        resolve, connect, tls, first_byte, *_ = self._seconds
        return Outcome(
            failure=failure,
            elapsed=timedelta(seconds=self._entered_at - self._started_at),
            stages=Stages(
                resolve=_timedelta(resolve),
                connect=_timedelta(connect),
                tls=_timedelta(tls),
                first_byte=_timedelta(first_byte),
            ),
            detail=detail[:MAX_DETAIL],
            status=self.status,
            address=self.address,
            answer=self.answer if failure else "",
            certificate_expires_at=self.certificate.at if self.certificate else None,
            certificate_subject=self.certificate.subject if self.certificate else "",
        )


def _timedelta(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


TIMEOUTS = {
    Stage.RESOLVE: (Failure.RESOLVER_TIMEOUT, _("The name was not resolved within the timeout.")),
    Stage.CONNECT: (Failure.TIMEOUT_CONNECT, _("The server did not accept the connection within the timeout.")),
    Stage.TLS: (Failure.TIMEOUT_TLS, _("The TLS handshake was not finished within the timeout.")),
    Stage.REQUEST: (Failure.TIMEOUT_FIRST_BYTE, _("The server did not take the whole request within the timeout.")),
    Stage.FIRST_BYTE: (Failure.TIMEOUT_FIRST_BYTE, _("The server accepted the request but sent nothing in time.")),
    Stage.HEAD: (Failure.TIMEOUT_FIRST_BYTE, _("The server began to answer but did not finish its headers in time.")),
    Stage.BODY: (Failure.TIMEOUT_BODY, _("The expected text did not arrive within the timeout.")),
}

_REFUSED = (Failure.REFUSED, _("The connection was refused: nothing listens on that port."))
_UNREACHABLE = (Failure.UNREACHABLE, _("No route leads to the server's address."))
_RESET = (Failure.RESET, _("The server broke the connection off before its answer was complete."))

_ERRNO = {
    errno.ECONNREFUSED: _REFUSED,
    errno.EHOSTUNREACH: _UNREACHABLE,
    errno.ENETUNREACH: _UNREACHABLE,
    errno.EHOSTDOWN: _UNREACHABLE,
    errno.ENETDOWN: _UNREACHABLE,
    errno.EAFNOSUPPORT: (
        Failure.UNREACHABLE,
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

WRONG_NAME = (Failure.CERT_WRONG_NAME, _("The certificate was issued for another name."))
_NOT_VALID = frozenset({9, 10})  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_WRONG_NAME = frozenset({62, 64})  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def explain(exc: OSError, stage: Stage) -> tuple[Failure, str]:
    """Kind and sentence for an error of a socket, of TLS or of the deadline, met in `stage`.

    What cannot be the server's doing (no descriptors, no memory, no local port, a local firewall) is `PROBER_FAULT`.
    """
    if isinstance(exc, ssl.SSLCertVerificationError):
        return _explain_certificate(exc)
    if isinstance(exc, ssl.SSLEOFError):
        return Failure.TLS_HANDSHAKE, _("The server closed the connection during the TLS handshake.")
    if isinstance(exc, ssl.SSLError):
        reason = (exc.reason or "unknown reason").replace("_", " ").lower()
        return Failure.TLS_HANDSHAKE, sentences.TLS_FAILED % {"reason": reason}
    if isinstance(exc, TimeoutError):
        return TIMEOUTS[stage]
    if exc.errno in _ERRNO:
        return _ERRNO[exc.errno]
    code = errno.errorcode.get(exc.errno or 0, type(exc).__name__)
    return Failure.PROBER_FAULT, sentences.COULD_NOT_PROBE % {"code": code, "stage": stage.name}


def most_telling(errors: Sequence[OSError]) -> OSError:
    """Of what the addresses of one server came to, the error that says most about the server; the first of equals."""
    return min(
        errors, key=lambda exc: next((rank for rank, codes in enumerate(_TELLING) if exc.errno in codes), len(_TELLING))
    )


def _explain_certificate(exc: ssl.SSLCertVerificationError) -> tuple[Failure, str]:
    if exc.verify_code in _WRONG_NAME:
        return WRONG_NAME
    if exc.verify_code in _NOT_VALID:
        return Failure.CERT_EXPIRED, sentences.NOT_VALID % {"reason": exc.verify_message}
    return Failure.CERT_UNTRUSTED, sentences.NOT_TRUSTED % {"reason": exc.verify_message}
