"""Which names a host may stand for: the search list of resolv.conf(5). Pure, but for `of_this_machine`.

c-ares knows the list too, but walks it for each kind of address by itself: A would be found in one domain and AAAA in
another, which are different machines. So it is given absolute names only.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

RESOLV_CONF = Path("/etc/resolv.conf")
MAX_NDOTS = 15


@dataclass(frozen=True, slots=True)
class SearchList:
    """The domains in which names are looked for, and how many dots make a name be asked for as it is first."""

    domains: tuple[str, ...] = ()
    ndots: int = 1

    def names(self, host: str) -> tuple[str, ...]:
        """What `host` may stand for, in the order in which to ask: absolute names, each with its final dot.

        A host that ends in a dot stands for itself alone.
        """
        if host.endswith("."):
            return (host,)
        alone = f"{host}."
        searched = [f"{host}.{domain}".rstrip(".") + "." for domain in self.domains]
        return tuple(dict.fromkeys([alone, *searched] if host.count(".") >= self.ndots else [*searched, alone]))


def read(resolv_conf: str, environ: Mapping[str, str], hostname: str) -> SearchList:
    """The search list that `resolv_conf` describes; LOCALDOMAIN and RES_OPTIONS in `environ` win over it.

    Of several lists the last one counts. Without any it is the domain of `hostname`. What cannot be read is left out.
    """
    domains = list(filter(None, [hostname.partition(".")[2]]))
    options: list[str] = []
    for line in resolv_conf.splitlines():
        keyword, *values = line.split() or [""]
        if keyword in ("search", "domain") and values:
            domains = values if keyword == "search" else values[:1]
        elif keyword == "options":
            options += values
    if "LOCALDOMAIN" in environ:
        domains = environ["LOCALDOMAIN"].split()
    options += environ.get("RES_OPTIONS", "").split()
    ndots = 1
    for option in options:
        name, _, number = option.partition(":")
        if name == "ndots" and number.isdecimal():
            ndots = min(int(number), MAX_NDOTS)
    return SearchList(tuple(domain.lower() for domain in domains), ndots)


def of_this_machine() -> SearchList:
    """The search list in force now; empty where there is no resolv.conf."""
    text = ""
    with suppress(OSError):
        text = RESOLV_CONF.read_text("utf-8", "replace")
    return read(text, os.environ, socket.gethostname())
