"""The processes of the Procfile, each of which can be killed, stopped and started by itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import redis
from cryptography.fernet import Fernet
from honcho.environ import parse_procfile

from benchmarks.peer import free_port
from healthcheck.broker import answers
from healthcheck.installation import redis_socket
from healthcheck.processes import dying_with_parent, end, signal_group
from healthcheck.tests.mariadb import PrivateMariaDB, private_mariadb
from healthcheck.tests.stack import ROOT, clean_environment, wait_for

DATABASE = "drill"
START_SECONDS = 60
STOP_SECONDS = 8
SECOND = ":2"
"""Behind a name of the Procfile: one more of these."""
SENDERS = ("ticks", f"ticks{SECOND}")
"""Workers of the queues `ticks` and `deliveries`."""
WORKERS = ("probes", *SENDERS)
KILLED = (*WORKERS, "beat")
PROCESSES = ("redis", *WORKERS, "beat")
UNTOLD = (
    "SELECT (SELECT COUNT(*) FROM monitors_statustransition WHERE handed_over_at IS NULL)"
    " + (SELECT COUNT(*) FROM notifications_delivery WHERE state IN ('pending', 'sending', 'uncertain'))"
)


class Stack:
    """A running stack; see `running_stack`."""

    def __init__(self, directory: Path, database: PrivateMariaDB, variables: Mapping[str, str]) -> None:
        self.database = database
        self.redis_url = f"unix://{redis_socket(directory)}?db=0"
        self.url = f"http://127.0.0.1:{variables['PORT']}"
        self.token = ""
        self.directory = directory
        self._variables = dict(variables)
        self._commands = parse_procfile((ROOT / "Procfile").read_text()).processes
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def prepare(self, **wanted: Any) -> None:
        """Fill the database; see `drills.prepare`."""
        finished = subprocess.run(
            [*dying_with_parent(), sys.executable, "-m", "drills.prepare"],
            cwd=ROOT,
            env=self._variables,
            input=json.dumps(wanted),
            text=True,
            capture_output=True,
            check=False,
            timeout=600,
        )
        if finished.returncode:
            raise RuntimeError(f"the database cannot be filled:\n{finished.stderr[-3000:]}")
        self.token = finished.stdout.splitlines()[-1]

    def start(self, name: str, *, command: str = "", **variables: str) -> None:
        """By the Procfile's command, or this one. Only from a thread that lives as long as the process shall."""
        base, _, copy = name.partition(":")
        command = command or self._commands[base].replace(f"{base}@%h", f"{base}{copy}@%h")
        with self.log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(
                f"exec {' '.join(dying_with_parent())} {command}",
                shell=True,
                cwd=ROOT,
                env={**self._variables, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_all(
        self, names: Collection[str], of_each: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    ) -> None:
        """The broker first, and until it answers nothing else. `of_each`: variables of single processes, by name."""
        if "redis" in names:
            self.start("redis")
            wait_for(lambda: answers(self.redis_url), START_SECONDS, what="Redis")
        for name in names:
            if name != "redis":
                self.start(name, **of_each.get(name, {}))

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Nothing of it runs, neither its processes nor the broker nor the database, as on a machine that sleeps."""
        try:
            for name in self._processes:
                self.signal(name, signal.SIGSTOP)
            self.database.signal(signal.SIGSTOP)
            yield
        finally:
            self.database.signal(signal.SIGCONT)
            for name in self._processes:
                self.signal(name, signal.SIGCONT)

    def kill(self, name: str) -> None:
        """As the power does it."""
        process = self._processes[name]
        signal_group(process.pid, signal.SIGKILL)
        process.wait()

    def signal(self, name: str, number: signal.Signals) -> None:
        signal_group(self._processes[name].pid, number)

    def ended(self) -> list[str]:
        """Processes that are not running, though nobody stopped them."""
        return [name for name, process in self._processes.items() if process.poll() is not None]

    def stop(self) -> None:
        broker = self._processes.pop("redis", None)
        for process in self._processes.values():
            signal_group(process.pid, signal.SIGCONT)
        end(list(self._processes.values()), seconds=STOP_SECONDS)
        if broker:
            end([broker], seconds=STOP_SECONDS)

    def database_at(self, socket: Path) -> str:
        """The DATABASE_URL of the same database by way of another socket."""
        return f"mysql://root@localhost/{DATABASE}?unix_socket={socket}"

    def log(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def complaining(self, of: str) -> list[str]:
        """Processes that said something with this in it."""
        return [name for name in self._processes if of in self.log(name).read_text(errors="replace")]

    def has_told_all(self) -> bool:
        """Whether the monitor itself thinks that nothing is left to tell."""
        return self.ask(UNTOLD) == [(0,)]

    def ask(self, query: str) -> list[Any]:
        """Rows of a query by the database's own client."""
        import MySQLdb  # noqa: PLC0415 - missing where its C library is

        socket = str(self.database.socket)
        with closing(MySQLdb.connect(unix_socket=socket, user="root", database=DATABASE)) as connection:
            cursor = connection.cursor()
            cursor.execute(query)
            return list(cursor.fetchall())

    def listening(self) -> int:
        """How many workers wait for messages of the broker."""
        with redis.Redis.from_url(self.redis_url, socket_timeout=START_SECONDS) as client:
            return sum(one["cmd"] == "brpop" for one in client.client_list())

    def cut_database_connections(self) -> None:
        """All of them are killed, whatever they are doing."""
        import MySQLdb  # noqa: PLC0415

        with suppress(MySQLdb.OperationalError):  # the one that says so is among them
            self.ask("KILL CONNECTION USER root")

    def get(self, path: str, seconds: float = 30.0) -> tuple[int, Any]:
        """Status and JSON of the API's answer; None for what is no JSON. Raises OSError when there is no answer."""
        return self.call("GET", path, seconds=seconds)

    def call(self, method: str, path: str, body: Any = None, *, seconds: float = 30.0) -> tuple[int, Any]:
        """As `get`, with another method and a body of JSON."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            try:
                return error.code, json.loads(error.read())
            except ValueError:
                return error.code, None

    def wait_for_web(self) -> None:
        def answering() -> bool:
            try:
                return self.get("/healthz", seconds=2)[0] == 200
            except OSError:
                return False

        wait_for(answering, START_SECONDS, what="the web process")


@contextmanager
def running_stack(
    variables: Mapping[str, str], everywhere: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Stack]:
    """A stack over an empty MariaDB of its own; nothing of it runs yet. `everywhere`: of the database, too."""
    with ExitStack() as exits:
        directory = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="drill-")))
        database = exits.enter_context(private_mariadb(durable=True, variables=everywhere))
        database.create(DATABASE)
        environment = clean_environment(
            DATA_DIR=str(directory),
            DATABASE_URL=database.url(DATABASE),
            SECRET_KEY="only-for-drills",
            ENCRYPTION_KEYS=Fernet.generate_key().decode(),
            HOST="127.0.0.1",
            PORT=str(free_port()),
            DEMO="0",
            **variables,
            **everywhere,
        )
        environment["REDIS_URL"] = f"unix://{redis_socket(directory)}?db=0"
        stack = Stack(directory, database, environment)
        try:
            yield stack
        finally:
            stack.stop()
            if kept := kept_directory():
                for log in directory.glob("*.log"):
                    (kept / log.name).write_bytes(log.read_bytes())


def kept_directory() -> Path | None:
    """Where the logs of this drill go that would be gone with it otherwise: inside of DRILL_LOGS, if that is set."""
    if not (kept := os.environ.get("DRILL_LOGS")):
        return None
    directory = Path(kept) / f"drill-{os.getpid()}"
    directory.mkdir(parents=True, exist_ok=True)
    return directory
