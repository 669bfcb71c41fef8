"""Where a drill takes place: a stack, a fleet and a stand-in for Slack, and the verdict over all three."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from drills.fleet import THRESHOLD, Fleet, running_fleet, server_name
from drills.oracle import Flap, Judgement, Message, judge, read_messages
from drills.result import Result
from drills.slack import Slack, running_slack
from drills.stack import PROCESSES, Stack, kept_directory, running_stack

INTERVAL = 1
POLL_SECONDS = 0.25
WARM_UP_SECONDS = 90
SETTLE_SECONDS = 300
"""For all that is still to be told: a lease of 30 s, a look or two, and what has piled up."""
BLIND_MARGIN = 4.0
"""Seconds by which a probe may be late on a machine that has much to do, and whose disk is busy."""
HOOKS = "T/B/"
NO_STORMS = {"servers": 0, "seconds": 30}


@dataclass(frozen=True, slots=True)
class Options:
    seed: int
    short: bool
    kills: int | None = None

    def count(self, *, short: int, long: int) -> int:
        """How many faults are injected."""
        return self.kills or self.size(short=short, long=long)

    def size(self, *, short: int, long: int) -> int:
        return short if self.short else long


@dataclass(frozen=True, slots=True)
class Channel:
    id: str
    """As the ledger calls it."""
    environment: str
    by_webhook: bool = False

    @property
    def row_id(self) -> str:
        """As the monitor calls it."""
        return f"hook-{self.id.removeprefix(HOOKS)}" if self.by_webhook else self.id


Reading = Callable[[Message, Sequence[Flap]], Message]
"""What a message means, given the script of its servers."""


def as_it_stands(message: Message, _flaps: Sequence[Flap]) -> Message:
    return message


@dataclass
class Ground:
    options: Options
    stack: Stack
    fleet: Fleet
    slack: Slack
    channels: Sequence[Channel]
    environments: Sequence[str]
    rng: random.Random
    began: float
    wrong: list[str] = field(default_factory=list)
    """What must be so and was not."""

    def must(self, true: bool, otherwise: str) -> None:
        if not true:
            self.wrong.append(otherwise)

    def settle(self, *, leave_down: Collection[int] = (), seconds: float = SETTLE_SECONDS) -> None:
        """Mend every server but these, and wait until the monitor thinks that it has told everything."""
        healing = [target for target in self.fleet.down() if target not in leave_down]
        until(lambda: self.fleet.are_certain(healing), seconds)  # their failures count only when they must be known
        self.fleet.set_up(healing)
        certain = until(self.fleet.are_certain, seconds)
        self.must(certain, "some servers were not probed often enough to be sure of them")
        self.must(until(self.stack.has_told_all, seconds), "the monitor has not told everything")
        self.slack.entries()
        self.must(not self.stack.ended(), f"ended by themselves: {self.stack.ended()}")

    def judge(
        self, channels: Sequence[Channel] | None = None, *, repeats_allowed: bool = False, read: Reading = as_it_stands
    ) -> Judgement:
        """Of these channels, or of all; by the script and the ledger alone. `read` says what a message means."""
        total = Judgement()
        chosen = self.channels if channels is None else channels
        entries = self.slack.entries()
        for channel in chosen:
            targets = self.targets_of(channel.environment)
            about = [entry for entry in entries if entry["channel"] == channel.id]
            messages, strange = read_messages(about, [server_name(target) for target in targets])
            flaps = self.fleet.flaps(targets)
            meant = [read(message, flaps) for message in messages]
            total += judge(flaps, meant, {channel.id}, strange=strange, repeats_allowed=repeats_allowed)
        return total

    def must_never_have_failed(self, steady: Sequence[int]) -> None:
        """Of servers that worked all the time no failed check may be on record, let alone an outage."""
        names = ", ".join(f"'{server_name(target)}'" for target in steady)
        these = f"server_id IN (SELECT id FROM server_health WHERE host_name IN ({names}))"
        failed = self.stack.ask(
            f"SELECT COALESCE(SUM(failed), 0) FROM monitors_rollup WHERE resolution = 60 AND {these}"
        )
        down = self.stack.ask(
            f"SELECT COUNT(*) FROM monitors_statustransition WHERE to_health = 'UNHEALTHY' AND {these}"
        )
        self.must(failed == [(0,)], f"{failed[0][0]} failed checks of healthy servers on record")
        self.must(down == [(0,)], f"healthy servers called down {down[0][0]} times")

    def must_not_be_blind(self, interval: float) -> float:
        """Each server has been probed all the time since `fleet.watch`: no two scheduled probes in a row were missed.
        Returns the longest time in seconds for which one was not."""
        blind = self.fleet.longest_unseen()
        limit = 3 * interval + BLIND_MARGIN
        self.must(blind <= limit, f"a server was not probed for {blind:.1f} s; at most {limit:.1f} s are allowed")
        return round(blind, 1)

    def targets_of(self, environment: str) -> list[int]:
        every = len(self.environments)
        return [target for target in self.fleet.targets if self.environments[target % every] == environment]

    def result(self, drill: str, n: int, injected: int, judgement: Judgement, **more: Any) -> Result:
        seconds = time.monotonic() - self.began
        return Result(drill, self.options.seed, n, injected, judgement, seconds, tuple(self.wrong), more)


def until(found: Callable[[], bool], seconds: float) -> bool:
    """Whether `found` came true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not found():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


