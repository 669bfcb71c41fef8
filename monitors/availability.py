"""Uptime as a share of time. Pure.

Each second of a window is exactly one of maintenance, paused, down, unknown and up, the first of these that applies:

- *maintenance*: planned before it began; left out of the uptime, not credited;
- *paused*: nobody wanted to know;
- *down*: from the first failing to the first passing check of a confirmed incident, also where nobody could look in
  between: what was seen to be down stays down until it is seen to work;
- *unknown*: no conclusive check for more than two intervals;
- *up*: the rest. A failed check that did not complete a run is counted apart and costs no time.

uptime = up / (up + down), coverage = (up + down) / window (Beyer et al., Site Reliability Engineering, ch. 3:
time-based availability). How often a server was looked at, and how long each look took, plays no part in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from math import floor

from monitors.spans import NONE, Outage, length, merged, without

MICROSECOND = timedelta(microseconds=1)
ENOUGH = Fraction(95, 100)
"""A coverage below this is printed beside the uptime."""


@dataclass(frozen=True, slots=True)
class Availability:
    """How long a server was in which state. The five sum up to the window."""

    up: timedelta = NONE
    down: timedelta = NONE
    maintenance: timedelta = NONE
    unknown: timedelta = NONE
    paused: timedelta = NONE

    @property
    def window(self) -> timedelta:
        return self.up + self.down + self.maintenance + self.unknown + self.paused

    @property
    def uptime(self) -> Fraction | None:
        """0 to 1, exact; None where nothing is known."""
        return _share(self.up, self.up + self.down)

    @property
    def coverage(self) -> Fraction | None:
        """How much of the window the uptime speaks of, 0 to 1; None for an empty window."""
        return _share(self.up + self.down, self.window)

    @property
    def low_coverage(self) -> Fraction | None:
        """The coverage where it has to be printed: there is an uptime, and it does not speak of nearly all the time."""
        covered = self.coverage
        return covered if self.uptime is not None and covered is not None and covered < ENOUGH else None


@dataclass(frozen=True, slots=True)
class Life:
    """What is known of the time of one server, in spans that may overlap."""

    began_at: datetime
    """When the server came into being: what was before belongs to no window."""
    known_to: datetime
    """Now: neither does what comes after."""
    down: Sequence[Outage] = ()
    unknown: Sequence[Outage] = ()
    paused: Sequence[Outage] = ()
    maintenance: Sequence[Outage] = ()

    def between(self, begin: datetime, end: datetime) -> Availability:
        """How long the server was in which state between `begin` and `end`, which may be of any zone."""
        left = merged([(begin, end)], self.began_at, self.known_to)
        taken = []
        for spans in (self.maintenance, self.paused, self.down, self.unknown):
            rest = without(left, merged(spans, left[0][0], left[-1][1])) if left and spans else left
            taken.append(length(left) - length(rest))
            left = rest
        maintenance, paused, down, unknown = taken
        return Availability(length(left), down, maintenance, unknown, paused)


def percent(share: Fraction | float, decimals: int = 3) -> str:
    """`99.980`: rounded down, so that what is not all is never shown as all; `100` for all."""
    exact = share if isinstance(share, Fraction) else Fraction(repr(share))
    if exact >= 1:
        return "100"
    whole, rest = divmod(floor(exact * 100 * 10**decimals), 10**decimals)
    return f"{whole}.{rest:0{decimals}}" if decimals else f"{whole}"


def _share(part: timedelta, whole: timedelta) -> Fraction | None:
    return Fraction(part // MICROSECOND, whole // MICROSECOND) if whole else None
