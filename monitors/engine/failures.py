"""Every way in which a server can fail that kinds of check share; what only one kind knows is declared in its module.

A failure is declared in one place, with all that is known of it. Texts are marked for the catalogs and shown by
`monitors.wording`. Pure.
"""

from __future__ import annotations

from monitors.engine.sentences import _


class Failure(str):
    """Why a probe failed: the name, which is stored and part of the API. Add, never rename."""

    __slots__ = ("by_stalls", "code", "conclusive", "help", "words")
    code: str
    words: str
    help: str
    conclusive: bool
    by_stalls: bool

    def __new__(
        cls,
        name: str,
        code: str,
        words: str,
        help: str,  # noqa: A002
        *,
        conclusive: bool = True,
        by_stalls: bool = False,
    ) -> Failure:
        """`code` stands for it in strips and is stored, too: two letters, not
        the same, that no other failure has. `words` say what
        happened in the middle of a sentence; `help` in one or two sentences what it means and what to do.

        What is not `conclusive` is our own fault: it says nothing about the server and moves no counter. `by_stalls`:
        it may come of our own loop having stood still.
        """
        self = super().__new__(cls, name)
        self.code, self.words, self.help = code, words, help
        self.conclusive, self.by_stalls = conclusive, by_stalls
        return self


UNKNOWN_HOST = Failure(
    "unknown_host",
    "aa",
    _("unknown host"),
    _("The name has no address. Check its spelling and its DNS record."),
)
RESOLVER_TIMEOUT = Failure(
    "resolver_timeout",
    "bb",
    _("name lookup timed out"),
    _("The name servers of this name did not answer in time. Check its DNS."),
    by_stalls=True,
)
REFUSED = Failure(
    "refused",
    "cc",
    _("connection refused"),
    _("The machine answers, but nothing listens on this port. Check that the service runs."),
)
UNREACHABLE = Failure(
    "unreachable",
    "dd",
    _("network unreachable"),
    _("There is no route to the machine. Check that it is on, its network and the firewalls between."),
    by_stalls=True,
)
RESET = Failure(
    "reset",
    "ee",
    _("connection reset"),
    _("The server cut the connection without an answer. Check its log and any proxy in front of it."),
    by_stalls=True,
)
TIMEOUT_CONNECT = Failure(
    "timeout_connect",
    "ff",
    _("connecting timed out"),
    _("Nothing accepted the connection in time. The machine is off, overloaded or behind a firewall."),
    by_stalls=True,
)
TLS_HANDSHAKE = Failure(
    "tls_handshake",
    "gg",
    _("TLS handshake failed"),
    _("Server and monitor could not agree on encryption. Check its TLS settings and that the port is TLS."),
    by_stalls=True,
)
CERT_EXPIRED = Failure(
    "cert_expired",
    "hh",
    _("certificate expired"),
    _("The server's certificate is past its date, or not valid yet. Renew it."),
)
CERT_UNTRUSTED = Failure(
    "cert_untrusted",
    "ii",
    _("certificate not trusted"),
    _("The certificate was not issued by a known authority, or an intermediate certificate is missing."),
)
CERT_WRONG_NAME = Failure(
    "cert_wrong_name",
    "jj",
    _("certificate is for another name"),
    _("The certificate does not cover this host name. Check the name and the certificate."),
)
TIMEOUT_TLS = Failure(
    "timeout_tls",
    "kk",
    _("TLS handshake timed out"),
    _("The server accepted the connection, but encryption was not agreed on in time."),
    by_stalls=True,
)
INVALID_RESPONSE = Failure(
    "invalid_response",
    "ss",
    _("invalid response"),
    _("The answer is not valid HTTP. Check the port and whether it wants http or https."),
    by_stalls=True,
)
TIMEOUT_FIRST_BYTE = Failure(
    "timeout_first_byte",
    "tt",
    _("no answer in time"),
    _("The server took the request, but did not begin to answer. It is overloaded or stuck."),
    by_stalls=True,
)
TIMEOUT_BODY = Failure(
    "timeout_body",
    "uu",
    _("answer not finished in time"),
    _("The server began to answer, but did not finish. It is overloaded, or the answer is very large."),
    by_stalls=True,
)
TEXT_MISSING = Failure(
    "text_missing",
    "vv",
    _("expected text missing"),
    _("The answer does not contain the text expected of this server."),
)
TOO_LARGE = Failure(
    "too_large",
    "ww",
    _("answer too large"),
    _("The answer is larger than the monitor reads. Probe a smaller page."),
)
DENIED_ADDRESS = Failure(
    "denied_address",
    "EE",
    _("address not allowed"),
    _("The name leads to an address that the monitor must not connect to. Ask whoever runs the monitor."),
)
INVALID_ADDRESS = Failure(
    "invalid_address",
    "FF",
    _("invalid address"),
    _("Host, port and path do not make an address. Correct the server's entry."),
)
PROBER_FAULT = Failure(
    "prober_fault",
    "GG",
    _("the monitor could not look"),
    _("The fault is the monitor's own and says nothing about the server. See the monitor's log."),
    conclusive=False,
)
RESOLVER_FAILED = Failure(
    "resolver_failed",
    "HH",
    _("name lookup failed"),
    _("The name servers answered that they could not, or would not, look the name up. Check its DNS."),
)

SHARED = (
    UNKNOWN_HOST,
    RESOLVER_TIMEOUT,
    REFUSED,
    UNREACHABLE,
    RESET,
    TIMEOUT_CONNECT,
    TLS_HANDSHAKE,
    CERT_EXPIRED,
    CERT_UNTRUSTED,
    CERT_WRONG_NAME,
    TIMEOUT_TLS,
    INVALID_RESPONSE,
    TIMEOUT_FIRST_BYTE,
    TIMEOUT_BODY,
    TEXT_MISSING,
    TOO_LARGE,
    DENIED_ADDRESS,
    INVALID_ADDRESS,
    PROBER_FAULT,
    RESOLVER_FAILED,
)
"""In the order of the API, which adds those of each kind."""
