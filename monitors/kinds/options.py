"""Options of a kind of check: a dataclass whose fields say all about themselves.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Options:
        resolver: str = option("", label=_("Name server"))
        tries: int = option(2, label=_("Tries"), least=1, most=5)
        password: str = option("", label=_("Password"), secret=True)

What people send, the form and the JSON Schema are read and made by that. A field is a `str`, `int`, `float`, `bool`, a
`tuple[X, ...]`, a `Mapping[str, X]` or another such dataclass; `X | None` for one that may be left open. What depends
on more than one field, `__post_init__` refuses by `InvalidOption`. Pure.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import NoneType
from typing import Any

from monitors.address import InvalidAddress
from monitors.engine.sentences import _

LONGEST = 1_000
"""Of a text, in characters, and of a list, where the option says nothing else."""
LARGEST = 1e300
"""Of a number, whatever the option says; not one of infinity and NaN."""
SEVERAL = (tuple, Mapping)

_CHOICES = _("Choose one of %(choices)s.")
_AT_LEAST = (_("Give %(least)s or more."), _("Shorter than %(least)s is not possible."))
_AT_MOST = (_("Give %(most)s or less."), _("Longer than %(most)s is not possible."))
TEMPLATES = (_CHOICES, *_AT_LEAST, *_AT_MOST)


class InvalidOption(InvalidAddress):
    """`field` is `options.` and the name; see `InvalidAddress` for the rest."""

    def __init__(self, name: str, template: str, **values: object) -> None:
        super().__init__(f"options.{name}".removesuffix("."), template, **values)


class Secret(str):
    """The value of a secret option. `sealed` is how it is stored where none of our keys reads it; then it is empty."""

    __slots__ = ("sealed",)
    sealed: str

    def __new__(cls, text: str, sealed: str = "") -> Secret:
        self = super().__new__(cls, text)
        self.sealed = sealed
        return self


@dataclass(frozen=True, slots=True)
class Option:
    """What a field says of itself."""

    label: str
    help: str = ""
    least: float | None = None
    """The smallest number; of a text or a list, the shortest."""
    most: float | None = None
    choices: tuple[str, ...] = ()
    secret: bool = False
    """Stored encrypted and shown to nobody; only a text of the kind's own dataclass can be one."""
    lines: bool = False
    """A text of several lines."""


def option(default: Any = dataclasses.MISSING, **said: Any) -> Any:
    """A field of options; `said` is what `Option` has. Without a default it has to be given."""
    return dataclasses.field(default=default, metadata={"option": Option(**said)})


@dataclass(frozen=True, slots=True)
class Described:
    """A field of options: how it is called, what it is, and what it says."""

    name: str
    kind: Any
    """`str`, `int`, `float`, `bool`, a dataclass, or `tuple` and `Mapping` with `item`."""
    item: Any
    default: Any
    required: bool
    option: Option


@cache
def described(options: type) -> tuple[Described, ...]:
    hints = typing.get_type_hints(options)
    return tuple(_described(field, hints[field.name]) for field in dataclasses.fields(options))


def _described(field: dataclasses.Field[Any], hint: Any) -> Described:
    kinds = [kind for kind in typing.get_args(hint) if kind is not NoneType] if _is_optional(hint) else [hint]
    origin = typing.get_origin(kinds[0]) or kinds[0]
    kind = Mapping if isinstance(origin, type) and issubclass(origin, Mapping) else origin
    item = typing.get_args(kinds[0])[kind is Mapping] if kind in SEVERAL else None
    required = field.default is dataclasses.MISSING
    return Described(field.name, kind, item, None if required else field.default, required, field.metadata["option"])


def _is_optional(hint: Any) -> bool:
    return NoneType in typing.get_args(hint)


def read(options: type, sent: Any, prefix: str = "") -> Any:
    """The options that `sent` says; null means nothing said. Raises InvalidOption."""
    if not isinstance(sent, Mapping):
        raise InvalidOption(prefix.removesuffix("."), _("Give an object."))
    fields = {field.name: field for field in described(options)}
    if unknown := next((name for name in sent if name not in fields), None):
        raise InvalidOption(f"{prefix}{str(unknown)[:50]}", _("This kind of check has no such option."))
    values = {name: value for name, value in sent.items() if value is not None}
    if missing := next((name for name, field in fields.items() if field.required and name not in values), None):
        raise InvalidOption(f"{prefix}{missing}", _("This option has to be given."))
    return options(**{name: _value(fields[name], value, f"{prefix}{name}") for name, value in values.items()})


