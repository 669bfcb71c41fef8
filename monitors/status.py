"""The state machine: consecutive outcomes in, health out. Pure; `monitors.folding` remembers what stands beside it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """What is stored. A paused server shows PAUSED, which masks its health and is never stored."""

    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How many outcomes of a kind in a row (each >= 1) it takes to become healthy or unhealthy."""

    healthy: int
    unhealthy: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a server stands. At most one of `successes` and `failures` is non-zero."""

    health: Health = Health.UNKNOWN
    successes: int = 0
    failures: int = 0
    inconclusive: int = 0
    """Inconclusive outcomes in a row, since the last conclusive one."""


def advance(standing: Standing, *, ok: bool | None, thresholds: Thresholds, incident_open: bool = False) -> Standing:
    """Fold one outcome into `standing`; `ok` is None for an inconclusive one.

    The health flips when the current run reaches its threshold and not before; reaching it again is not news.
    Out of UNKNOWN one success is enough, for nobody is told of it, unless an incident is open: that is ended by its
    full run alone. A failure always needs its full run. An inconclusive outcome moves neither run, but as many of them
    in a row as the failure threshold make the health UNKNOWN: nobody has seen the server for so long.
    """
    health = standing.health
    if ok is None:
        inconclusive = standing.inconclusive + 1
        if inconclusive >= thresholds.unhealthy and health is not Health.UNKNOWN:
            return Standing(inconclusive=inconclusive)
        return Standing(health, standing.successes, standing.failures, inconclusive)
    if ok:
        successes = standing.successes + 1
        crossed = successes >= thresholds.healthy or (health is Health.UNKNOWN and not incident_open)
        return Standing(Health.HEALTHY if crossed else health, successes=successes)
    failures = standing.failures + 1
    crossed = failures >= thresholds.unhealthy
    return Standing(Health.UNHEALTHY if crossed else health, failures=failures)
