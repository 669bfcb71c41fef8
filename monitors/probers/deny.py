"""Addresses that are never probed, whoever asks. Pure.

A monitor makes requests on behalf of its users, so it must not be a way to the cloud's metadata services (SSRF). The
built-in list cannot be switched off; private networks and loopback are allowed, because that is where fleets live.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

BUILT_IN = (
    "0.0.0.0/8",  # unspecified, "this network" (RFC 1122); Linux connects 0.0.0.0 to itself
    "::/128",
    "169.254.0.0/16",  # link-local (RFC 3927), with the metadata services of AWS, Google, Azure, ECS and others
    "fe80::/10",
    "100.100.100.200/32",  # metadata of Alibaba Cloud
    "192.0.0.192/32",  # metadata of Oracle Cloud
    "168.63.129.16/32",  # the wire server of Azure
    "fd00:ec2::254/128",  # metadata of AWS over IPv6
    "fd20:ce::254/128",  # metadata of Google Cloud over IPv6
    "fd00:42::42/128",  # metadata of Scaleway over IPv6
    "224.0.0.0/4",  # multicast
    "ff00::/8",
    "240.0.0.0/4",  # reserved (RFC 1112), with the broadcast address 255.255.255.255
)

DENIED_NAMES = frozenset(
    {"metadata.google.internal", "metadata.goog", "metadata", "instance-data", "instance-data.ec2.internal"}
)

_TRAILING_IPV4 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "::/96",  # IPv4-compatible (RFC 4291 2.5.5.1)
        "::ffff:0:0/96",  # IPv4-mapped (RFC 4291 2.5.5.2)
        "::ffff:0:0:0/96",  # IPv4-translated (RFC 2765)
        "64:ff9b::/96",  # NAT64 (RFC 6052)
    )
)
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")  # RFC 8215: any of the layouts of RFC 6052 2.2
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")  # RFC 3056
_TEREDO = ipaddress.IPv6Network("2001::/32")  # RFC 4380
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE, 0x0100_5EFE, 0x0300_5EFE})  # RFC 5214 6.1, with either of the u/g bits
_CACHE_SIZE = 65_536


class DenyList:
    """Which addresses and names must not be probed.

    `extra_networks` (`10.0.0.0/8`, `2001:db8::1`) add to the built-in list. Raises ValueError naming the first one that
    is not a network.
    """

    def __init__(self, extra_networks: Iterable[str] = ()) -> None:
        self._networks = tuple(_network(text) for text in (*BUILT_IN, *extra_networks))
        self._cached = lru_cache(maxsize=_CACHE_SIZE)(self._matches)

    def denies(self, address: str) -> bool:
        """Whether `address` (with or without an IPv6 zone), or an IPv4 address inside it, is on the list.

        What is not an address at all is denied too: nothing else may be connected to.
        """
        return self._cached(address)

    def _matches(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return True
        return any(form in network for form in _forms(parsed) for network in self._networks)

    def denies_name(self, name: str) -> bool:
        """Whether `name` is that of a metadata service, in any case and with or without the final dot."""
        return name.lower().removesuffix(".") in DENIED_NAMES


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError as exc:
        raise ValueError(f"{text!r} is not a network like 10.0.0.0/8 or 2001:db8::/32") from exc


def _forms(address: IPAddress) -> Iterator[IPAddress]:
    """The address itself, then every IPv4 address that it may stand for on the way."""
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        for embedded in _embedded(address):
            yield ipaddress.IPv4Address(embedded & 0xFFFF_FFFF)


def _embedded(address: ipaddress.IPv6Address) -> Iterator[int]:
    bits = int(address)
    if bits <= 1:  # :: and ::1 are themselves, not compatible forms of 0.0.0.0 and 0.0.0.1
        return
    if any(address in network for network in _TRAILING_IPV4) or (bits >> 32) & 0xFFFF_FFFF in _ISATAP:
        yield bits
    if address in _SIX_TO_FOUR:
        yield bits >> 80
    if address in _TEREDO:
        yield bits >> 64
        yield ~bits
    if address in _LOCAL_NAT64:
        layouts = (
            (bits >> 64 & 0xFFFF) << 16 | bits >> 40 & 0xFFFF,  # /48: around the octet that RFC 6052 keeps zero
            (bits >> 64 & 0xFF) << 24 | bits >> 32 & 0xFF_FFFF,  # /56
            bits >> 24,  # /64
            bits,  # /96
        )
        yield from (layout for layout in layouts if layout & 0xFF00_0000)  # 0.x.x.x: the padding of another layout
