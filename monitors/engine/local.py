"""What this machine's own files say about names: /etc/hosts and the search list of resolv.conf. Pure, but for
`of_this_machine`.

c-ares reads both, but for each kind of address by itself: an A from /etc/hosts or from one domain would be joined by
the AAAA of another machine. So it is asked for absolute names only, which are in neither.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

HOSTS = Path("/etc/hosts")
RESOLV_CONF = Path("/etc/resolv.conf")
MAX_NDOTS = 15

_LOOPBACK = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Names:
    """The names of /etc/hosts, the domains in which others are looked for, and how many dots make a name be asked for
    as it is first."""

    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    domains: tuple[str, ...] = ()
    ndots: int = 1

    def addresses(self, host: str) -> tuple[str, ...]:
        """What `host`, lower case, is here, IPv4 first. `localhost`, and what ends in it, is here (RFC 6761 6.3)."""
        name = host.removesuffix(".")
        found = self.hosts.get(name, ())
        if name == "localhost" or (not found and name.endswith(".localhost")):
            found = (*found, *_LOOPBACK)
        return tuple(sorted(dict.fromkeys(found), key=lambda address: ":" in address)) if found else ()

    def candidates(self, host: str) -> tuple[str, ...]:
        """What `host` may stand for in DNS, in the order in which to ask: absolute names, each with its final dot.

        A host that ends in a dot stands for itself alone.
        """
        if host.endswith("."):
            return (host,)
        alone = f"{host}."
        searched = [f"{host}.{domain}".rstrip(".") + "." for domain in self.domains]
        return tuple(dict.fromkeys([alone, *searched] if host.count(".") >= self.ndots else [*searched, alone]))


def read_hosts(text: str) -> dict[str, tuple[str, ...]]:
    """The addresses of each name of hosts(5), in their order. What cannot be read is left out, and what has a zone."""
    hosts: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].lower().split() or [""]
        if not names or "%" in address:
            continue
        with suppress(ValueError):
            parsed = str(ipaddress.ip_address(address))
            for name in names:
                hosts[name] = (*hosts.get(name, ()), parsed)
    return hosts


def read_search(resolv_conf: str, environ: Mapping[str, str], hostname: str) -> tuple[tuple[str, ...], int]:
    """The search list and `ndots` of resolv.conf(5); LOCALDOMAIN and RES_OPTIONS in `environ` win over the file.

    Of several lists the last one counts. Without any it is the domain of `hostname`. What cannot be read is left out.
    """
    domains = list(filter(None, [hostname.partition(".")[2]]))
    options: list[str] = []
    for line in resolv_conf.lower().splitlines():
        keyword, *values = line.split() or [""]
        if keyword in ("search", "domain") and values:
            domains = values if keyword == "search" else values[:1]
        elif keyword == "options":
            options += values
    if "LOCALDOMAIN" in environ:
        domains = environ["LOCALDOMAIN"].lower().split()
    options += environ.get("RES_OPTIONS", "").lower().split()
    ndots = 1
    for option in options:
        name, _, number = option.partition(":")
        if name == "ndots" and number.isdecimal():
            ndots = min(int(number), MAX_NDOTS)
    return tuple(domains), ndots


def of_this_machine() -> Names:
    """What is in force now. /etc/hosts is read only when it has changed."""
    stamp, resolv_conf = None, ""
    with suppress(OSError):
        status = HOSTS.stat()
        stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
    with suppress(OSError):
        resolv_conf = RESOLV_CONF.read_text("utf-8", "replace")
    return Names(_hosts_at(stamp), *read_search(resolv_conf, os.environ, socket.gethostname()))


@lru_cache(maxsize=1)
def _hosts_at(_stamp: tuple[int, int, int] | None) -> dict[str, tuple[str, ...]]:
    with suppress(OSError):
        return read_hosts(HOSTS.read_text("utf-8", "replace"))
    return {}
