"""When a process that ended is started again, and what `/readyz` says of it.

The launcher writes a report into DATA_DIR and the web process reads it. Instants are seconds of the monotonic clock,
which all processes of one machine share and nobody sets.
"""

from __future__ import annotations

import json
import os
import signal
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds before a process is started again; each pause is twice the one before."""
WELL_SECONDS = 60.0
"""A process that has run for so long begins anew with the first pause."""
START_SECONDS = 30.0
"""A process that has run for so long has started: whatever ends it later is no mistake in the configuration."""
MOST_STARTS = 5
"""Starts that may fail in a row, in a process that has never started yet, before the whole stack gives up."""
REMEMBERED_SECONDS = 600.0
FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
"""Ended by one of these, a process was ended by somebody else: by a person, or by the kernel for want of memory."""


def how_it_ended(code: int) -> str:
    """In words, from what `Popen.returncode` says."""
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


@dataclass
class Restarts:
    """What one process came to so far."""

    first_pause: float = FIRST_PAUSE
    ends: deque[float] = field(default_factory=deque)
    """Instants within the last ten minutes at which it ended by itself."""
    _pause: float = 0.0
    """The next one; 0 for the first."""
    _failed_starts: int = 0
    _has_started: bool = False

    def after(self, began: float, ended: float, code: int) -> float | None:
        """Seconds after which to start it again; None when it cannot start at all."""
        lasted = ended - began
        self.ends.append(ended)
        self.forget(ended)
        if lasted >= WELL_SECONDS:
            self._pause = 0.0
        self._has_started = self._has_started or lasted >= START_SECONDS
        failed = code > 0 or (code < 0 and -code not in FROM_OUTSIDE)
        self._failed_starts = self._failed_starts + 1 if failed else 0
        if not self._has_started and self._failed_starts >= MOST_STARTS:
            return None
        pause = self._pause or self.first_pause
        self._pause = min(2 * pause, LONGEST_PAUSE)
        return pause

    def forget(self, now: float) -> None:
        """Drop what is too long ago to be reported."""
        while self.ends and self.ends[0] < now - REMEMBERED_SECONDS:
            self.ends.popleft()


@dataclass(frozen=True, slots=True)
class Report:
    """Of the processes that one launcher keeps running."""

    ends: Mapping[str, list[float]] = field(default_factory=dict)
    """By name of the process: when it ended by itself."""
    down: Mapping[str, str] = field(default_factory=dict)
    """Processes that do not run now, and how they ended."""

    def sentence(self, now: float) -> str:
        """What happened within the last ten minutes, for people; empty when nothing did."""
        recent = {
            name: sum(now - REMEMBERED_SECONDS <= at <= now for at in instants) for name, instants in self.ends.items()
        }
        parts = [f"{name} is down: it {how}" for name, how in self.down.items()]
        parts += [f"{name} ended {_times(count)} in the last 10 minutes" for name, count in recent.items() if count]
        return ", ".join(parts)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def report_file(data_dir: Path) -> Path:
    return data_dir / "processes.json"


def write(path: Path, report: Report) -> None:
    """Replace the report of this launcher at once: whoever reads finds the one before or this one."""
    written = {"launcher": os.getpid(), "ends": dict(report.ends), "down": dict(report.down)}
    new = path.with_suffix(".new")
    new.write_text(json.dumps(written))
    new.replace(path)


def read(path: Path, launcher: int) -> Report:
    """The report that the process `launcher` wrote; an empty one where there is none, such as in a container."""
    try:
        found: Any = json.loads(path.read_text())
        if found["launcher"] != launcher:  # left behind by one that was killed
            return Report()
        return Report(dict(found["ends"]), dict(found["down"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Report()
