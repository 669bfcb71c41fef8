"""A load on the stack and, in alternating windows, on the peer."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.farm import Farm, Hit, Mode, running_farm
from benchmarks.figures import Punctuality, punctuality
from benchmarks.loads import Load, host_name
from benchmarks.measure import System, Window, machine_speed, watch
from benchmarks.peer import running_peer
from benchmarks.stack import Stack, running_stack

LATE = 3.0
"""Seconds after a window in which a probe of one of its slots may still come."""
SETTLE_SLOTS = 1.0
SETTLE_SECONDS = 4.0
"""Thrown away before each window: so many intervals and seconds after a system was started or continued."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long is measured. `seconds` should be a multiple of the interval."""

    seconds: float = 60.0
    rounds: int = 2
    with_peer: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """One window of one system, with the hits that it caused."""

    window: Window
    probes: int
    calibration: float
    """Mean of `machine_speed` before and after."""

    @property
    def cpu_ms(self) -> dict[str, float]:
        """Per probe, by process."""
        return {name: 1000 * seconds / max(1, self.probes) for name, seconds in self.window.cpu.items()}


@dataclass
class Findings:
    load: Load
    ours: list[Seen] = field(default_factory=list)
    peer: list[Seen] = field(default_factory=list)
    punctuality: Punctuality | None = None
    memory: dict[str, int] = field(default_factory=dict)
    peer_memory: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    """How many servers failed in which way at the end: whether the load was what it claims to be."""
    growth: int = 0
    """Bytes that the database grew by in our windows."""
    complaints: list[str] = field(default_factory=list)
    """What our log complained of in our windows; that it was stopped in between is none."""


def settle(load: Load) -> None:
    time.sleep(SETTLE_SLOTS * load.interval + SETTLE_SECONDS)


@contextmanager
def own_nameserver(farm: Farm, load: Load) -> Iterator[list[str]]:
    """What to put before a command so that its /etc/resolv.conf names the farm's server; nothing where not needed.

    In a mount namespace, which nobody else sees.
    """
    if not load.silent:
        yield []
        return
    if shutil.which("unshare") is None:
        raise RuntimeError("silent names need util-linux's unshare: the stack gets an /etc/resolv.conf of its own")
    with tempfile.NamedTemporaryFile("w", prefix="resolv-") as file:
        file.write(f"nameserver 127.0.0.1:{farm.dns_port}\n")
        file.flush()
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        mount = f'mount --bind {file.name} {Path("/etc/resolv.conf").resolve()} && exec "$@"'
        yield ["unshare", "--mount", *user, "sh", "-c", mount, "sh"]


@contextmanager
def loaded_stack(load: Load, farm: Farm, **variables: str) -> Iterator[tuple[Stack, Mapping[int, int]]]:
    """The stack, watching `load`; and its server ids by target. Not settled yet."""
    farm.set_mode(Mode.HANG, load.troubled)
    with ExitStack() as exits:
        prefix = exits.enter_context(own_nameserver(farm, load))
        stack = exits.enter_context(
            running_stack(interval=load.interval, on_mariadb=load.on_mariadb, command_prefix=prefix, **variables)
        )
        ids = stack.seed(list(load.rows(farm)))
        yield stack, {target: ids[host_name(target)] for target in range(load.servers)}


def run_load(load: Load, plan: Plan) -> Findings:
    """Measure; the peer, if there is one, in turn with us: whoever is not measured is stopped by SIGSTOP, so that both
    stay warm and never share the machine."""
    findings = Findings(load)
    with ExitStack() as exits:
        farm = exits.enter_context(running_farm(load.servers))
        stack, servers = exits.enter_context(loaded_stack(load, farm))
        peer = None
        if plan.with_peer:
            peer = exits.enter_context(
                running_peer(load.peer_targets(farm), module=load.module, interval=load.interval)
            )
        hits: list[Hit] = []
        for _ in range(plan.rounds):
            hits += _watch_ours(findings, stack, peer, farm, plan)
            if peer:
                _watch_peer(findings, stack, peer, farm, plan)
    watched = {target: servers[target] for target in load.sound}
    windows = [(seen.window.begin, seen.window.end) for seen in findings.ours]
    findings.punctuality = punctuality(hits, watched, load.interval, windows)
    return findings


def _watch_ours(findings: Findings, stack: Stack, peer: System | None, farm: Farm, plan: Plan) -> list[Hit]:
    with peer.paused() if peer else nullcontext():
        before = machine_speed(stack.system)
        settle(findings.load)
        farm.new_hits()
        size, logged = stack.database.size(), stack.log.stat().st_size
        window = watch(stack.system, farm.pid, plan.seconds)
        findings.growth += stack.database.size() - size
        findings.memory, findings.failures = stack.system.memory(), stack.database.failures()
        time.sleep(LATE)
        findings.complaints += stack.complaints(after=logged)
        hits = farm.new_hits()
        findings.ours.append(Seen(window, _within(hits, window), (before + machine_speed(stack.system)) / 2))
    return hits


def _watch_peer(findings: Findings, stack: Stack, peer: System, farm: Farm, plan: Plan) -> None:
    with stack.system.paused():
        before = machine_speed(peer)
        settle(findings.load)
        farm.new_hits()
        window = watch(peer, farm.pid, plan.seconds)
        findings.peer_memory = peer.memory()
        probes = _within(farm.new_hits(), window)
        findings.peer.append(Seen(window, probes, (before + machine_speed(peer)) / 2))


def _within(hits: list[Hit], window: Window) -> int:
    return sum(window.begin <= hit.at < window.end for hit in hits)
