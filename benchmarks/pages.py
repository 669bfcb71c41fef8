"""What the dashboard costs the web process: `python -m benchmarks.pages`.

The real web server on a database of its own with so many servers, their strips, incidents and sums; nothing is probed.
Windows of requests alternate between the fleets, so that the machine's moods hit both.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.measure import cpu_seconds
from benchmarks.peer import free_port
from healthcheck.processes import dying_with_parent, end

FLEETS = (100, 10_000)
WARM_UP = 5
PREPARE = """
import django; django.setup()
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from healthcheck.first_run import ensure_admin, migrate
migrate(); ensure_admin()
from django.contrib.auth.models import User
from monitors.tests.fleet import fleet
fleet({servers}, timezone.now(), down=5)
client = Client(); client.force_login(User.objects.get())
print(client.cookies["sessionid"].value)
"""


@dataclass(frozen=True, slots=True)
class Site:
    servers: int
    pid: int
    url: str
    session: str

    def ask(self) -> bytes:
        """The dashboard as a browser gets it, before compression."""
        request = urllib.request.Request(self.url, headers={"Cookie": f"sessionid={self.session}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            if answer.url != self.url:
                raise RuntimeError(f"sent away to {answer.url}")
            return bytes(answer.read())

    def cpu_ms(self, requests: int) -> float:
        """Of one request, on average."""
        before = cpu_seconds(self.pid)
        for _ in range(requests):
            self.ask()
        return (cpu_seconds(self.pid) - before) * 1000 / requests


@contextmanager
def running_site(servers: int) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="bench-pages-") as directory:
        port = free_port()
        environment = {
            **os.environ,
            "DATA_DIR": directory,
            "DJANGO_SETTINGS_MODULE": "healthcheck.settings",
            "ADMIN_PASSWORD": "only-for-this-run",
            "SITE_URL": f"http://127.0.0.1:{port}",
            "REDIS_URL": f"unix://{directory}/nobody.sock",
        }
        session = _prepare(servers, environment)
        command = [sys.executable, "-m", "uvicorn", "healthcheck.asgi:application", "--port", str(port)]
        options = ["--loop", "uvloop", "--http", "h11", "--lifespan", "off", "--log-level", "warning"]
        with (Path(directory) / "log").open("wb") as log:
            process = subprocess.Popen(
                [*dying_with_parent(), *command, *options], env=environment, stderr=log, start_new_session=True
            )
        try:
            site = Site(servers, process.pid, f"http://127.0.0.1:{port}/", session)
            _warm(site, process)
            yield site
        finally:
            end([process], seconds=10)


def _prepare(servers: int, environment: Mapping[str, str]) -> str:
    """Fill the database; returns the session of somebody who may see everything."""
    program = PREPARE.format(servers=servers)
    finished = subprocess.run([sys.executable, "-c", program], env=environment, text=True, capture_output=True)
    if finished.returncode:
        raise RuntimeError(finished.stderr[-2000:])
    return finished.stdout.strip().splitlines()[-1]


def _warm(site: Site, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            site.ask()
            break
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.2)
    for _ in range(WARM_UP):
        site.ask()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--requests", type=int, default=50, help="in a window (50)")
    parser.add_argument("--rounds", type=int, default=3, help="windows of each fleet (3)")
    options = parser.parse_args()
    with ExitStack() as stack:
        sites = [stack.enter_context(running_site(servers)) for servers in FLEETS]
        windows: dict[int, list[float]] = {site.servers: [] for site in sites}
        for _ in range(options.rounds):
            for site in sites:
                windows[site.servers].append(site.cpu_ms(options.requests))
        pages = {site.servers: site.ask() for site in sites}
    few, many = (median(windows[servers]) for servers in FLEETS)
    for servers, page in pages.items():
        figures = {"servers": servers, "cpu_ms": [round(value, 1) for value in windows[servers]]}
        print(json.dumps({**figures, "bytes": len(page), "gzipped": len(gzip.compress(page))}))
    print(json.dumps({"ratio": round(many / few, 2), "requests": options.requests}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
