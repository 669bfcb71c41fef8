"""How often, how long and how stubbornly to look at a server, and where each of these values comes from. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from math import isnan
from typing import Any

from monitors.status import Thresholds


class Origin(StrEnum):
    VARIABLE = "variable"
    """An environment variable or its default."""
    POLICY = "policy"
    """The policy of the server's environment."""
    SERVER = "server"
    CLAMPED = "clamped"
    """What is said is out of bounds, or a timeout longer than the interval: the nearest possible value holds."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A setting that is inherited: the environment variable behind it, its least and its greatest value.

    What people enter is refused outside of the bounds; what somebody wrote past the application is brought inside, so
    that one such row stops nothing else.
    """

    variable: str
    lowest: float
    highest: float
    whole: bool = True
    optional: bool = False
    """Whether nobody has to say it."""


RULES: Mapping[str, Rule] = {
    "interval_seconds": Rule("PROBE_INTERVAL_SECONDS", 1, 86_400),
    "timeout_seconds": Rule("PROBE_TIMEOUT_SECONDS", 0.1, 300, whole=False),
    "healthy_threshold": Rule("HEALTHY_THRESHOLD", 1, 100),
    "unhealthy_threshold": Rule("UNHEALTHY_THRESHOLD", 1, 100),
    "slow_after_ms": Rule("SLOW_AFTER_MS", 1, 300_000, optional=True),
}
BOUNDS = {name: (rule.lowest, rule.highest) for name, rule in RULES.items()}


@dataclass(frozen=True, slots=True)
class Rules:
    """What `RULES` names, None where it is inherited. The last in the line has none inherited."""

    interval_seconds: int | None = None
    timeout_seconds: float | None = None
    healthy_threshold: int | None = None
    unhealthy_threshold: int | None = None
    slow_after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Effective:
    """The values in force for one server, in seconds and outcomes, with the origin of each."""

    interval_seconds: int
    timeout_seconds: float
    healthy_threshold: int
    unhealthy_threshold: int
    slow_after_ms: int | None
    """None where no latency is too long."""
    origins: dict[str, Origin]

    @property
    def interval(self) -> timedelta:
        return timedelta(seconds=self.interval_seconds)

    @property
    def timeout(self) -> timedelta:
        return timedelta(seconds=self.timeout_seconds)

    @property
    def thresholds(self) -> Thresholds:
        return Thresholds(self.healthy_threshold, self.unhealthy_threshold)

    def as_dict(self) -> dict[str, dict[str, float | str]]:
        """`{"interval_seconds": {"value": 30, "origin": "policy"}, ...}`, for the API and pages."""
        return {name: {"value": getattr(self, name), "origin": str(origin)} for name, origin in self.origins.items()}


def rules(overrides: Any) -> Rules:
    """Those of anything that has them."""
    return Rules(*(getattr(overrides, name) for name in RULES))


def bounded(value: Any, lowest: float, highest: float) -> Any:
    """`value`, or the nearest number from `lowest` to `highest`; None for what is no number: SQLite keeps a text in a
    column of numbers."""
    if not isinstance(value, int | float) or isnan(value):
        return None
    return min(max(value, lowest), highest)


def effective(server: Rules, policy: Rules, variables: Rules) -> Effective:
    """The first of server, policy and variables that says something, for each setting; within `BOUNDS`, and the timeout
    never exceeds the interval."""
    lines = ((Origin.SERVER, server), (Origin.POLICY, policy), (Origin.VARIABLE, variables))
    values: dict[str, Any] = dict.fromkeys(RULES)
    origins = dict.fromkeys(RULES, Origin.VARIABLE)
    for name, rule in RULES.items():
        for origin, rules in lines:
            said = getattr(rules, name)
            value = bounded(said, rule.lowest, rule.highest)
            if value is not None:
                values[name] = int(value) if rule.whole else value
                origins[name] = origin if value == said else Origin.CLAMPED
                break
    if values["timeout_seconds"] > values["interval_seconds"]:
        values["timeout_seconds"], origins["timeout_seconds"] = values["interval_seconds"], Origin.CLAMPED
    return Effective(**values, origins=origins)


@dataclass(frozen=True, slots=True)
class Policies:
    """What every server inherits: the policy of each environment, over the variables."""

    by_environment: Mapping[str, Rules]
    variables: Rules
    _known: dict[tuple[Any, ...], Effective] = field(default_factory=dict, compare=False, repr=False)
    """Most servers of a fleet override nothing, so a batch has a few distinct combinations."""

    def effective(self, environment: str, *overrides: Any) -> Effective:
        """The values in force for a server with these overrides (None = inherited), in the order of `Rules`."""
        key = environment, *overrides
        if (known := self._known.get(key)) is None:
            policy = self.by_environment.get(environment, Rules())
            known = self._known[key] = effective(Rules(*overrides), policy, self.variables)
        return known
