"""What a drill came to: one line of JSON, and a row of the closing table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from drills.oracle import Judgement

COLUMNS = (
    *("drill", "seed", "n", "injected", "expected", "lost", "doubled", "repeated", "misordered", "false", "late"),
    *("slowest", "seconds", "verdict"),
)


@dataclass(frozen=True, slots=True)
class Result:
    drill: str
    seed: int
    n: int
    """Faults asked for."""
    injected: int
    """Faults that were seen to strike."""
    judgement: Judgement
    seconds: float
    """That the drill took."""
    wrong: Sequence[str] = ()
    """What must be so in this drill and was not."""
    more: dict[str, Any] = field(default_factory=dict)
    """Figures of this drill alone."""

    @property
    def passed(self) -> bool:
        return self.injected > 0 and self.judgement.expected > 0 and self.judgement.clean and not self.wrong

    def figures(self) -> dict[str, Any]:
        names = ("expected", "lost", "doubled", "repeated", "misordered", "false", "late")
        return {
            "drill": self.drill,
            "seed": self.seed,
            "n": self.n,
            "injected": self.injected,
            **{name: getattr(self.judgement, name) for name in names},
            "slowest": round(self.judgement.slowest, 2),
            "seconds": round(self.seconds, 1),
            **self.more,
            "verdict": "passed" if self.passed else "FAILED",
        }

    def line(self) -> str:
        return json.dumps(self.figures())

    def complaints(self) -> list[str]:
        nothing = [] if self.injected else ["no fault struck: this proves nothing"]
        return [*nothing, *self.wrong, *(() if self.judgement.clean else self.judgement.remarks)]


def table(figures: Iterable[dict[str, Any]]) -> str:
    """Of the figures that every drill has."""
    rows = [COLUMNS, *([str(row.get(column, "")) for column in COLUMNS] for row in figures)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
