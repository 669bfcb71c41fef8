"""The last act on several servers, kept in the session of whoever did it, so that it can be taken back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.sessions.backends.base import SessionBase

KEY = "undo"
OFFERED_FOR = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Undo:
    """What takes an act back."""

    act: str
    said: str
    """What was done, in the words of whoever did it."""
    by_reason: Mapping[str, list[int]]
    """The servers, by what their pause gave as its reason."""

    @property
    def ids(self) -> list[int]:
        return [number for numbers in self.by_reason.values() for number in numbers]


def offer(session: SessionBase, act: str, said: str, reasons: Mapping[int, str | None], now: datetime) -> None:
    """Keep that `act` takes back what was `said` to be done to the servers in `reasons`, each with the reason of its
    pause."""
    by_reason: defaultdict[str, list[int]] = defaultdict(list)
    for number, reason in reasons.items():
        by_reason[reason or ""].append(number)
    session[KEY] = {"act": act, "said": said, "by_reason": by_reason, "at": now.timestamp()}


def offered(session: SessionBase, now: datetime) -> Undo | None:
    """What can be taken back now."""
    kept = session.get(KEY)
    if not kept or abs(now.timestamp() - kept["at"]) > OFFERED_FOR.total_seconds():
        return None
    return Undo(kept["act"], kept["said"], kept["by_reason"])


def taken_up(session: SessionBase, now: datetime) -> Undo | None:
    """As `offered`, and offered no more."""
    found = offered(session, now)
    forget(session)
    return found


def forget(session: SessionBase) -> None:
    session.pop(KEY, None)
