"""The last sixty outcomes, and the stages of one, packed into short texts: one query shows a page of them. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from monitors import kinds
from monitors.engine.base import Observation, Stages
from monitors.engine.failures import Failure
from monitors.engine.progress import EXCHANGE

LENGTH = 60
"""Outcomes kept."""
VERSION = "2"
"""The first character of a strip. Without it the codes have one letter, which stands twice today: a server that was not
probed since the upgrade still has such a strip."""
SUCCESS = "--"
TOKEN = 15
"""Characters of one outcome: its code, the latency in tenths of a millisecond (5 hexadecimal digits), the second it
began (8 hexadecimal digits, good until 2106)."""
MICROSECOND = timedelta(microseconds=1)
_TOKEN = re.compile(rf"({SUCCESS}|[A-Za-z]{{2}})([0-9a-f]{{5}})([0-9a-f]{{8}})")
"""What versions that ran at the same time made of a strip may hold other things, too: they are passed over."""


class Mark(NamedTuple):
    """One outcome of a strip. A page has thousands of them, so what is not asked for is not worked out."""

    code: str
    """Of the failure, or `SUCCESS`."""
    tenths: int
    """Latency in tenths of a millisecond."""
    second: int
    """When it began, in seconds since 1970."""

    @property
    def failure(self) -> Failure | None:
        """None also for a code that only another version knows."""
        return kinds.failures_by_code().get(self.code)

    @property
    def latency_ms(self) -> float:
        return self.tenths / 10

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.second, UTC)


def append(recent: str, observation: Observation) -> str:
    """`recent` with the outcome of `observation` at its end and at most `LENGTH` outcomes in all."""
    outcome = observation.outcome
    tenths = min(outcome.elapsed // MICROSECOND // 100, 0xFFFFF)
    code = SUCCESS if outcome.failure is None else outcome.failure.code
    token = f"{code}{tenths:05x}{int(observation.started_at.timestamp()):08x}"
    return f"{VERSION}{_tokens(recent)[-TOKEN * (LENGTH - 1) :]}{token}"


def _tokens(recent: str) -> str:
    """`recent` without its version, in the codes of today."""
    if recent.startswith(VERSION):
        return recent[1:]
    return "".join(recent[start] + recent[start : start + TOKEN - 1] for start in range(0, len(recent), TOKEN - 1))


@lru_cache(maxsize=2)  # a row is drawn as a strip and as a line
def marks(recent: str) -> tuple[Mark, ...]:
    """The outcomes of `recent`, oldest first."""
    found = _TOKEN.findall(_tokens(recent))
    return tuple(Mark(code, int(tenths, 16), int(second, 16)) for code, tenths, second in found)


def pack_stages(stages: Stages) -> str:
    """`resolve,connect,tls,first_byte` in microseconds, empty where a stage was not reached or not needed, and then
    `name=microseconds` for each that only one kind of check has."""
    parts = (stages.resolve, stages.connect, stages.tls, stages.first_byte)
    packed = ",".join("" if part is None else str(part // MICROSECOND) for part in parts)
    return packed + "".join(f",{name}={part // MICROSECOND}" for name, part in stages.more)


def stages_ms(packed: str) -> dict[str, float | None]:
    """The stages of `packed` in milliseconds by name; None where a stage was not reached or not needed."""
    parts = packed.split(",") if packed else [""] * len(EXCHANGE)
    named = [(stage.name, part) for stage, part in zip(EXCHANGE, parts, strict=False)]
    named += [(name, part) for name, _, part in (part.partition("=") for part in parts[len(EXCHANGE) :])]
    return {name: int(part) / 1000 if part else None for name, part in named}
