"""`make run`: sets the database up, then keeps the processes of the Procfile running until it is told to end.

Says where everything is, and ends with exit code 0 when asked to by SIGINT, SIGTERM or SIGHUP.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from honcho.environ import parse_procfile

from healthcheck.broker import problem
from healthcheck.embedded_redis import private_directory
from healthcheck.installation import private, redis_socket
from healthcheck.processes import dying_with_parent, end
from healthcheck.restarts import report_file
from healthcheck.stack import Stack
from healthcheck.variables import VariableError, bracketed

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NO_ROOT_WARNING = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser"}
"""Whoever starts it as root knows."""
FIRST_PASSWORD = "ADMIN_PASSWORD"  # noqa: S105 - a name
"""What only the first run is told."""
ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 60
FIRST_RUN_SECONDS = 7


class StartError(Exception):
    """Why the stack cannot start, in one sentence for whoever started it."""


def read_settings() -> Any:
    """The settings, without Django's machinery: it would stay in memory for as long as the stack runs."""
    try:
        from healthcheck import settings  # noqa: PLC0415 - importing it can fail, and that is to be told
    except VariableError as error:
        raise StartError(str(error)) from None
    return settings


def site(host: str, port: int) -> str:
    """The address to open on this machine."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, bracketed(host))  # noqa: S104
    return f"http://{shown}:{port}/"


@contextmanager
def only_one(data_dir: Path, address: str) -> Iterator[None]:
    """Holds the lock of `data_dir`. Raises StartError, which says where the stack runs, when another one holds it.

    The kernel drops the lock with the process, so that one which was killed leaves nothing to clean up.
    """
    with (private(data_dir) / "launcher.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            where = file.read().strip() or "a process that is just starting"
            raise StartError(f"already running in {data_dir}: {where}. Ctrl-C there ends it.") from None
        file.truncate(0)
        file.write(f"{address} (process {os.getpid()})")
        file.flush()
        yield
        file.truncate(0)


def check_port(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StartError(
            f"cannot listen on {host} port {port}: {reason}. Choose another one: PORT={port + 1} make run"
        ) from None


class EndRequest:
    """Whether somebody wants the end: by a signal to us, or to the `make` that started us."""

    def __init__(self) -> None:
        self._signalled = False
        self._make = os.getppid() if _command_of(os.getppid()) == "make" else None
        for signum in ENDING_SIGNALS:
            signal.signal(signum, self._note)

    def _note(self, _signum: int, _frame: FrameType | None) -> None:
        self._signalled = True

    def __call__(self) -> bool:
        return self._signalled or (self._make is not None and _is_ending(self._make))


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _is_ending(make: int) -> bool:
    """Whether our parent `make` is gone, or got a signal: it passes SIGTERM on, but for SIGINT and SIGHUP it counts on
    the terminal, and then waits for us for ever. While its handler runs, that signal is blocked."""
    try:
        status = Path(f"/proc/{make}/status").read_text()
    except OSError:
        return True
    blocked = int(next(line for line in status.splitlines() if line.startswith("SigBlk:")).split()[1], 16)
    return os.getppid() != make or any(blocked >> (signum - 1) & 1 for signum in ENDING_SIGNALS)


def first_run(environment: Mapping[str, str], end_request: EndRequest) -> dict[str, Any] | None:
    """Bring the database up to date in a process of its own; returns what `healthcheck.first_run` has to say, or None
    when the end was asked for meanwhile."""
    process = subprocess.Popen(  # noqa: S603
        [*dying_with_parent(), sys.executable, "-m", "healthcheck.first_run"],
        cwd=ROOT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    while process.poll() is None:
        if end_request():
            end([process], seconds=FIRST_RUN_SECONDS)
            return None
        time.sleep(0.05)
    answer, _ = process.communicate()
    if process.returncode:
        raise StartError("the database could not be set up; the lines above say why")
    return dict(json.loads(answer))


def announce(facts: Mapping[str, Any], address: str, data_dir: Path) -> None:
    username, password, demo = facts["username"], facts["password"], facts["demo"]
    lines = {
        "address": address,
        "login": f"{username} / {password}    (the password is shown this once)" if password else username,
        "data": str(data_dir),
    }
    if demo:
        lines["demo"] = f"{demo['servers']} demonstration servers; one fails and recovers again and again"
        if demo["page"]:
            lines["slack"] = f"{demo['page']} shows what Slack would have received"
    print("\nServer health monitor\n")
    for name, text in lines.items():
        print(f"  {name:<8} {text}")
    print(flush=True)


def tell_when_ready(stack: Stack, address: str, host_header: str) -> None:
    """Wait in a thread until the web process answers, then say so among the lines of the processes."""
    parts = urlsplit(address)

    def wait() -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2)
            try:
                connection.request("GET", "/healthz", headers={"Host": host_header})
                if connection.getresponse().status == http.HTTPStatus.OK:
                    stack.say(f"ready: {address}")
                    return
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            time.sleep(0.1)
        stack.say(f"the web process has not answered within {READY_SECONDS} s")

    threading.Thread(target=wait, daemon=True).start()


def commands(*, embedded_redis: bool, demo: bool, buttons: bool) -> dict[str, str]:
    """The processes to run, by name, in the order of the Procfile."""
    every: dict[str, str] = parse_procfile((ROOT / "Procfile").read_text()).processes
    wanted = {"redis": embedded_redis, "demo": demo, "slack": buttons}
    return {name: command for name, command in every.items() if wanted.get(name, True)}


def launch() -> int:
    end_request = EndRequest()
    settings = read_settings()
    address = site(settings.HOST, settings.PORT)
    with only_one(settings.DATA_DIR, address):
        check_port(settings.HOST, settings.PORT)
        embedded_redis = not settings.env.given("REDIS_URL")
        if embedded_redis:
            private_directory(redis_socket(settings.DATA_DIR).parent)
        environment = {
            **{name: value for name, value in os.environ.items() if name != FIRST_PASSWORD},
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
            "HOST": settings.HOST,
            "PORT": str(settings.PORT),
            "PYTHONUNBUFFERED": "1",
            "FORWARDED_ALLOW_IPS": ",".join(map(str, settings.TRUSTED_PROXIES)),  # uvicorn's own name for it
            **NO_ROOT_WARNING,
        }
        given = {FIRST_PASSWORD: os.environ[FIRST_PASSWORD]} if FIRST_PASSWORD in os.environ else {}
        facts = first_run({**environment, **given}, end_request)
        if facts is None:
            return 0
        announce(facts, address, settings.DATA_DIR)
        buttons = bool(settings.SLACK_APP_TOKEN or "SLACK_APP_TOKEN" in facts["variables"])
        stack = Stack(
            commands(embedded_redis=embedded_redis, demo=bool(facts["demo"]), buttons=buttons),
            {**environment, **facts["variables"]},
            broker="redis" if embedded_redis else None,
            broker_problem=lambda: problem(settings.REDIS_URL, writing=False),
            asked_to_end=end_request,
            report=report_file(settings.DATA_DIR),
            output=sys.stdout,
        )
        tell_when_ready(stack, address, urlsplit(settings.SITE_URL).netloc)
        return stack.run()


def main() -> int:
    os.chdir(ROOT)
    try:
        return launch()
    except (StartError, PermissionError) as error:
        print(f"make run: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
