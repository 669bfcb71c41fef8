"""`python -m drills.run [DRILL ...]`: breaks things on purpose, prints a line of figures for each drill and a table."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

from drills import answers, clock, infrastructure, kills, outage, suspend
from drills.ground import Options
from drills.result import Result, table
from healthcheck.processes import dying_with_parent
from healthcheck.tests.mariadb import MissingError

Drill = Callable[[Options], Iterator[Result]]
DRILLS: dict[str, Drill] = {
    "1": kills.kill_workers_at_random,
    "2": kills.kill_between_recording_and_replying,
    "3": answers.take_slack_away,
    "4": answers.limit_the_pace,
    "5": outage.fail_everything,
    "6": infrastructure.kill_redis,
    "7": infrastructure.empty_redis,
    "8": infrastructure.kill_database,
    "11": answers.lose_the_answer,
    "12": kills.stop_between_claim_and_post,
    "14": answers.break_some_channels,
    "clock": clock.set_the_clock,
    "suspend": suspend.suspend_everything,
}
SHORT = ("1", "2", "4", "7", "8", "11", "14", "clock", "suspend")
"""What `--short` runs: the drills of CI."""
AT_ONCE = 3
"""Short drills side by side: most of their time they wait for leases to end."""
SHORT_SECONDS, LONG_SECONDS = 600, 4 * 3600
"""After which a drill is ended."""
SEED = 20261122
ROOT = Path(__file__).resolve().parent.parent


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m drills.run", description=__doc__)
    parser.add_argument("drills", nargs="*", metavar="DRILL", choices=[[], *DRILLS], help=", ".join(DRILLS))
    parser.add_argument("--short", action="store_true", help=f"fewer faults, as in CI; by default {' '.join(SHORT)}")
    parser.add_argument("--seed", type=int, default=SEED, metavar="N")
    parser.add_argument("--kills", type=int, metavar="N", help="faults to inject, instead of each drill's own number")
    parser.add_argument("--at-once", type=int, metavar="N", help=f"drills side by side (1; {AT_ONCE} with --short)")
    return parser.parse_args(given)


def run_one(name: str, options: Options) -> int:
    """Prints a line for each result; returns the exit code."""
    passed = True
    for result in DRILLS[name](options):
        print(result.line(), flush=True)
        for complaint in result.complaints():
            print(f"drill {name}: {complaint}", file=sys.stderr, flush=True)
        passed = passed and result.passed
    return 0 if passed else 1


class Side:
    """Drills in processes of their own, so that whatever one leaves behind dies with it."""

    def __init__(self, options: Options) -> None:
        self._given = ["--seed", str(options.seed), *(["--short"] if options.short else [])]
        self._given += ["--kills", str(options.kills)] if options.kills else []
        self._seconds = SHORT_SECONDS if options.short else LONG_SECONDS
        self._running: list[subprocess.Popen[bytes]] = []

    def run(self, name: str) -> tuple[bool, list[dict[str, Any]]]:
        """Passes the lines of figures on. Returns whether it passed, and the figures."""
        process = subprocess.Popen(
            [*dying_with_parent(), sys.executable, "-m", "drills.run", name, *self._given],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        self._running.append(process)
        try:
            output, _ = process.communicate(timeout=self._seconds)
        except subprocess.TimeoutExpired:
            process.terminate()
            output, _ = process.communicate()
            print(f"drill {name}: not over within {self._seconds} s", file=sys.stderr)
        lines = output.decode().splitlines()
        print("\n".join(lines), flush=True)
        return process.returncode == 0, [json.loads(line) for line in lines]

    def end(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.terminate()


def run_many(names: Sequence[str], options: Options, at_once: int) -> int:
    """Prints the table at the end; returns the exit code."""
    side = Side(options)
    with ThreadPoolExecutor(at_once) as pool:
        try:
            finished = list(pool.map(side.run, names))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            side.end()
            raise
    print(f"\n{table(row for _, rows in finished for row in rows)}")
    failed = [name for name, (passed, _) in zip(names, finished, strict=True) if not passed]
    print(f"{len(names) - len(failed)} passed, {len(failed)} failed" + (f": {' '.join(failed)}" if failed else ""))
    return 1 if failed else 0


def _end(_signum: int, _frame: FrameType | None) -> None:
    """Leave through every `finally`: what was started is ended, and its data are removed."""
    sys.exit(1)


def main() -> int:
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _end)
    given = arguments(sys.argv[1:])
    try:
        return run(given)
    except MissingError as missing:
        sys.exit(str(missing))


def run(given: argparse.Namespace) -> int:
    options = Options(given.seed, given.short, given.kills)
    names = given.drills or [name for name in DRILLS if not given.short or name in SHORT]
    if len(names) == 1:
        return run_one(names[0], options)
    return run_many(names, options, given.at_once or (AT_ONCE if given.short else 1))


if __name__ == "__main__":
    sys.exit(main())
