"""The monitor as it runs in production: the launcher with everything that it starts, on a database of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from benchmarks.databases import Database, mariadb, sqlite
from benchmarks.measure import System
from benchmarks.peer import free_port
from healthcheck.processes import dying_with_parent, end

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 90
SEED_SECONDS = 300
OURS = ("DATABASE_URL", "REDIS_URL", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "INVENTORY_URL", "SITE_URL", "HOST")
"""Variables that must not come in from the shell of whoever measures."""

COMPLAINTS = ("WARNING", "ERROR", "CRITICAL", "Traceback")
LABELS = {
    "healthcheck.launcher": "launcher",
    "uvicorn": "web",
    "--queues probes": "probes",
    "--queues ticks": "ticks",
    "healthcheck beat": "beat",
    "redis": "redis",
    "mariadbd": "mariadb",
}


def label(command: str) -> str:
    return next((name for part, name in LABELS.items() if part in command), "other")


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack; see `running_stack`."""

    system: System
    database: Database
    environment: Mapping[str, str]
    log: Path

    def seed(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
        """Register servers as an operator would. Returns all ids by name."""
        self.manage("seed_servers", "--format", "json", "-", given=json.dumps(rows))
        return self.database.servers()

    def manage(self, *arguments: str, given: str = "") -> str:
        """Run a command of manage.py beside the stack; returns what it printed."""
        command = [*dying_with_parent(), sys.executable, "manage.py", *arguments]
        finished = subprocess.run(
            command,
            cwd=ROOT,
            env=dict(self.environment),
            input=given,
            text=True,
            capture_output=True,
            timeout=SEED_SECONDS,
        )
        if finished.returncode:
            raise RuntimeError(f"manage.py {arguments[0]} failed: {finished.stderr[-2000:]}")
        return finished.stdout

    def complaints(self, after: int) -> list[str]:
        """Lines of the log, from that byte on, that are no mere notes."""
        lines = self.log.read_bytes()[after:].decode(errors="replace").splitlines()
        return [line for line in lines if any(word in line for word in COMPLAINTS)]


@contextmanager
def running_stack(
    *, interval: float, on_mariadb: bool = False, command_prefix: Sequence[str] = (), **variables: str
) -> Iterator[Stack]:
    """The stack on an empty database, ready, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        directory = Path(name)
        with mariadb() if on_mariadb else sqlite(directory / "data") as database:
            environment = {
                **{key: value for key, value in os.environ.items() if key not in OURS},
                "DATA_DIR": str(directory / "data"),
                "DEMO": "0",
                "PORT": str(free_port()),
                "ADMIN_PASSWORD": Fernet.generate_key().decode(),
                "PROBE_INTERVAL_SECONDS": f"{interval:g}",
                **database.variables,
                **variables,
            }
            with _launched(environment, directory / "log", command_prefix) as process:
                yield Stack(
                    System("ours", (process.pid, *database.pids), label), database, environment, directory / "log"
                )


@contextmanager
def _launched(environment: Mapping[str, str], log: Path, prefix: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*dying_with_parent(), *prefix, sys.executable, "-m", "healthcheck.launcher"],
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait_for(f"http://127.0.0.1:{environment['PORT']}/healthz", process, log)
        yield process
    finally:
        end([process], seconds=15)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the stack does not start:\n{log.read_text(errors='replace')[-3000:]}") from None
            time.sleep(0.2)
        else:
            return
