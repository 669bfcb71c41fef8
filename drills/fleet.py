"""The servers that go out of order, and the script of when they did: a farm of the benchmarks', led by the drill."""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.farm import Farm, Hit, Mode, address, running_farm
from drills.oracle import Flap

THRESHOLD = 2
"""Outcomes in a row that make news, both ways."""
SURPLUS = 2
"""Probes beyond the threshold that a server answers before it changes again: one may be under way at each end."""
LOST_PER_FAULT = 3
"""Probes of one server that may go unrecorded because of one fault; they move no counter."""
POLL_SECONDS = 0.2


def server_name(target: int) -> str:
    return f"web-{target:05}"


@dataclass
class Phase:
    """How a server has been since its last change."""

    mode: Mode
    began: float
    faults: int
    """Faults that had been injected by then."""
    extra: int = 0
    """Probes that it stays so beyond what makes it certain."""
    hits: list[float] = field(default_factory=list)

    def is_certain(self, faults: int) -> bool:
        """Whether its change must have been recorded by now, whatever those faults swallowed."""
        return len(self.hits) >= THRESHOLD + SURPLUS + LOST_PER_FAULT * (faults - self.faults)

    @property
    def certain_at(self) -> float | None:
        return self.hits[THRESHOLD - 1] if len(self.hits) >= THRESHOLD else None


class Fleet:
    """Changes the servers' state and keeps what the script of that was. Safe from any thread."""

    def __init__(self, farm: Farm, targets: int) -> None:
        self.targets = range(targets)
        self.faults = 0
        """That may have swallowed outcomes, so far: who probes was killed, or the database went away or came back."""
        self._farm = farm
        self._visits = 0
        self._seen: dict[int, float] = {}
        """When each server was probed last."""
        self._longest_unseen = 0.0
        self._lock = threading.RLock()
        self._phases = {target: Phase(Mode.OK, time.time(), 0) for target in self.targets}
        self._flaps: dict[int, list[Flap]] = defaultdict(list)

    def rows(self, environments: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """The servers as `seed_servers` reads them, shared out among the environments in turn."""
        for target in self.targets:
            yield {
                "host_name": server_name(target),
                "host": address(target),
                "port": self._farm.port,
                "type": 1,
                "environment": environments[target % len(environments)],
            }

    def flaps(self, targets: Sequence[int] | None = None) -> list[Flap]:
        """The script: of these servers, or of all."""
        with self._lock:
            return [flap for target in targets or self.targets for flap in self._flaps[target]]

    def set_down(self, targets: Sequence[int], extra: int = 0) -> None:
        self._change(targets, Mode.FAIL, extra)

    def set_up(self, targets: Sequence[int], extra: int = 0) -> None:
        self._change(targets, Mode.OK, extra)

    def _change(self, targets: Sequence[int], mode: Mode, extra: int) -> None:
        with self._lock:
            changing = [target for target in targets if self._phases[target].mode is not mode]
            self._read_hits()
            now = time.time()
            self._farm.set_mode(mode, changing)
            for target in changing:
                self._phases[target] = Phase(mode, now, self.faults, extra)
                if mode is Mode.FAIL:
                    self._flaps[target].append(Flap(server_name(target), now))
                else:
                    self._flaps[target][-1] = replace(self._flaps[target][-1], ended=time.time())

    def look(self) -> None:
        """Take note of what the servers were asked."""
        with self._lock:
            self._read_hits()

    def _read_hits(self) -> None:
        for hit in self._farm.new_hits():
            self._visits += 1
            self._longest_unseen = max(self._longest_unseen, hit.at - self._seen.get(hit.target, hit.at))
            self._seen[hit.target] = hit.at
            self._note(hit)

    def _note(self, hit: Hit) -> None:
        phase = self._phases[hit.target]
        if hit.mode is not phase.mode or hit.at < phase.began:
            return
        phase.hits.append(hit.at)
        if len(phase.hits) == THRESHOLD and self._flaps[hit.target]:
            flap = self._flaps[hit.target][-1]
            failing = hit.mode is Mode.FAIL
            self._flaps[hit.target][-1] = (
                replace(flap, down_for_sure=hit.at) if failing else replace(flap, up_for_sure=hit.at)
            )

    def are_certain(self, targets: Sequence[int] | None = None) -> bool:
        """Whether each of these must be known to be as it is."""
        self.look()
        with self._lock:
            return all(self._phases[target].is_certain(self.faults) for target in targets or self.targets)

    def ripe(self, targets: Sequence[int]) -> list[tuple[int, Mode]]:
        """Those that have been as they are for as long as they were to be."""
        self.look()
        with self._lock:
            phases = ((target, self._phases[target]) for target in targets)
            return [
                (target, phase.mode)
                for target, phase in phases
                if phase.is_certain(self.faults) and len(phase.hits) >= THRESHOLD + SURPLUS + phase.extra
            ]

    def visits(self) -> int:
        """Probes of any server so far."""
        self.look()
        with self._lock:
            return self._visits

    def watch(self) -> None:
        """From now on note how long each server is not probed."""
        self.look()
        with self._lock:
            self._longest_unseen = 0.0
            self._seen = dict.fromkeys(self.targets, time.time())

    def longest_unseen(self) -> float:
        """Seconds for which some server was not probed since `watch`."""
        self.look()
        with self._lock:
            return max(self._longest_unseen, time.time() - min(self._seen.values()))

    def answer_after(self, seconds: float) -> None:
        """From now on each server takes so long to answer."""
        self._farm.answer_after(seconds)

    def down(self) -> list[int]:
        with self._lock:
            return [target for target, phase in self._phases.items() if phase.mode is Mode.FAIL]


@contextmanager
def running_fleet(targets: int) -> Iterator[Fleet]:
    with running_farm(targets) as farm:
        yield Fleet(farm, targets)


class Flapping:
    """A thread that lets servers fail and recover over and over, each at times of its own, until `stop`."""

    def __init__(
        self, fleet: Fleet, targets: Sequence[int], rng: random.Random, *, down: int = 6, up: int = 10
    ) -> None:
        """`down` and `up`: at most so many probes beyond the fewest, drawn anew for each change."""
        self._fleet, self._targets, self._rng = fleet, targets, rng
        self._extra = {Mode.FAIL: down, Mode.OK: up}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flapping", daemon=True)

    def __enter__(self) -> Flapping:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            for target, mode in self._fleet.ripe(self._targets):
                change, then = (self._fleet.set_down, Mode.FAIL) if mode is Mode.OK else (self._fleet.set_up, Mode.OK)
                change([target], self._rng.randint(0, self._extra[then]))
