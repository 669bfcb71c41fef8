"""The last sixty outcomes, and the stages of one, packed into short texts: one query shows a page of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from string import ascii_letters

from monitors.probers.base import Failure, Observation, Stages

LENGTH = 60
"""Outcomes kept."""
SUCCESS = "-"
LETTERS: dict[str, Failure | None] = {SUCCESS: None, **dict(zip(ascii_letters, Failure, strict=False))}
"""A letter for each failure, by position: append to `Failure`, never insert."""
LETTER_OF = {failure: letter for letter, failure in LETTERS.items()}
TOKEN = 14
"""Characters of one outcome: its letter, the latency in tenths of a millisecond (5 hexadecimal digits), the second it
began (8 hexadecimal digits, good until 2106)."""
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Mark:
    """One outcome of a strip."""

    failure: Failure | None
    latency_ms: float
    at: datetime


def append(recent: str, observation: Observation) -> str:
    """`recent` with the outcome of `observation` at its end and at most `LENGTH` outcomes in all."""
    outcome = observation.outcome
    tenths = min(outcome.elapsed // MICROSECOND // 100, 0xFFFFF)
    token = f"{LETTER_OF[outcome.failure]}{tenths:05x}{int(observation.started_at.timestamp()):08x}"
    return recent[-TOKEN * (LENGTH - 1) :] + token


def marks(recent: str) -> list[Mark]:
    """The outcomes of `recent`, oldest first."""
    tokens = [recent[start : start + TOKEN] for start in range(0, len(recent), TOKEN)]
    return [
        Mark(LETTERS[token[0]], int(token[1:6], 16) / 10, datetime.fromtimestamp(int(token[6:], 16), UTC))
        for token in tokens
    ]


def pack_stages(stages: Stages) -> str:
    """`resolve,connect,tls,first_byte` in microseconds; empty where a stage was not reached or not needed."""
    parts = (stages.resolve, stages.connect, stages.tls, stages.first_byte)
    return ",".join("" if part is None else str(part // MICROSECOND) for part in parts)


def stages_ms(packed: str) -> dict[str, float | None]:
    """The stages of `packed` in milliseconds by name; None where a stage was not reached or not needed."""
    parts = packed.split(",") if packed else [""] * 4
    names = ("resolve", "connect", "tls", "first_byte")
    return {name: int(part) / 1000 if part else None for name, part in zip(names, parts, strict=True)}
