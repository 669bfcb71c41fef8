"""`python -m benchmarks.run SCENARIO...`: measures, prints a table, keeps every figure in benchmarks/results/."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.alerts import Flips, run_alerts
from benchmarks.dashboards import Storm, run_dashboards
from benchmarks.loads import NAMED, Load, parse_load
from benchmarks.peer import PACKAGES, installed
from benchmarks.report import summary, table
from benchmarks.running import Plan, run_load
from benchmarks.smoke import run_smoke

RESULTS = Path(__file__).resolve().parent / "results"
ALERT_LATENCY = "alert-latency"
ALERT_LOAD = Load(servers=1000)
DASHBOARDS = "dashboards"
DASHBOARDS_LOAD = Load(servers=1000, on_mariadb=True)
EVERY = ("1000@10", "5000@10", "mariadb-1000@10", "hanging", "silent-names", ALERT_LATENCY, DASHBOARDS)
EPILOG = f"""scenarios: {", ".join(EVERY)}; any other N@SECONDS, also with mariadb-, tls- or websocket- before it.
Without a scenario all of those named here are run."""


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__, epilog=EPILOG)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    parser.add_argument("--window", type=float, default=60.0, metavar="SECONDS", help="length of a window (60)")
    parser.add_argument("--rounds", type=int, default=2, metavar="N", help="windows of each system (2)")
    parser.add_argument("--flips", type=int, default=40, metavar="N", help="targets that fail in alert-latency (40)")
    parser.add_argument("--pages", type=int, default=200, metavar="N", help="open pages in dashboards (200)")
    parser.add_argument("--no-peer", action="store_true", help="do not run Prometheus and blackbox_exporter in turn")
    parser.add_argument("--smoke", action="store_true", help="a small run of everything with a verdict, for CI")
    options = parser.parse_args(given)
    for name in options.scenarios:
        try:
            _ = name in (ALERT_LATENCY, DASHBOARDS) or parse_load(name)
        except ValueError as error:
            parser.error(str(error))
    return options


def measure(scenario: str, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    if scenario == ALERT_LATENCY:
        for news in run_alerts(ALERT_LOAD, Flips(options.flips)):
            yield {"scenario": scenario, **news}
        return
    if scenario == DASHBOARDS:
        for phase in run_dashboards(DASHBOARDS_LOAD, Storm(options.pages, rounds=options.rounds)):
            yield {"scenario": scenario, **phase}
        return
    # A peer says nothing about who else suffers from servers in trouble.
    with_peer = not options.no_peer and scenario not in NAMED
    findings = run_load(parse_load(scenario), Plan(options.window, options.rounds, with_peer))
    for line in findings.complaints[:5]:
        print(f"the log complains: {line}", file=sys.stderr)
    yield summary(scenario, findings)


def run(options: argparse.Namespace) -> None:
    if not options.no_peer and not installed():
        sys.exit(f"{PACKAGES} are needed beside us (Debian: apt install {PACKAGES}), or use --no-peer")
    RESULTS.mkdir(exist_ok=True)
    began = datetime.now(UTC)
    results = []
    with (RESULTS / f"{began:%Y-%m-%dT%H%M%S}.jsonl").open("w") as file:
        for scenario in options.scenarios or EVERY:
            for result in measure(scenario, options):
                line = json.dumps({"at": datetime.now(UTC).isoformat(), "commit": commit(), **result})
                print(line, flush=True)
                print(line, file=file, flush=True)
                results.append(result)
    print(f"\n{table(results)}")


def commit() -> str:
    """What is measured; empty outside a git checkout."""
    if shutil.which("git") is None:
        return ""
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, cwd=RESULTS.parent, check=False).stdout.strip()


def _end(_signum: int, _frame: FrameType | None) -> None:
    """Leave through every `finally`: what was started is ended, what was stopped is continued."""
    sys.exit(1)


def main() -> int:
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _end)
    options = arguments(sys.argv[1:])
    if options.smoke:
        return run_smoke()
    run(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
