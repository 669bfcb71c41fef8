"""Where a request comes from, behind proxies too. Pure, but for what reads a request.

A proxy appends the address that it sees to X-Forwarded-For, so that the header is read from its end, and only as far as
those who wrote it are in TRUSTED_PROXIES: whatever stands before that, anybody may have made up.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.http import HttpRequest

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

LOOPBACK = ("127.0.0.0/8", "::1/128")
ONE_SITE = 64
"""The prefix that one customer of IPv6 has at least (RFC 6177), with as many addresses as they like."""
UNKNOWN = "unknown"
"""The address of whoever cannot be told from others."""


def networks(texts: Iterable[str]) -> list[Network]:
    """Raises ValueError for what is none."""
    return [ipaddress.ip_network(text, strict=False) for text in texts]


def client(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The address that the last proxy which is trusted saw, without port, IPv4 as such; UNKNOWN for none.

    `peer` is the other end of the connection: empty for that of a Unix socket, which is on this machine.
    """
    seen = _address(peer) if peer else ipaddress.ip_address("127.0.0.1")
    for text in reversed(forwarded_for.split(",")):
        if seen is None or not any(seen in network for network in trusted):
            break
        before = _address(text)
        if before is None:
            break
        seen = before
    return UNKNOWN if seen is None else str(seen)


def _address(text: str) -> IPAddress | None:
    """Of `192.0.2.1`, `192.0.2.1:5000`, `2001:db8::1`, `[2001:db8::1]:5000` and with a zone; None for anything else."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def site(address: str) -> str:
    """What is counted together: an address of IPv4, the /64 of one of IPv6."""
    found = _address(address)
    if found is None:
        return UNKNOWN
    return str(ipaddress.ip_network((found, ONE_SITE), strict=False)) if found.version == 6 else str(found)


def address_of(request: HttpRequest) -> str:
    """Where `request` comes from."""
    peer, forwarded = request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", "")
    return client(str(peer), str(forwarded), settings.TRUSTED_PROXIES)
