"""The kinds of check. Each is a module and a line of `KINDS`; whatever knows kinds asks here. Pure."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from monitors.address import Address, Shape
from monitors.address import parse_address as _parse
from monitors.engine import failures as engine
from monitors.engine import sentences
from monitors.engine.base import Prober
from monitors.engine.failures import Failure
from monitors.engine.network import Network
from monitors.kinds import http, options, websocket
from monitors.kinds.base import Kind

KINDS: tuple[Kind, ...] = (http.KIND, websocket.KIND)
"""In the order in which people are shown them. A number that none of them has is probed as the first."""

LONGEST_NUMBER = 10
"""Digits of a type."""


class _Index:
    """What is looked up in a list of kinds."""

    def __init__(self, kinds: tuple[Kind, ...]) -> None:
        self.by_word = {kind.word: kind for kind in kinds}
        self.by_number = {number: kind for kind in kinds for number in kind.numbers}
        self.shapes = {
            number: kind.shape if variant.path is None else replace(kind.shape, path=variant.path)
            for kind in kinds
            for number, variant in kind.numbers.items()
        }
        self.by_scheme = {scheme: kind for kind in kinds for scheme in kind.shape.schemes}
        self.failures = (*engine.SHARED, *(failure for kind in kinds for failure in kind.failures))
        self.by_name = {str(failure): failure for failure in self.failures}
        self.by_code = {failure.code: failure for failure in self.failures}
        self.stages = {stage.name: stage.label for kind in reversed(kinds) for stage in kind.stages}
        self.secret_options = frozenset(name for kind in kinds for name in options.secrets(kind.options))
        self.sentences = (
            *sentences.TEMPLATES,
            *options.TEMPLATES,
            *(sentence for kind in kinds for sentence in kind.sentences),
        )


_index = lru_cache(maxsize=4)(_Index)


def named(word: str) -> Kind | None:
    return _index(KINDS).by_word.get(word)


def words() -> list[str]:
    return [kind.word for kind in KINDS]


def of(number: int) -> Kind:
    """The kind of a stored `Server.type`."""
    return _index(KINDS).by_number.get(number, KINDS[0])


def chosen(said: object) -> Kind:
    """The kind that somebody chooses by a number, which may be a text; the first for what is no number."""
    text = str(said)
    return of(int(text) if len(text) <= LONGEST_NUMBER and text.isascii() and text.isdecimal() else 0)


def known(number: int) -> bool:
    """Whether a kind has it; others stand in rows that somebody wrote past the application."""
    return number in _index(KINDS).by_number


def types() -> list[tuple[int, str]]:
    """The numbers of all kinds in their order, with the labels."""
    return sorted((number, variant.label) for kind in KINDS for number, variant in kind.numbers.items())


def number_for(word: str, current: int | None) -> int:
    """What `word` is written as: a server that is of that kind already keeps its number. Raises KeyError."""
    kind = _index(KINDS).by_word[word]
    return current if current is not None and of(current) is kind else kind.number


def by_scheme(scheme: str) -> Kind | None:
    """The kind that probes URLs with `scheme`."""
    return _index(KINDS).by_scheme.get(scheme)


def schemes() -> list[str]:
    """Those between which there is something to choose."""
    return [scheme for kind in KINDS if len(kind.shape.schemes) > 1 for scheme in kind.shape.schemes]


def shape_of(number: int) -> Shape:
    return _index(KINDS).shapes.get(number, KINDS[0].shape)


def parse_address(
    *,
    host: str,
    port: int | None,
    type: int,  # noqa: A002 - the column's name
    path: str | None = None,
    scheme: str | None = None,
) -> Address:
    """`monitors.address.parse_address` for a server of `type`."""
    return _parse(host=host, port=port, path=path, scheme=scheme, shape=shape_of(type))


def probers_on(network: Network) -> dict[str, Prober]:
    """The prober of each scheme."""
    probers: dict[str, Prober] = {}
    for kind in KINDS:
        probers |= dict.fromkeys(kind.shape.schemes, kind.prober(network))
    return probers


def failures() -> tuple[Failure, ...]:
    """All of them, in the order of the API."""
    return _index(KINDS).failures


def failure(name: str) -> Failure | None:
    """The failure that is stored as `name`; None for one that only another version knows."""
    return _index(KINDS).by_name.get(name)


def failures_by_code() -> dict[str, Failure]:
    """The failure that each code of a strip stands for."""
    return _index(KINDS).by_code


def stages() -> dict[str, str]:
    """The label of each stage that is timed, by name."""
    return _index(KINDS).stages


def secret_options() -> frozenset[str]:
    """The names of the options that some kind shows to nobody."""
    return _index(KINDS).secret_options


def said() -> tuple[str, ...]:
    """The templates of what probers say."""
    return _index(KINDS).sentences
