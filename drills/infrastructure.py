"""Drills 6, 7 and 8: the broker and the database die, forget, and come back."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator

import redis

from drills.broker import Broker
from drills.deadlock import SURFACED, Deadlocks
from drills.fleet import Flapping
from drills.ground import Ground, Options, running_ground, until
from drills.result import Result
from drills.stack import DATABASE, PROCESSES, WORKERS, Stack

BACK_SECONDS = 15.0
"""Within which work goes on once the broker is back."""
WEB_BACK_SECONDS = 10.0
FLAPS = {"down": 4, "up": 8}
FLEET = ("DEV", "STAGE", "LIVE")
GAP_SECONDS = 12.0
"""Nothing is probed for so long: the monitor says so itself."""


def kill_redis(options: Options) -> Iterator[Result]:
    """Drill 6: SIGKILL to Redis; away for up to 15 s. Four times of five it keeps all on disk and is back with it, now
    and then without the end of what it was writing; else it is back and empty."""
    kills = options.count(short=3, long=50)
    away = options.size(short=4, long=15)
    backs, gaps, appending, torn = [], 0, 0, 0
    with running_ground(options, servers=15, environments=FLEET) as ground:
        broker = Broker(ground.stack)
        with Flapping(ground.fleet, ground.fleet.targets, ground.rng, **FLAPS):
            for number in range(kills):
                broker.keep(number % 5 != 1)
                time.sleep(ground.rng.uniform(2, 8))
                broker.kill(tear=number % 4 == 2)
                absence = ground.rng.uniform(0.2, away)
                time.sleep(absence)
                gaps += absence > GAP_SECONDS
                ground.must(broker.start(), "Redis did not come back with what it kept")
                appending, torn = appending + broker.keeps, torn + broker.is_torn
                backs.append(_seconds_until_consumed(ground))
        slowest = max(backs)
        ground.must(slowest < BACK_SECONDS, f"work went on only {slowest:.1f} s after the broker was back")
        ground.settle()
        told = int(ground.stack.ask("SELECT COUNT(*) FROM monitors_gap")[0][0])
        ground.must(told >= gaps, f"{told} gaps noted of at least {gaps}")
        figures = {"slowest_back": round(slowest, 1), "appending": appending, "torn": torn, "gaps": told}
        yield ground.result("6 kill Redis", kills, kills, ground.judge(), **figures)


def _seconds_until_consumed(ground: Ground) -> float:
    """Until every worker listens again and more was probed than had been handed out: of each server one probe."""
    began = time.monotonic()
    enough = ground.fleet.visits() + len(ground.fleet.targets)
    until(lambda: ground.fleet.visits() > enough and ground.stack.listening() >= len(WORKERS), 60)
    return time.monotonic() - began


def _seconds_until_probed(ground: Ground) -> float:
    began = time.monotonic()
    seen = ground.fleet.visits()
    until(lambda: ground.fleet.visits() > seen, 60)
    return time.monotonic() - began


def empty_redis(options: Options) -> Iterator[Result]:
    """Drill 7: FLUSHALL, and every client's connection cut, at any moment."""
    faults = options.count(short=6, long=30)
    with running_ground(options, servers=15, environments=FLEET) as ground:
        with Flapping(ground.fleet, ground.fleet.targets, ground.rng, **FLAPS):
            for _ in range(faults):
                time.sleep(ground.rng.uniform(0.5, 4))
                with redis.Redis.from_url(ground.stack.redis_url) as client:
                    client.flushall()
                    client.client_kill_filter(_type="normal", skipme=True)
        ground.settle()
        judged = ground.judge()
        limit = BACK_SECONDS + 2 * len(ground.fleet.targets)
        ground.must(judged.slowest < limit, f"the slowest message took {judged.slowest:.1f} s")
        yield ground.result("7 empty Redis", faults, faults, judged)


def kill_database(options: Options) -> Iterator[Result]:
    """Drill 8: SIGKILL to MariaDB, away for up to 20 s; between two of those, all of its connections are killed. Then
    the monitor loses deadlocks. No process is started again by us; the API says 503 meanwhile, and works afterwards."""
    kills = options.count(short=2, long=20)
    forced = options.size(short=1, long=5)
    away = options.size(short=4, long=20)
    with running_ground(options, servers=15, environments=FLEET, processes=(*PROCESSES, "web")) as ground:
        ground.stack.wait_for_web()
        deadlocks = Deadlocks(ground.stack.database, DATABASE)
        with Asking(ground.stack) as asking, Flapping(ground.fleet, ground.fleet.targets, ground.rng, **FLAPS):
            for _ in range(kills):
                time.sleep(ground.rng.uniform(3, 8))
                ground.fleet.faults += 1
                ground.stack.database.kill()
                time.sleep(ground.rng.uniform(1, away))
                ground.stack.database.start()
                ground.fleet.faults += 1
                ground.must(asking.is_well_within(WEB_BACK_SECONDS), "the API did not work again")
                slowest = _seconds_until_probed(ground)
                ground.must(slowest < BACK_SECONDS, f"probing went on only after {slowest:.1f} s")
                time.sleep(ground.rng.uniform(1, 4))
                ground.fleet.faults += 1
                ground.stack.cut_database_connections()
            for number in range(forced):
                ground.fleet.faults += 1
                ground.must(deadlocks.force(number), "the monitor lost no deadlock")
        ground.settle()
        failing = ground.stack.complaining(SURFACED)
        ground.must(not failing, f"lost a deadlock and did not begin again: {failing}")
        ground.must(asking.statuses[503] > 0, "the API never said that it cannot")
        odd = {status: count for status, count in asking.statuses.items() if status not in (200, 503)}
        ground.must(not odd, f"the API answered otherwise than 200 and 503: {odd}")
        ground.must(not asking.not_json, f"{asking.not_json} answers of the API were no JSON")
        answers = {str(status): count for status, count in sorted(asking.statuses.items())}
        struck = kills + len(deadlocks.struck)
        figures = {"deadlocks": deadlocks.struck, "api": answers}
        yield ground.result("8 kill MariaDB", kills + forced, struck, ground.judge(), **figures)


class Asking:
    """A thread that asks the API for the state of the servers over and over."""

    def __init__(self, stack: Stack) -> None:
        self.statuses: Counter[int] = Counter()
        """How often each came; 0 for no answer at all."""
        self.not_json = 0
        self._stack = stack
        self._stopping = threading.Event()
        self._well = threading.Event()
        self._thread = threading.Thread(target=self._run, name="asking", daemon=True)

    def __enter__(self) -> Asking:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopping.set()
        self._thread.join()

    def is_well_within(self, seconds: float) -> bool:
        """Whether an answer that begins from now on is 200 within so many seconds."""
        self._well.clear()
        return self._well.wait(seconds)

    def _run(self) -> None:
        while not self._stopping.wait(0.25):
            try:
                status, payload = self._stack.get("/api/status/", seconds=40)
            except OSError:
                status, payload = 0, {}
            self.statuses[status] += 1
            self.not_json += payload is None
            if status == 200:
                self._well.set()
