"""What is to be told, for any medium: texts, facts and instants in their order, without markup. Pure.

`notifications.wording` makes notices in the language of a channel; each transport renders them by its own rules. All
values are foreign text that nobody has to trust: they are cleaned here (one visible line, nothing that reorders text),
and whoever renders them escapes them for its medium.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Union

MAX_VALUE = 255
"""Longest foreign value in a message; a host name has no more (RFC 1035, 2.3.4)."""
INVISIBLE = re.compile(
    "[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]"  # direction marks, overrides, zero-width characters
)
SURROGATE = re.compile("[\ud800-\udfff]")
PLACE = re.compile(r"%\((\w+)\)[sd]|%%")


class Severity(StrEnum):
    """Of the matter, not of the message: the end of an outage has the severity of the outage, so that whoever gets the
    one gets the other."""

    CRITICAL = "critical"
    """An outage."""
    WARNING = "warning"
    """Slow, or a certificate that ends soon."""
    INFO = "info"


class State(StrEnum):
    """Of the matter. RESOLVED = it works again; CLOSED = followed no further, without being known to work."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    CLOSED = "closed"
    NONE = ""


MARKS = {State.OPEN: "🔴", State.ACKNOWLEDGED: "🔴", State.RESOLVED: "🟢"}
NEUTRAL = "⚪"

Value = Union[str, int, datetime, "Line"]


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence with its values apart, so that each medium escapes them, and shows instants, in its own way."""

    template: str
    """In the reader's language, with `%(name)s` where the values belong; ours, so it needs no escaping but HTML's."""
    values: Mapping[str, Value] = field(default_factory=dict)

    def render(self, text: Callable[[str], str], instant: Callable[[datetime], str]) -> str:
        def shown(place: re.Match[str]) -> str:
            if place[1] is None:
                return "%"
            match self.values[place[1]]:
                case datetime() as at:
                    return instant(at)
                case Line() as inner:
                    return inner.render(text, instant)
                case value:
                    return text(str(value))

        return PLACE.sub(shown, self.template)


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Instant:
    label: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Names:
    """Some of the servers that it is about; `more` says how many others there are, in words, or is empty."""

    label: str
    values: tuple[str, ...]
    more: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Action:
    """What can be done by pressing, where the medium has buttons."""

    name: str
    subject_id: int
    """Primary key of what it is done to."""
    label: str


@dataclass(frozen=True, slots=True)
class Notice:
    """One message. `line` alone says everything important; the rest says it again, laid out."""

    title: str
    line: Line
    severity: Severity = Severity.INFO
    state: State = State.NONE
    matter: str = ""
    """The same in every message about one outage or one storm; empty where there is none. For threads and keys."""
    environment: str = ""
    cause: str = ""
    """A sentence that comes before the facts."""
    facts: tuple[Fact, ...] = ()
    instants: tuple[Instant, ...] = ()
    names: Names | None = None
    notes: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    actions: tuple[Action, ...] = ()
    possible_repeat: bool = False
    """It may have arrived before, by an attempt whose answer was lost; `line` and `notes` say so."""

    @property
    def mark(self) -> str:
        """A help for the eye; the words say the same."""
        return MARKS.get(self.state, NEUTRAL)


def clean(value: str, limit: int = MAX_VALUE) -> str:
    """One visible line of at most `limit` characters, without control characters and marks that reorder text."""
    value = SURROGATE.sub("\ufffd", INVISIBLE.sub("", value))
    value = "".join(" " if c.isspace() or unicodedata.category(c) == "Cc" else c for c in value)
    return clip(" ".join(value.split()), limit)


def clip(value: str, limit: int) -> str:
    """At most `limit` UTF-16 code units, as most media count characters, ending in … when something was cut."""
    if len(value.encode("utf-16-le")) // 2 <= limit:
        return value
    kept = value.encode("utf-16-le")[: 2 * (limit - 1)].decode("utf-16-le", "ignore")
    return kept.rstrip() + "…"