@contextmanager
def running_ground(
    options: Options,
    *,
    servers: int,
    bots: int = 1,
    webhooks: int = 0,
    environments: Sequence[str] = ("LIVE",),
    processes: Sequence[str] = PROCESSES,
    storms: Mapping[str, int] = NO_STORMS,
    patience: float = WARM_UP_SECONDS,
    variables: Mapping[str, str] = MappingProxyType({}),
    everywhere: Mapping[str, str] = MappingProxyType({}),
    of_each: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> Iterator[Ground]:
    """All servers are up and known to be, within `patience` seconds. Each environment has so many channels of each
    kind. `everywhere`: variables of the database and every process; `of_each`: of single processes, by name."""
    began = time.monotonic()
    with ExitStack() as exits:
        slack = exits.enter_context(running_slack())
        fleet = exits.enter_context(running_fleet(servers))
        stack = exits.enter_context(
            running_stack(
                {
                    **slack.variables(),
                    "PROBE_INTERVAL_SECONDS": str(INTERVAL),
                    "PROBE_TIMEOUT_SECONDS": "0.8",
                    "HEALTHY_THRESHOLD": str(THRESHOLD),
                    "UNHEALTHY_THRESHOLD": str(THRESHOLD),
                    **variables,
                },
                everywhere,
            )
        )
        channels, rows = [], []
        for environment in environments:
            made, wanted = _channels(slack, environment, bots, webhooks)
            channels += made
            rows += wanted
        stack.prepare(servers=list(fleet.rows(environments)), channels=rows, storms=dict(storms))
        stack.start_all(processes, of_each)
        ground = Ground(options, stack, fleet, slack, channels, environments, random.Random(options.seed), began)
        if not until(fleet.are_certain, patience):
            raise RuntimeError("the servers are not probed: set DRILL_LOGS to a directory and look there")
        yield ground
        if kept := kept_directory():
            (kept / "ledger.json").write_text("\n".join(json.dumps(entry) for entry in slack.entries()))


def _channels(slack: Slack, environment: str, bots: int, webhooks: int) -> tuple[list[Channel], list[dict[str, Any]]]:
    """The channels of one environment, and their rows."""
    channels, rows = [], []
    for number in range(bots):
        name = f"{environment.lower()}-{number}"
        channels.append(Channel(slack.new_channel(name), environment))
        rows.append({"channel_id": channels[-1].id, "name": name, "environments": [environment]})
    for number in range(webhooks):
        path = f"{HOOKS}{environment.lower()}-{number}"
        channels.append(Channel(path, environment, by_webhook=True))
        row = {"channel_id": channels[-1].row_id, "hook_url": slack.hook_url(path)}
        rows.append({**row, "environments": [environment]})
    return channels, rows
