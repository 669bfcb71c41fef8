"""The stages of one probe, one after the other, as parts of a bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

REST = "rest"
"""What came after the first byte: the rest of the head and, where it is read, the body."""
NOTABLE = 0.01
"""Share of the whole from which the rest is worth a part of its own."""


@dataclass(frozen=True, slots=True)
class Part:
    number: int
    name: str
    """`resolve`, `connect`, `tls`, `first_byte` or `rest`."""
    milliseconds: float
    x: float
    """Percent of the bar; `width` as well."""
    width: float


def parts(stages: Mapping[str, float | None], total_ms: float | None) -> list[Part]:
    """The stages (ms) that were reached and needed. Redirects repeat stages, so they may leave no rest."""
    taken = [(name, value) for name, value in stages.items() if value is not None]
    spent = sum(value for _, value in taken)
    whole = max(spent, total_ms or 0.0)
    if whole <= 0:
        return []
    if taken and whole - spent > NOTABLE * whole:
        taken.append((REST, whole - spent))
    result: list[Part] = []
    x = 0.0
    for number, (name, value) in enumerate(taken, 1):
        width = 100 * value / whole
        result.append(Part(number, name, value, round(x, 3), round(width, 3)))
        x += width
    return result


def reached(stages: Mapping[str, float | None], status: int | None) -> str:
    """Where a probe that failed was: the name of its last stage, `answer` once there was a status, or empty."""
    if status is not None:
        return "answer"
    return next((name for name, value in reversed(list(stages.items())) if value is not None), "")