def _value(field: Described, sent: Any, name: str) -> Any:
    value = _read(field.kind, field.item, sent, name)
    said = field.option
    if said.choices and value not in said.choices:
        raise InvalidOption(name, _CHOICES, choices=", ".join(said.choices))
    sized = isinstance(value, str | tuple | Mapping)
    size = len(value) if sized else value
    most = LONGEST if sized and said.most is None else said.most
    if said.least is not None and size < said.least:
        raise InvalidOption(name, _AT_LEAST[sized], least=said.least)
    if most is not None and size > most:
        raise InvalidOption(name, _AT_MOST[sized], most=most)
    return value


def _read(kind: Any, item: Any, sent: Any, name: str) -> Any:
    if kind is tuple:
        if not isinstance(sent, list | tuple):
            raise InvalidOption(name, _("Give a list."))
        return tuple(_read(item, None, one, f"{name}.{place}") for place, one in enumerate(sent, 1))
    if kind is Mapping:
        if not isinstance(sent, Mapping):
            raise InvalidOption(name, _("Give an object."))
        return {str(key): _read(item, None, one, f"{name}.{key}") for key, one in sent.items()}
    if dataclasses.is_dataclass(kind):
        return read(typing.cast(type, kind), sent, f"{name}.")
    fits, words = _SCALARS[kind]
    if not fits(sent):
        raise InvalidOption(name, words)
    return kind(sent) if kind is float else sent


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)


_SCALARS: Mapping[Any, tuple[Callable[[Any], bool], str]] = {
    str: (_is_text, _("Give a text.")),
    int: (lambda value: isinstance(value, int) and not isinstance(value, bool), _("Give a whole number.")),
    float: (_is_number, _("Give a number.")),
    bool: (lambda value: isinstance(value, bool), _("Give true or false.")),
}


def secrets(options: type) -> tuple[str, ...]:
    """The names of those that are shown to nobody."""
    return tuple(field.name for field in described(options) if field.option.secret)


def from_texts(options: type, sent: Any) -> Any:
    """`sent` with the numbers and truths that a file without types writes as texts; what is none stays as it is."""
    if not isinstance(sent, Mapping):
        return sent
    fields = {field.name: field for field in described(options)}
    return {
        name: _from_text(fields[name].kind, fields[name].item, value) if name in fields else value
        for name, value in sent.items()
    }


def _from_text(kind: Any, item: Any, sent: Any) -> Any:
    if kind is tuple and isinstance(sent, list):
        return [_from_text(item, None, one) for one in sent]
    if kind is Mapping and isinstance(sent, Mapping):
        return {key: _from_text(item, None, one) for key, one in sent.items()}
    if dataclasses.is_dataclass(kind):
        return from_texts(typing.cast(type, kind), sent)
    if not isinstance(sent, str) or kind not in (int, float, bool):
        return sent
    try:
        return {"true": True, "false": False}[sent.lower()] if kind is bool else kind(sent)
    except (ValueError, KeyError):
        return sent


def stored(options: type, sent: Any) -> dict[str, Any] | None:
    """`sent` as it is to be stored: only what is said, and secrets known as such; null for nothing.

    Raises InvalidOption for what `read` does not take.
    """
    read(options, sent)
    secret = secrets(options)
    said = {name: value for name, value in sent.items() if value is not None}
    return {name: _secret(value) if name in secret else value for name, value in said.items()} or None


def _secret(value: str) -> Secret:
    return value if isinstance(value, Secret) else Secret(value)


def schema(options: type, translate: Callable[[str], str] = str) -> dict[str, Any]:
    """The JSON Schema of what `read` takes."""
    fields = described(options)
    properties = {field.name: dict(_property(field, translate)) for field in fields}
    required = [field.name for field in fields if field.required]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        **({"required": required} if required else {}),
    }


_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", tuple: "array", Mapping: "object"}
_BOUNDS = {
    str: ("minLength", "maxLength"),
    tuple: ("minItems", "maxItems"),
    Mapping: ("minProperties", "maxProperties"),
}


def _property(field: Described, translate: Callable[[str], str]) -> Iterator[tuple[str, Any]]:
    said = field.option
    yield from _type(field.kind, field.item, translate)
    yield "title", translate(said.label)
    if said.help:
        yield "description", translate(said.help)
    if field.default not in (None, "", ()):
        yield "default", field.default
    if said.choices:
        yield "enum", list(said.choices)
    sized = field.kind in _BOUNDS
    most = LONGEST if sized and said.most is None else said.most
    for name, bound in zip(_BOUNDS.get(field.kind, ("minimum", "maximum")), (said.least, most), strict=True):
        if bound is not None:
            yield name, bound
    if said.secret:
        yield from {"format": "password", "writeOnly": True}.items()


def _type(kind: Any, item: Any, translate: Callable[[str], str]) -> Iterator[tuple[str, Any]]:
    if dataclasses.is_dataclass(kind):
        yield from schema(typing.cast(type, kind), translate).items()
        return
    yield "type", _TYPES[kind]
    if kind in SEVERAL:
        yield ("items" if kind is tuple else "additionalProperties"), dict(_type(item, None, translate))
