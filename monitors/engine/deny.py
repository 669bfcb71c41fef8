"""Addresses that are never probed, whoever asks. Pure.

A monitor makes requests on behalf of its users, so it must not be a way to the cloud's metadata services (SSRF). The
built-in list cannot be switched off; private networks and loopback are allowed, because that is where fleets live.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

METADATA = (
    "169.254.169.254",  # nearly every cloud
    "169.254.170.2",  # credentials of ECS tasks
    "169.254.170.23",  # EKS Pod Identity
    "169.254.0.23",  # Tencent Cloud
    "169.254.42.42",  # Scaleway
    "100.100.100.200",  # Alibaba Cloud
    "100.96.0.96",  # Volcano Engine
    "100.80.80.80",  # UCloud
    "192.0.0.192",  # Oracle Cloud
    "168.63.129.16",  # the wire server of Azure
)
"""The metadata services over IPv4, as the clouds' documents name them."""

BUILT_IN = (
    *METADATA,
    "0.0.0.0/8",  # unspecified, "this network" (RFC 1122); Linux connects 0.0.0.0 to itself
    "::/128",
    "169.254.0.0/16",  # link-local (RFC 3927)
    "fe80::/10",  # with the metadata service of OpenStack, fe80::a9fe:a9fe
    "fec0::/10",  # site-local, which no network may use any more (RFC 3879)
    "100::/64",  # discarded on the way (RFC 6666)
    "fd00:ec2::/32",  # AWS: metadata, Pod Identity, name servers and time
    "fd20:ce::254/128",  # metadata of Google Cloud
    "fd00:c1::a9fe:a9fe/128",  # metadata of Oracle Cloud
    "fd00:a9fe:a9fe::1/128",  # metadata of Akamai
    "fd00:100::100:200/128",  # metadata of Alibaba Cloud
    "fd00:42::42/128",  # metadata of Scaleway
    "224.0.0.0/4",  # multicast
    "ff00::/8",
    "240.0.0.0/4",  # reserved (RFC 1112), with the broadcast address 255.255.255.255
)

DENIED_NAMES = frozenset(
    {
        "api.metadata.cloud.ibm.com",
        "instance-data",
        "metadata",
        "metadata.azure.com",
        "metadata.azure.internal",
        "metadata.exoscale.com",
        "metadata.goog",
        "metadata.google.internal",
        "metadata.packet.net",
        "metadata.platformequinix.com",
        "metadata.tencentyun.com",
        "rancher-metadata",
    }
)

_INSTANCE_DATA = re.compile(r"instance-data(?:\.[a-z0-9-]+)*\.internal")
"""The names of AWS for its metadata service, with and without a region."""

_TRAILING_IPV4 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "::/96",  # IPv4-compatible (RFC 4291 2.5.5.1)
        "::ffff:0:0/96",  # IPv4-mapped (RFC 4291 2.5.5.2)
        "::ffff:0:0:0/96",  # IPv4-translated (RFC 2765)
        "64:ff9b::/96",  # NAT64 (RFC 6052)
    )
)
_METADATA = frozenset(int(ipaddress.IPv4Address(address)) for address in METADATA)
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
        plain = name.lower().removesuffix(".")
        return plain in DENIED_NAMES or _INSTANCE_DATA.fullmatch(plain) is not None


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
    layouts = _translated(bits)
    if address in _LOCAL_NAT64:
        yield from (layout for layout in layouts[2:] if layout & 0xFF00_0000)  # 0.x.x.x: another layout's padding
    # A network may translate by a prefix of its own, which is not known here (RFC 6052 3.1). That one of these exact
    # addresses stands where it would be carried, and means something else, is as good as impossible.
    yield from (layout for layout in layouts if layout & 0xFFFF_FFFF in _METADATA)


def _translated(bits: int) -> tuple[int, ...]:
    """What an address carries as its IPv4 address, in its lowest 32 bits, by the length of the prefix (RFC 6052 2.2).
    The octet from bit 64 to 71 is kept zero and left out."""
    return (
        bits >> 64,  # /32
        (bits >> 64 & 0xFF_FFFF) << 8 | bits >> 48 & 0xFF,  # /40
        (bits >> 64 & 0xFFFF) << 16 | bits >> 40 & 0xFFFF,  # /48
        (bits >> 64 & 0xFF) << 24 | bits >> 32 & 0xFF_FFFF,  # /56
        bits >> 24,  # /64
        bits,  # /96
    )
