"""Forty days of servers that fail, hang, pause and are lost from sight, recorded as they happen; then every figure is
compared with what an oracle makes of the raw outcomes, minute by minute and without a line of the code under test."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitors import recording
from monitors.engine.base import Observation, Outcome
from monitors.models import Server
from monitors.tests.builders import server
from monitors.tests.failing import Failure
from monitors.uptime import PERIODS, life_of, months, stretches, tallies

pytestmark = pytest.mark.django_db

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BEGIN = datetime(2026, 10, 10, tzinfo=UTC)
"""Clocks go back on 25 October in Europe and on 1 November in America."""
DAYS = 40
END = BEGIN + DAYS * DAY
FAILURES = {"+": None, "-": Failure.TIMEOUT_CONNECT, "i": Failure.PROBER_FAULT}
OUTAGE = 2
"""Failures in a row."""
Event = tuple[datetime, str, timedelta]
"""When; an outcome (`+`, `-`, `i`), or `p` and `r` where a pause begins and ends; the interval in force."""


@dataclass
class Watched:
    """A server, and everything that happened to it."""

    server: Server
    created_at: datetime
    recovery: int
    """Successes in a row that end an outage."""
    chance: random.Random
    interval: timedelta = HOUR
    log: list[Event] = field(default_factory=list)
    planned: list[tuple[datetime, datetime]] = field(default_factory=list)
    script: Iterator[str] = field(default_factory=lambda: iter(()))


WAYS: dict[str, Callable[[random.Random, int], str]] = {
    # what happens in the hours that follow: an outcome, `.` for none, `p` and `r`, or a new interval in hours
    "fine": lambda chance, _: "+" * chance.randint(1, 40),
    "outage": lambda chance, recovery: "-" * chance.randint(2, 20) + "+" * recovery,
    "single failure": lambda *_: "+-+",
    "neither up nor down for long": lambda _, recovery: "+-+-++--" + "+-" * (recovery - 1) * 2 + "+" * recovery,
    "silence": lambda chance, _: "." * chance.randint(1, 30),
    "pause": lambda chance, _: "p" + "." * chance.randint(0, 30) + "r",
    "interval": lambda chance, _: chance.choice("126"),
    "blind": lambda chance, _: "+" + "i" * chance.randint(1, 12),
    "blind in an outage": lambda chance, _: "---" + "i" * chance.randint(1, 12) + "--+",
}
OFTEN = ["fine"] * 8 + ["outage"] * 3


def scripted(one: Watched, *, blindness: bool) -> Iterator[str]:
    ways = [name for name in WAYS if blindness or not name.startswith("blind")]
    while True:
        yield from WAYS[one.chance.choice(OFTEN + ways)](one.chance, one.recovery)


def happened(one: Watched, at: datetime) -> Observation | None:
    """The outcome of this hour, if there is one; pauses and changes are made at once, at some minute before it."""
    if at <= one.created_at or (one.log and at < one.log[-1][0] + one.interval and one.log[-1][1] in "+-i"):
        return None
    kind = next(one.script)
    before = at - one.chance.randint(1, 50) * MINUTE
    if kind in "pr":
        change = recording.pause if kind == "p" else recording.resume
        change([one.server.pk], actor="kim", now=before)
        one.log.append((before, kind, one.interval))
    elif kind.isdigit():
        one.interval = int(kind) * HOUR
        Server.objects.filter(pk=one.server.pk).update(interval_seconds=one.interval.total_seconds())
    elif kind != ".":
        one.log.append((at, kind, one.interval))
        return Observation(one.server.pk, at, at, Outcome(FAILURES[kind], MINUTE))
    return None


def fleet(seed: int) -> list[Watched]:
    found = []
    for number in range(8):
        chance = random.Random(f"{seed} {number}")
        created_at = BEGIN + (chance.randint(0, 20 * 24) * HOUR if number % 4 == 3 else timedelta(0)) + 7 * MINUTE
        recovery = 1 if number % 2 else 2
        target = server(
            created_at=created_at, interval_seconds=3_600, healthy_threshold=recovery, unhealthy_threshold=OUTAGE
        )
        one = Watched(target, created_at, recovery, chance)
        one.script = scripted(one, blindness=recovery == 1)
        if number in (2, 5):
            one.planned = [(BEGIN + day * DAY, BEGIN + day * DAY + 5 * HOUR) for day in (3, 24, 39)]
        found.append(one)
    return found


# the oracle


def outages_of(one: Watched, now: datetime) -> list[tuple[datetime, datetime]]:
    """From the first failure of a run that was long enough to the first success of one that was, or to a pause."""
    found = []
    since: datetime | None = None
    failed: list[datetime] = []
    succeeded: list[datetime] = []
    for at, kind, _ in one.log:
        if at > now:
            break
        if kind == "-":
            succeeded = []
            failed.append(at)
            if since is None and len(failed) >= OUTAGE:
                since = failed[0]
        elif kind == "+":
            failed = []
            succeeded.append(at)
            if since is not None and len(succeeded) >= one.recovery:
                found.append((since, succeeded[0]))
                since = None
        elif kind in "pr":
            if since is not None:
                found.append((since, at))
            since, failed, succeeded = None, [], []
    return found if since is None else [*found, (since, now)]


def blips_of(one: Watched, begin: datetime, end: datetime) -> int:
    down = outages_of(one, END)
    count = run = 0
    for at, kind, _ in one.log:
        if kind == "-":
            run += 0 if any(since <= at < until for since, until in down) else 1
        elif kind in "+pr":
            count += run if kind == "+" and begin <= at < end else 0
            run = 0
    return count


def states_of(one: Watched, now: datetime) -> list[str]:
    """The state of each minute from `BEGIN` to `now`; empty before the server was created."""
    down = outages_of(one, now)
    states = []
    position, paused, known_until = 0, False, BEGIN
    for number in range((now - BEGIN) // MINUTE):
        at = BEGIN + number * MINUTE
        while position < len(one.log) and one.log[position][0] <= at:
            happened_at, kind, interval = one.log[position]
            if kind in "+-":
                known_until = happened_at + 2 * interval
            elif kind in "pr":
                paused = kind == "p"
                known_until = min(known_until, happened_at)
            position += 1
        if at < one.created_at:
            states.append("")
        elif any(since <= at < until for since, until in one.planned):
            states.append("maintenance")
        elif paused:
            states.append("paused")
        elif any(since <= at < until for since, until in down):
            states.append("down")
        else:
            states.append("up" if at < known_until else "unknown")
    return states


def assert_agrees(found, states: Sequence[str], begin: datetime, end: datetime) -> None:
    first, last = (max(0, (edge - BEGIN) // MINUTE) for edge in (begin, end))
    seen = states[first:last]
    for state in ("up", "down", "maintenance", "unknown", "paused"):
        assert getattr(found, state) == seen.count(state) * MINUTE, state


@pytest.mark.parametrize("seed", [1])
def test_figures_are_those_of_the_raw_outcomes(seed):
    watched = fleet(seed)
    planned = {one.server.pk: one.planned for one in watched}
    for number in range(1, DAYS * 24 + 1):
        at = BEGIN + number * HOUR
        recording.record([seen for one in watched if (seen := happened(one, at))])
        if at in (BEGIN + 17 * DAY, END):
            now = at + 13 * MINUTE
            found = tallies([one.server.pk for one in watched], now, planned)
            for one in watched:
                states = states_of(one, now)
                for name, length in PERIODS.items():
                    assert_agrees(found[one.server.pk][name], states, now - length, now)
    met: set[str] = set()
    for one in watched:
        states = states_of(one, END)
        met.update(states)
        for zone in ("Europe/Berlin", "America/New_York", "Asia/Kathmandu"):
            spans = [(begin.astimezone(UTC), end.astimezone(UTC)) for begin, end in months(END, ZoneInfo(zone))]
            life = life_of(one.server.pk, spans[-1][0], END, planned)
            for (begin, end), stretch in zip(spans, stretches(one.server.pk, life, spans, END), strict=True):
                assert_agrees(stretch.availability, states, begin, end)
                if zone != "Asia/Kathmandu":  # a quarter of an hour off the hours in which these are counted
                    assert stretch.blips == blips_of(one, begin, end)
    assert met == {"", "up", "down", "maintenance", "unknown", "paused"}
