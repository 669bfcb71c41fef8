"""Many open dashboards while many servers change: how far do pages lag behind, and do probes suffer?"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.farm import Farm, Hit, Mode, running_farm
from benchmarks.figures import percentile, punctuality
from benchmarks.loads import Load
from benchmarks.measure import Window, watch
from benchmarks.running import LATE, loaded_stack, settle
from benchmarks.stack import Stack
from benchmarks.viewers import Shown, Viewers, running_viewers

PATIENCE = 10.0
"""Seconds after a storm in which pages may still come to know of it."""
RECORDED = 1.0
"""A list that a page asked for so long after the hit has its outcome for certain: it is stored within half of that."""
LOG_IN = """
from django.contrib.auth.models import User
from django.test import Client
client = Client()
client.force_login(User.objects.get())
print(client.cookies["sessionid"].value)
"""
PHASES = ("closed", "open", "storm")
"""All pages closed; open while nothing changes; open in a storm."""


@dataclass(frozen=True, slots=True)
class Storm:
    """So many pages watch while so many servers fail within one interval and recover within the next."""

    pages: int = 200
    changes: int = 500
    rounds: int = 2


def changed_at(hits: Sequence[Hit], mode: Mode, window: Window) -> dict[int, float]:
    """When the first hit in the window met each target in `mode`; with thresholds of one, that hit is the change."""
    found: dict[int, float] = {}
    for hit in hits:
        if hit.mode is mode and window.begin <= hit.at < window.end:
            found.setdefault(hit.target, hit.at)
    return found


def lags(
    changed: Mapping[int, float], health: str, shown: Sequence[Shown], pages: int, end: float
) -> list[list[float | None]]:
    """For each page, seconds from each change (server id: instant) to the row that shows `health`; None where none came
    before `end`.

    A list that a page loaded anew says all of what was recorded when it asked, also by what is not on it.
    """
    rows: dict[tuple[int, int], float] = {}
    lists: list[list[tuple[float, float]]] = [[] for _ in range(pages)]
    for one in shown:
        if one.at >= end:
            continue
        if one.server == 0:
            lists[one.page].append((one.asked_at, one.at))
        elif one.health == health and changed.get(one.server, end) <= one.at:
            rows.setdefault((one.page, one.server), one.at)
    return [
        [_lag(at, rows.get((page, server)), sorted(lists[page])) for server, at in changed.items()]
        for page in range(pages)
    ]


def _lag(at: float, row: float | None, lists: Sequence[tuple[float, float]]) -> float | None:
    later = lists[bisect_left(lists, (at + RECORDED, 0.0)) :][:1]
    known = [seen for seen in (row, *(arrived for _, arrived in later)) if seen is not None]
    return min(known) - at if known else None


@dataclass
class Watched:
    """What was measured in one phase, over all rounds."""

    windows: list[Window] = field(default_factory=list)
    viewers_cpu: float = 0.0
    """Seconds."""
    lags: list[list[float | None]] = field(default_factory=list)
    """Of each page in each storm."""


@dataclass
class Findings:
    phases: dict[str, Watched] = field(default_factory=lambda: {phase: Watched() for phase in PHASES})
    hits: list[Hit] = field(default_factory=list)
    asked: list[Mapping[str, int]] = field(default_factory=list)
    """What the pages asked for in each round."""
    complaints: list[str] = field(default_factory=list)


def run_dashboards(load: Load, storm: Storm) -> Iterator[dict[str, Any]]:
    """Measure with all pages closed, with pages open, and in a storm; yields the figures of each."""
    findings = Findings()
    with running_farm(load.servers) as farm:
        thresholds = {"HEALTHY_THRESHOLD": "1", "UNHEALTHY_THRESHOLD": "1"}
        with loaded_stack(load, farm, **thresholds) as (stack, servers):
            session = stack.manage("shell", "--verbosity", "0", "--command", LOG_IN).split()[-1]
            logged = stack.log.stat().st_size
            for _ in range(storm.rounds):
                _round(findings, load, storm, Stage(stack, farm, servers, session))
            findings.complaints = stack.complaints(after=logged)
    for phase in PHASES:
        yield _figures(phase, findings, load, storm, servers)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where it is played."""

    stack: Stack
    farm: Farm
    servers: Mapping[int, int]
    session: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.stack.environment['PORT']}/"


