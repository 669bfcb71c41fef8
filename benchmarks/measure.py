"""What processes cost, as the kernel counts it, and how fast the machine is just then."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
CALIBRATION_ROUNDS = 200_000
CALIBRATIONS = 50


class EndedError(RuntimeError):
    """A process that was being measured is gone."""


def tree(root: int) -> list[int]:
    """`root` and everything that descends from it, parents first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; none if the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads so far, those that ended included. Raises EndedError."""
    fields = _stat(pid)
    if not fields or fields[0] == "Z":
        raise EndedError(f"process {pid} ended while it was measured")
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def pss_bytes(pid: int) -> int:
    """Memory in which every shared page is divided among those that share it."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


@dataclass(frozen=True, slots=True)
class System:
    """Something to be measured: processes with all that descends from them, each counted under what `label` makes of
    its command line."""

    name: str
    roots: tuple[int, ...]
    label: Callable[[str], str]

    def pids(self) -> list[int]:
        return [pid for root in self.roots for pid in tree(root)]

    def memory(self) -> dict[str, int]:
        """PSS in bytes, by name."""
        total: dict[str, int] = {}
        for pid in self.pids():
            name = self.label(command(pid))
            total[name] = total.get(name, 0) + pss_bytes(pid)
        return total

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stopped by SIGSTOP, parents first, so that nobody sees a child stop; nothing is lost but time."""
        stopped = self.pids()
        try:
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in reversed(stopped):
                os.kill(pid, signal.SIGCONT)


@dataclass(frozen=True, slots=True)
class Window:
    """What a system used between two instants of the wall clock."""

    begin: float
    end: float
    cpu: Mapping[str, float]
    """Seconds, by process name."""
    farm_cpu: float


def watch(system: System, farm_pid: int, seconds: float) -> Window:
    """Measure `system` for so long. Raises EndedError when one of its processes ends meanwhile."""
    begin, before, farm_before = time.time(), _cpu_by_pid(system), cpu_seconds(farm_pid)
    time.sleep(seconds)
    end, after, farm_after = time.time(), _cpu_by_pid(system), cpu_seconds(farm_pid)
    cpu: dict[str, float] = {}
    for pid in before.keys() | after.keys():
        used = after[pid] if pid in after else cpu_seconds(pid)
        name = system.label(command(pid))
        cpu[name] = cpu.get(name, 0.0) + used - before.get(pid, 0.0)
    return Window(begin, end, cpu, farm_after - farm_before)


def _cpu_by_pid(system: System) -> dict[int, float]:
    return {pid: cpu_seconds(pid) for pid in system.pids()}


def calibrate() -> float:
    """CPU seconds of a fixed piece of work: what a second of this machine is worth just now."""
    begin = time.thread_time()
    total = 0
    for number in range(CALIBRATION_ROUNDS):
        total += number % 7
    return time.thread_time() - begin


def machine_speed(*stopped: System) -> float:
    """CPU seconds of `calibrate` while all of `stopped` stand still.

    Beside a busy one it would measure that one's load: the processors of a machine share more than they seem to.
    """
    with ExitStack() as still:
        for system in stopped:
            still.enter_context(system.paused())
        return median(calibrate() for _ in range(CALIBRATIONS))
