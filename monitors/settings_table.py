"""The settings of a server, each said once: how a file is read, what the form shows where, what makes another target.

A new one is a column of `monitors.models.server` with its migration, a line here and, where servers inherit it, what
`monitors.policy` says of it. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from monitors.kinds.base import REQUEST as OF_SOME_KINDS
from monitors.policy import RULES


class Reads(Enum):
    """What a file says: `monitors.seeding.values` reads it."""

    TEXT = auto()
    WHOLE = auto()
    NUMBER = auto()
    TRUTH = auto()
    TAGS = auto()
    HEADERS = auto()
    OPTIONS = auto()


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    reads: Reads
    required: bool = False
    """Has to be said of a new server, where its kind has such a thing."""
    has_value: bool = False
    """Never null: there is a default. Everything else may be null, which means inherited, or none."""
    target: bool = False
    """Says where to look or what to expect there: a change makes it another target."""
    main: bool = True
    """What people are asked first; what is neither a rule nor of some kinds only."""

    @property
    def never_null(self) -> bool:
        return self.required or self.has_value


TABLE = (
    Setting("host_name", Reads.TEXT, required=True),
    Setting("host", Reads.TEXT, required=True, target=True),
    Setting("port", Reads.WHOLE, required=True, target=True),
    Setting("type", Reads.WHOLE, required=True, target=True),
    Setting("environment", Reads.TEXT, required=True),
    Setting("tags", Reads.TAGS),
    Setting("notification", Reads.TRUTH, has_value=True),
    Setting("paused", Reads.TRUTH, has_value=True, main=False),
    Setting("path", Reads.TEXT, target=True),
    Setting("scheme", Reads.TEXT, target=True),
    Setting("interval_seconds", Reads.WHOLE),
    Setting("timeout_seconds", Reads.NUMBER),
    Setting("healthy_threshold", Reads.WHOLE),
    Setting("unhealthy_threshold", Reads.WHOLE),
    Setting("slow_after_ms", Reads.WHOLE),
    Setting("expected_status", Reads.TEXT, target=True),
    Setting("expected_text", Reads.TEXT, target=True),
    Setting("request_headers", Reads.HEADERS, target=True),
    Setting("verify_tls", Reads.TRUTH, target=True),
    Setting("subprotocol", Reads.TEXT, target=True),
    Setting("options", Reads.OPTIONS, target=True, main=False),
)
"""In the order in which servers are exported."""

_MADE_OF_PARTS = (Reads.TAGS, Reads.HEADERS, Reads.OPTIONS)

KEYS = tuple(one.name for one in TABLE)
REQUIRED = tuple(one.name for one in TABLE if one.required)
NEVER_NULL = frozenset(one.name for one in TABLE if one.never_null)
READS = {one.name: one.reads for one in TABLE}
OPTIONAL = tuple(one.name for one in TABLE if not one.never_null and one.reads not in _MADE_OF_PARTS)
"""Scalars that are null when nothing is said."""
TEXTS = tuple(one.name for one in TABLE if one.reads in (Reads.TEXT, Reads.TAGS))
OPTIONAL_TEXTS = tuple(name for name in OPTIONAL if name in TEXTS)
TARGET_COLUMNS = tuple(one.name for one in TABLE if one.target)
RULE_COLUMNS = ("environment", *RULES)
"""What decides by which rules a server is probed."""
REQUEST = tuple(name for name in KEYS if name in OF_SOME_KINDS)
MAIN = tuple(one.name for one in TABLE if one.main and one.name not in (*RULES, *REQUEST))
