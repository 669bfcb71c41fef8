"""What a kind of check says of itself; everything else that knows kinds is derived from it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from monitors.address import WEB, Shape
from monitors.engine.base import Prober
from monitors.engine.failures import Failure
from monitors.engine.network import Network
from monitors.engine.progress import EXCHANGE, Stage

REQUEST = ("path", "scheme", "expected_status", "expected_text", "request_headers", "verify_tls", "subprotocol")
"""The columns of a server that not every kind has."""


@dataclass(frozen=True, slots=True)
class Variant:
    """What one of the numbers of a kind stands for."""

    label: str
    path: str | None = None
    """The default path, where it is not that of the kind."""


@dataclass(frozen=True, slots=True)
class NoOptions:
    """Of a kind without any."""


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of check. Texts are marked for the catalogs."""

    word: str
    """As the API has it: lower-case letters. Stored nowhere."""
    label: str
    numbers: Mapping[int, Variant]
    """Values of `Server.type`; the first, from 100 on, is the one that `word` is written as."""
    prober: Callable[[Network], Prober]
    shape: Shape = WEB
    """What its address is made of, and so what it needs: a host, a port."""
    columns: tuple[str, ...] = ()
    """Those of `REQUEST` that it heeds; a value in any other is refused."""
    options: type = NoOptions
    """A dataclass of `monitors.kinds.options.option`s, all of them keyword-only."""
    stages: tuple[Stage, ...] = EXCHANGE
    """What is timed, in the order in which it happens. The names of all and their times fit into 60 characters."""
    failures: tuple[Failure, ...] = ()
    """Those that no other kind has."""
    sentences: tuple[str, ...] = ()
    """The templates of what it says of a failure, where they hold values."""

    @cached_property
    def number(self) -> int:
        return next(iter(self.numbers))
