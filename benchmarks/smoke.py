"""A small run of everything, for CI: figures come out, and nothing is grossly wrong. It judges no speed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from benchmarks.alerts import Flips, run_alerts
from benchmarks.dashboards import Storm, run_dashboards
from benchmarks.loads import Load
from benchmarks.peer import installed
from benchmarks.report import summary
from benchmarks.running import Plan, run_load

LOAD = Load(servers=50, interval=2)
PLAN = Plan(seconds=10, rounds=1)
FLIPS = Flips(count=1, threshold=2)
STORM = Storm(pages=5, changes=20, rounds=1)

Check = tuple[str, bool]


def run_smoke() -> int:
    """Prints every check and `N passed, N failed`; returns the exit code."""
    passed = failed = 0
    for name, ok in _checks():
        print(f"{'ok  ' if ok else 'FAIL'}  {name}", flush=True)
        passed, failed = passed + ok, failed + (not ok)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def _checks() -> Iterator[Check]:
    with_peer = installed()
    if not with_peer:
        print("no Prometheus and blackbox_exporter here: not compared", file=sys.stderr)
    plan = Plan(PLAN.seconds, PLAN.rounds, with_peer=with_peer)
    yield from _load_checks(summary("smoke", run_load(LOAD, plan)))
    for result in run_alerts(LOAD, FLIPS):
        shown = f"{result['news']} told within 5 s: {result['seconds']['max']} s"
        yield shown, result["told"] == 1 and result["seconds"]["max"] < 5
        yield f"nothing else told: {result['unexpected']}", result["unexpected"] == 0
    *_, result = run_dashboards(LOAD, STORM)
    shown = (
        f"{result['changes']} changes on every page within 5 s: {result['lag']['max']} s, {result['unseen']} not seen"
    )
    yield shown, result["changes"] == 2 * STORM.changes and result["unseen"] == 0 and result["lag"]["max"] < 5
    yield f"no slot missed meanwhile: {result['missed']} of {result['slots']}", result["missed"] == 0


def _load_checks(result: dict[str, Any]) -> Iterator[Check]:
    yield f"probes were counted: {result['probes']}", result["probes"] > 0
    yield f"under 5 % of the slots missed: {result['missed']} of {result['slots']}", result["missed_percent"] < 5
    yield f"no slot probed twice: {result['repeated']}", result["repeated"] == 0
    yield f"lateness p99 under 2 s: {result['lateness']['p99']} s", result["lateness"]["p99"] < 2
    yield f"CPU measured: {result['cpu_ms']} ms per probe", result["cpu_ms"] > 0
    yield f"memory measured: {result['pss_mb']} MB", 0 < result["pss_mb"] < 2000
    growth = result["growth_bytes_per_1000_probes"]
    yield f"growth measured: {growth} bytes per 1,000 probes", 0 <= growth < 10_000_000
    yield f"no complaints in the log: {result['complaints']}", result["complaints"] == 0
    if "peer_cpu_ms" in result:
        yield f"peer measured: {result['peer_cpu_ms']} ms, ratio {result['ratio']}", result["peer_cpu_ms"] > 0
