"""What is watched: how many servers, of which kind, how often, and how many of them are in trouble."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.farm import Farm, address, name

TYPES = {"http": 1, "tls": 1, "websocket": 2}
MODULES = {"http": "http_2xx", "tls": "http_2xx", "websocket": "websocket"}
PREFIXES = {"http": "http://", "tls": "https://", "websocket": ""}


@dataclass(frozen=True, slots=True)
class Load:
    servers: int
    interval: float = 10.0
    kind: str = "http"
    """`http`, `tls` or `websocket`."""
    on_mariadb: bool = False
    hanging: int = 0
    """So many of the servers, spread evenly, accept and never answer."""
    silent: int = 0
    """So many more have names whose DNS never answers. The others then have names too, to be resolved beside them."""

    @property
    def troubled(self) -> list[int]:
        """The targets that hang."""
        return [number * self.servers // self.hanging for number in range(self.hanging)]

    @property
    def sound(self) -> list[int]:
        troubled = set(self.troubled)
        return [target for target in range(self.servers) if target not in troubled]

    @property
    def module(self) -> str:
        """What the peer calls this kind."""
        return MODULES[self.kind]

    def rows(self, farm: Farm) -> Iterator[Mapping[str, Any]]:
        """The servers as `seed_servers` reads them."""
        for target in range(self.servers):
            yield self._row(farm, host_name(target), name(target) if self.silent else address(target))
        for number in range(self.silent):
            yield self._row(farm, f"silent-{number:05}", f"silent{number}.test")

    def _row(self, farm: Farm, host_name: str, host: str) -> Mapping[str, Any]:
        row = {"host_name": host_name, "host": host, "port": farm.port, "type": TYPES[self.kind], "environment": "LIVE"}
        if self.kind == "tls":
            row |= {"port": farm.tls_port, "scheme": "https", "verify_tls": False}
        return row

    def peer_targets(self, farm: Farm) -> list[str]:
        """The same servers as the peer is told of them."""
        port = farm.tls_port if self.kind == "tls" else farm.port
        return [f"{PREFIXES[self.kind]}{address(target)}:{port}" for target in range(self.servers)]


def host_name(target: int) -> str:
    return f"target-{target:05}"


NAMED = {
    "hanging": Load(servers=2000, hanging=1000),
    "silent-names": Load(servers=1000, silent=40),
}
_SPELLING = re.compile(r"(mariadb-|tls-|websocket-)?([1-9]\d*)@([1-9]\d*(?:\.\d+)?)")


def parse_load(text: str) -> Load:
    """`1000@10` is a thousand web servers every ten seconds; `mariadb-`, `tls-` and `websocket-` may stand before it.

    Raises ValueError.
    """
    if text in NAMED:
        return NAMED[text]
    match = _SPELLING.fullmatch(text)
    if match is None:
        raise ValueError(f"{text}: not a load like 1000@10, mariadb-1000@10, tls-500@5, websocket-1000@10")
    load = Load(int(match[2]), float(match[3]))
    prefix = (match[1] or "").rstrip("-")
    if prefix == "mariadb":
        return replace(load, on_mariadb=True)
    return replace(load, kind=prefix or "http")
