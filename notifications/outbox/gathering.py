"""Which failures are one storm: a rule on instants, without the database.

So many servers within the window make a storm. It takes in whoever fails within the window after the last one, for as
long as it takes; whoever fails later is on its own again, or begins another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from notifications.models import Delivery


@dataclass(frozen=True, slots=True)
class Rule:
    servers: int = 5
    """0 = every failure is told by itself."""
    window: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class News:
    """That a server is down, for one channel."""

    delivery: Delivery
    environment: str
    server_id: int
    at: datetime
    """When it was known."""
    fresh: bool = True
    """Not told yet, and not stored."""


@dataclass(slots=True)
class Gathering:
    """What one storm has gained."""

    joined_at: datetime
    storm_id: int | None = None
    """None for a storm that begins."""
    began_at: datetime | None = None
    """Of a storm that is under way. What seems to have failed long before it has failed long after it, by a clock that
    was set back."""
    members: list[News] = field(default_factory=list)

    def takes(self, news: News, window: timedelta) -> bool:
        began_at = self.began_at or news.at
        return began_at - window <= news.at <= self.joined_at + window

    def join(self, news: News) -> None:
        self.members.append(news)
        self.joined_at = max(self.joined_at, news.at)


def gather(news: Iterable[News], rule: Rule, joinable: Gathering | None) -> list[Gathering]:
    """The storms that gain members by `news` of one environment: `joinable`, which is under way, and those that begin.

    What was told earlier is drawn only into a storm that begins, never into one that had begun without it; and none
    begins of earlier ones alone.
    """
    if not rule.servers:
        return []
    current, begun = joinable, list[Gathering]()
    loose: list[News] = []
    for one in sorted(news, key=lambda one: one.at):
        if current and current.takes(one, rule.window) and (one.fresh or current is not joinable):
            current.join(one)
            continue
        loose = [*(other for other in loose if other.at >= one.at - rule.window), one]
        if len({other.server_id for other in loose}) >= rule.servers and any(other.fresh for other in loose):
            current = Gathering(joined_at=one.at, members=loose)
            begun.append(current)
            loose = []
    return [gathering for gathering in (joinable, *begun) if gathering and gathering.members]