def _round(findings: Findings, load: Load, storm: Storm, stage: Stage) -> None:
    phases = findings.phases
    settle(load)
    _watch(phases["closed"], stage, 2 * load.interval)
    time.sleep(LATE)
    with running_viewers(stage.url, storm.pages, stage.session) as viewers:
        settle(load)
        _watch(phases["open"], stage, 2 * load.interval, viewers)
        time.sleep(LATE)
        flipped = range(0, load.servers, max(1, load.servers // storm.changes))[: storm.changes]
        ends = []
        for mode in (Mode.FAIL, Mode.OK):
            stage.farm.set_mode(mode, flipped)
            _watch(phases["storm"], stage, load.interval, viewers)
            time.sleep(PATIENCE)
            ends.append(time.time())
        shown = viewers.close()
    findings.asked.append(viewers.asked)
    hits = stage.farm.new_hits()
    findings.hits += hits
    for mode, health, window, end in zip(
        (Mode.FAIL, Mode.OK), ("unhealthy", "healthy"), phases["storm"].windows[-2:], ends, strict=True
    ):
        changed = changed_at([hit for hit in hits if hit.target in flipped], mode, window)
        by_server = {stage.servers[target]: at for target, at in changed.items()}
        phases["storm"].lags += lags(by_server, health, shown, storm.pages, end)


def _watch(watched: Watched, stage: Stage, seconds: float, viewers: Viewers | None = None) -> None:
    before = viewers.cpu if viewers else 0.0
    watched.windows.append(watch(stage.stack.system, stage.farm.pid, seconds))
    watched.viewers_cpu += viewers.cpu - before if viewers else 0.0


def _figures(phase: str, findings: Findings, load: Load, storm: Storm, servers: Mapping[int, int]) -> dict[str, Any]:
    watched = findings.phases[phase]
    windows = [(window.begin, window.end) for window in watched.windows]
    kept = punctuality(findings.hits, servers, load.interval, windows)
    seconds = sum(end - begin for begin, end in windows)
    cpu: dict[str, float] = {}
    for window in watched.windows:
        for name, used in {**window.cpu, "farm": window.farm_cpu}.items():
            cpu[name] = cpu.get(name, 0.0) + used
    result: dict[str, Any] = {
        "phase": phase,
        "pages": 0 if phase == "closed" else storm.pages,
        "windows": [round(end - begin, 1) for begin, end in windows],
        "slots": kept.slots,
        "missed": kept.missed,
        "late": {key: round(getattr(kept, key), 4) for key in ("p50", "p95", "p99", "latest")},
        "late_p99_by_window": [
            round(punctuality(findings.hits, servers, load.interval, [window]).p99, 4) for window in windows
        ],
        "cpu_percent": {name: round(100 * used / seconds, 1) for name, used in cpu.items()},
        "viewers_cpu_percent": round(100 * watched.viewers_cpu / seconds, 1),
    }
    if phase == "storm":
        seen = [lag for page in watched.lags for lag in page if lag is not None]
        result |= {
            "changes": sum(len(page) for page in watched.lags) // max(1, storm.pages),
            "unseen": sum(lag is None for page in watched.lags for lag in page),
            "lag": {
                "p50": round(percentile(seen, 50), 3),
                "p95": round(percentile(seen, 95), 3),
                "max": round(max(seen, default=0.0), 3),
            },
            "worst_of_each_page_p50": round(
                percentile([max((lag for lag in page if lag is not None), default=0.0) for page in watched.lags], 50), 3
            ),
            "asked_by_round": findings.asked,
            "complaints": findings.complaints[:5],
        }
    return result
