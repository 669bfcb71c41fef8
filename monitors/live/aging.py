"""Which rows of open pages turn stale, or fresh again, with the time alone: nothing is stored when they do."""

from __future__ import annotations

from datetime import datetime, timedelta

from monitors.live.news import MOST_SERVERS, Summary, stale_servers

ASKED_EVERY = timedelta(seconds=2)
"""At most: news may come more often."""
ALL_EVERY = timedelta(seconds=30)
"""At most. Where more are stale than are named, a few that come and go would have all pages ask for everything."""


class Aging:
    """Remembers which servers were stale when pages were last told."""

    def __init__(self) -> None:
        self._known: frozenset[int] | None = frozenset()
        self._number = 0
        self._late: bool | None = None
        self._asked_at: datetime | None = None
        self._all_at: datetime | None = None
        self._owed = False

    def turned(self, said: Summary) -> frozenset[int] | None:
        """Servers that turned stale or fresh since the last call; None where they are too many to name. One query, and
        none while there are none.

        Pages that are open at the first call know. So they do while nothing is probed, when everything is shown as
        stale, and afterwards: they ask for everything themselves at both ends of that.
        """
        if self._asked_at is not None and timedelta(0) <= said.at - self._asked_at < ASKED_EVERY:
            return frozenset()
        before, number, same = self._known, self._number, self._late is said.late
        self._asked_at, self._number, self._late = said.at, said.stale, said.late
        self._known = stale_servers(said.at) if said.stale else frozenset()
        if said.late or not same:
            self._owed = False
            return frozenset()
        named: frozenset[int] = frozenset()
        if before is None or self._known is None:
            self._owed |= said.stale != number
        elif len(turned := before ^ self._known) > MOST_SERVERS:
            self._owed = True
        else:
            named = turned
        if not self._owed or (self._all_at is not None and timedelta(0) <= said.at - self._all_at < ALL_EVERY):
            return named
        self._owed, self._all_at = False, said.at
        return None
