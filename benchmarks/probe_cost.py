"""CPU per probe of the engine alone, without queue and database: `python -m benchmarks.probe_cost [TOGETHER]`.

The targets live in another process, so that only the prober is counted. The kinds take turns, and a calibration is
timed beside each turn, because the machine's speed may swing: compare `calibrated`, which is in units of that
calibration, and read `cpu_ms` as an order of magnitude. One line of JSON per kind, after half a minute.

TOGETHER (1) probes share each slot: a probe that wakes the loop alone finds cold caches, and costs up to twice as much
as one among twenty.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median
from threading import Event

from benchmarks.farm import address, running_farm
from benchmarks.measure import calibrate
from monitors.engine.base import Observation, Target
from monitors.engine.deny import DenyList
from monitors.engine.loop import Engine, Job
from monitors.kinds import probers_on

TARGETS = 100
PROBES = 1_500
"""Per turn."""
TURNS = 5
SPACING = timedelta(milliseconds=1)
"""Between two probes on average: a fleet of 30,000 at 30 s."""
LEAD = timedelta(seconds=0.1)
LONGEST_TURN = 60.0


@dataclass
class Turn:
    """A sink for one turn of one kind."""

    done: Event = field(default_factory=Event)
    healthy: int = 0
    taken: int = 0

    def __call__(self, job: Job, observation: Observation | None) -> None:
        self.taken += 1
        self.healthy += observation is not None and observation.outcome.ok is True
        if self.taken == PROBES:
            self.done.set()


@dataclass
class Cost:
    """What one kind of probe has cost, turn by turn. Milliseconds of CPU."""

    probe: list[float] = field(default_factory=list)
    calibration: list[float] = field(default_factory=list)

    def line(self, kind: str, together: int) -> str:
        ratios = [probe / unit for probe, unit in zip(self.probe, self.calibration, strict=True)]
        figures = {
            "kind": kind,
            "together": together,
            "probes": PROBES * len(self.probe),
            "cpu_ms": round(median(self.probe), 4),
            "least_cpu_ms": round(min(self.probe), 4),
            "calibration_ms": round(median(self.calibration), 2),
            "calibrated": round(median(ratios), 5),
        }
        return json.dumps(figures)


def cpu_ms_per_probe(engine: Engine, targets: list[Target], together: int) -> float:
    """Raises RuntimeError when not every target was found healthy: then it is something else that was measured."""
    turn = Turn()
    first = datetime.now(UTC) + LEAD
    slots = [first + (number - number % together) * SPACING for number in range(PROBES)]
    jobs = [Job(number, slot, targets[number % len(targets)]) for number, slot in enumerate(slots)]
    begin = time.process_time()
    engine.submit(jobs, turn)
    turn.done.wait(LONGEST_TURN)
    spent = time.process_time() - begin
    if turn.healthy != PROBES:
        raise RuntimeError(f"only {turn.healthy} of {PROBES} probes found their target healthy")
    return spent * 1_000 / PROBES


def main() -> None:
    together = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    with running_farm(TARGETS) as farm:
        kinds = {
            "http": [Target("http", address(number), farm.port) for number in range(TARGETS)],
            "https": [Target("https", address(number), farm.tls_port, verify_tls=False) for number in range(TARGETS)],
            "ws": [Target("ws", address(number), farm.port, "/hub/chat") for number in range(TARGETS)],
        }
        costs = {kind: Cost() for kind in kinds}
        engine = Engine(probers_on, PROBES, DenyList())
        engine.start()
        for _ in range(TURNS):
            for kind, targets in kinds.items():
                costs[kind].calibration.append(calibrate() * 1_000)
                costs[kind].probe.append(cpu_ms_per_probe(engine, targets, together))
        engine.stop()
    for kind, cost in costs.items():
        print(cost.line(kind, together))


if __name__ == "__main__":
    main()
