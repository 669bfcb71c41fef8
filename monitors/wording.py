"""Plain words for what is stored as a code or in English: failures, their details, durations. Used by pages, the admin
and messages.

No models here: a code that a newer version stored falls back to itself instead of failing.
"""

from __future__ import annotations

from datetime import timedelta

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitors.probers.base import Failure
from monitors.probers.sentences import template_of

WORDS: dict[str, tuple[Promise, Promise]] = {
    # failure: (what happened, in the middle of a sentence; what it means and what to do, a sentence)
    Failure.UNKNOWN_HOST: (
        gettext_lazy("unknown host"),
        gettext_lazy("The name has no address. Check its spelling and its DNS record."),
    ),
    Failure.RESOLVER_TIMEOUT: (
        gettext_lazy("name lookup timed out"),
        gettext_lazy("The name servers of this name did not answer in time. Check its DNS."),
    ),
    Failure.REFUSED: (
        gettext_lazy("connection refused"),
        gettext_lazy("The machine answers, but nothing listens on this port. Check that the service runs."),
    ),
    Failure.UNREACHABLE: (
        gettext_lazy("network unreachable"),
        gettext_lazy("There is no route to the machine. Check that it is on, its network and the firewalls between."),
    ),
    Failure.RESET: (
        gettext_lazy("connection reset"),
        gettext_lazy("The server cut the connection without an answer. Check its log and any proxy in front of it."),
    ),
    Failure.TIMEOUT_CONNECT: (
        gettext_lazy("connecting timed out"),
        gettext_lazy("Nothing accepted the connection in time. The machine is off, overloaded or behind a firewall."),
    ),
    Failure.TLS_HANDSHAKE: (
        gettext_lazy("TLS handshake failed"),
        gettext_lazy(
            "Server and monitor could not agree on encryption. Check its TLS settings and that the port is TLS."
        ),
    ),
    Failure.CERT_EXPIRED: (
        gettext_lazy("certificate expired"),
        gettext_lazy("The server's certificate is past its date, or not valid yet. Renew it."),
    ),
    Failure.CERT_UNTRUSTED: (
        gettext_lazy("certificate not trusted"),
        gettext_lazy("The certificate was not issued by a known authority, or an intermediate certificate is missing."),
    ),
    Failure.CERT_WRONG_NAME: (
        gettext_lazy("certificate is for another name"),
        gettext_lazy("The certificate does not cover this host name. Check the name and the certificate."),
    ),
    Failure.TIMEOUT_TLS: (
        gettext_lazy("TLS handshake timed out"),
        gettext_lazy("The server accepted the connection, but encryption was not agreed on in time."),
    ),
    Failure.HTTP_401: (
        gettext_lazy("HTTP 401, login required"),
        gettext_lazy("The server wants credentials. Set a request header, or probe a path that is open."),
    ),
    Failure.HTTP_403: (
        gettext_lazy("HTTP 403, forbidden"),
        gettext_lazy("The server refuses the monitor. Check its access rules, or probe a path that is open."),
    ),
    Failure.HTTP_404: (
        gettext_lazy("HTTP 404, not found"),
        gettext_lazy("The path does not exist on the server. Check the path and what is deployed."),
    ),
    Failure.HTTP_4XX: (
        gettext_lazy("HTTP 4xx, request rejected"),
        gettext_lazy("The server rejected the request. The detail names the status."),
    ),
    Failure.HTTP_5XX: (
        gettext_lazy("HTTP 5xx, server error"),
        gettext_lazy(
            "The server, or a proxy in front of it, failed to answer. The detail names the status; see its log."
        ),
    ),
    Failure.UNEXPECTED_STATUS: (
        gettext_lazy("unexpected HTTP status"),
        gettext_lazy("The status is not among those expected of this server. The detail names it."),
    ),
    Failure.TOO_MANY_REDIRECTS: (
        gettext_lazy("too many redirects"),
        gettext_lazy(
            "The server redirects in a circle or too often. Probe the address where the redirects should end."
        ),
    ),
    Failure.INVALID_RESPONSE: (
        gettext_lazy("invalid response"),
        gettext_lazy("The answer is not valid HTTP. Check the port and whether it wants http or https."),
    ),
    Failure.TIMEOUT_FIRST_BYTE: (
        gettext_lazy("no answer in time"),
        gettext_lazy("The server took the request, but did not begin to answer. It is overloaded or stuck."),
    ),
    Failure.TIMEOUT_BODY: (
        gettext_lazy("answer not finished in time"),
        gettext_lazy("The server began to answer, but did not finish. It is overloaded, or the answer is very large."),
    ),
    Failure.TEXT_MISSING: (
        gettext_lazy("expected text missing"),
        gettext_lazy("The answer does not contain the text expected of this server."),
    ),
    Failure.TOO_LARGE: (
        gettext_lazy("answer too large"),
        gettext_lazy("The answer is larger than the monitor reads. Probe a smaller page."),
    ),
    Failure.WS_REFUSED: (
        gettext_lazy("WebSocket refused"),
        gettext_lazy("The server answered, but does not speak WebSocket on this path. The detail names the status."),
    ),
    Failure.WS_401: (
        gettext_lazy("WebSocket HTTP 401, login required"),
        gettext_lazy("The server wants credentials before the upgrade. Set a request header."),
    ),
    Failure.WS_403: (
        gettext_lazy("WebSocket HTTP 403, forbidden"),
        gettext_lazy("The server refuses the upgrade. Check its access rules and allowed origins."),
    ),
    Failure.WS_404: (
        gettext_lazy("WebSocket HTTP 404, not found"),
        gettext_lazy("There is no WebSocket on this path. Check the path and what is deployed."),
    ),
    Failure.WS_BAD_HANDSHAKE: (
        gettext_lazy("invalid WebSocket handshake"),
        gettext_lazy("The server agreed to the upgrade, but its handshake breaks the protocol (RFC 6455)."),
    ),
    Failure.WS_SUBPROTOCOL: (
        gettext_lazy("WebSocket subprotocol not accepted"),
        gettext_lazy("The server did not choose the subprotocol set for it."),
    ),
    Failure.WS_CLOSED: (
        gettext_lazy("WebSocket closed at once"),
        gettext_lazy("The server agreed to the upgrade and then closed the connection. See its log."),
    ),
    Failure.DENIED_ADDRESS: (
        gettext_lazy("address not allowed"),
        gettext_lazy(
            "The name leads to an address that the monitor must not connect to. Ask whoever runs the monitor."
        ),
    ),
    Failure.INVALID_ADDRESS: (
        gettext_lazy("invalid address"),
        gettext_lazy("Host, port and path do not make an address. Correct the server's entry."),
    ),
    Failure.PROBER_FAULT: (
        gettext_lazy("the monitor could not look"),
        gettext_lazy("The fault is the monitor's own and says nothing about the server. See the monitor's log."),
    ),
    Failure.RESOLVER_FAILED: (
        gettext_lazy("name lookup failed"),
        gettext_lazy("The name servers answered that they could not, or would not, look the name up. Check its DNS."),
    ),
}


