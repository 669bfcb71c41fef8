"""What the outcomes of a batch tell about the time before them. Nothing, nearly always: then no statement is needed."""

from __future__ import annotations

from datetime import datetime, timedelta

from monitors.engine.base import Observation
from monitors.folding import Memory, learn
from monitors.models import UnknownTime


class Learned:
    """Collects, then stores with the batch."""

    def __init__(self) -> None:
        self.blips: dict[int, int] = {}
        """Of each server whose success ended a run of failures before it was an incident: how many failures."""
        self._unknown: list[UnknownTime] = []
        self._rewound: dict[int, datetime] = {}
        """The slots of servers of which later ones were known already: the clock was set back."""

    def add(self, memory: Memory, observation: Observation, interval: timedelta) -> None:
        """Needs `memory` as it was before the outcome."""
        if observation.outcome.ok is None:
            return
        server_id, before = observation.server_id, memory.known_until
        if unknown := learn(memory, observation, interval):
            self._unknown.append(UnknownTime(server_id=server_id, began_at=unknown[0], ended_at=unknown[1]))
        elif before and memory.known_until and memory.known_until < before:
            self._rewound[server_id] = observation.slot
        if observation.outcome.ok and memory.standing.failures and memory.incident_id is None:
            self.blips[server_id] = memory.standing.failures

    def store(self) -> None:
        """A time that the clock has not reached yet, now that it was set back, was not unknown: it will be seen."""
        if self._rewound:
            ahead = UnknownTime.objects.filter(server__in=self._rewound, ended_at__gt=max(self._rewound.values()))
            ahead.delete()
        if self._unknown:
            UnknownTime.objects.bulk_create(self._unknown, ignore_conflicts=True)