def failure_words(kind: str) -> str:
    """What happened, for the middle of a sentence: `connection refused`. An unknown kind is its own words."""
    return str(WORDS[kind][0]) if kind in WORDS else kind


def failure_label(kind: str) -> str:
    """What happened, to stand alone: `Connection refused`."""
    return capfirst(failure_words(kind))


def failure_help(kind: str) -> str:
    """One or two sentences on what the failure means and what to do; empty for an unknown kind."""
    return str(WORDS[kind][1]) if kind in WORDS else ""


def detail_words(detail: str) -> str:
    """What a prober has said of a failure, in the language in force; every other text as it is."""
    template, values = template_of(detail)
    if not values:
        return _(detail) if detail else ""  # the catalogs keep their own header under the empty text
    return _(template) % {name: _(value) for name, value in values.items()}


def duration_words(duration: timedelta) -> str:
    """The two largest units, rounded down: `3 d 4 h`, `4 min 12 s`, `0 s`. A negative duration counts as none."""
    seconds = max(0, int(duration.total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    amounts = [
        (days, _("%(number)d d")),
        (hours, _("%(number)d h")),
        (minutes, _("%(number)d min")),
        (seconds, _("%(number)d s")),
    ]
    first = next((i for i, (number, _unit) in enumerate(amounts) if number), len(amounts) - 1)
    largest = amounts[first : first + 2]
    return " ".join(unit % {"number": number} for i, (number, unit) in enumerate(largest) if number or i == 0)
