"""The real processes of the Procfile, without the web and the demonstration, over data of their own."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import redis
from cryptography.fernet import Fernet
from honcho.environ import parse_procfile

from healthcheck.broker import answers
from healthcheck.installation import redis_socket
from healthcheck.launcher import NO_ROOT_WARNING
from healthcheck.processes import dying_with_parent, end, signal_group

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("redis", "probes", "ticks", "beat")
STOP_SECONDS = 8
INHERITED = ("HOME", "LANG", "TMPDIR")


def clean_environment(**variables: str) -> dict[str, str]:
    """What a process of ours needs and nothing that this session was started with."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    return {**kept, "PATH": path, "PYTHONUNBUFFERED": "1", **NO_ROOT_WARNING, **variables}


def wait_for(found: Callable[[], Any], seconds: float = 30.0, *, what: str = "") -> Any:
    """The first true answer of `found`. Raises TimeoutError when there is none within `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what or found}")
        time.sleep(0.05)
    return answer


class RunningStack:
    """`start` and `stop` may be called again and again; the data stay."""

    def __init__(self, data_dir: Path, variables: Mapping[str, str], database_url: str | None = None) -> None:
        """`database_url` is None for SQLite in `data_dir`; else it names an existing database."""
        self.data_dir = data_dir
        self.redis_url = f"unix://{redis_socket(data_dir)}?db=0"
        self.vendor = "mysql" if database_url else "sqlite"
        self._database_url = database_url
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        secrets = {"SECRET_KEY": "only-for-tests", "ENCRYPTION_KEYS": Fernet.generate_key().decode()}
        database = {"DATABASE_URL": database_url} if database_url else {}
        self.environment = clean_environment(DATA_DIR=str(data_dir), **secrets, **database, **variables)
        self.manage("migrate", "--fake-initial", "--verbosity", "0")

    def manage(self, *arguments: str) -> str:
        """Run a command of manage.py; returns what it printed."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

    def start(self) -> None:
        self._start("redis")
        wait_for(lambda: answers(self.redis_url), what="Redis")
        for name in NAMES[1:]:
            self._start(name)

    def _start(self, name: str) -> None:
        command = parse_procfile((ROOT / "Procfile").read_text()).processes[name]
        with self.log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(
                f"exec {' '.join(dying_with_parent())} {command}",
                shell=True,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def log(self, name: str) -> Path:
        return self.data_dir / f"{name}.log"

    def logs(self) -> str:
        """The end of what every process said, for the report of a test that failed."""
        texts = ((name, self.log(name)) for name in NAMES)
        return "\n".join(f"== {name}\n{log.read_text()[-3000:]}" for name, log in texts if log.exists())

    def stop(self) -> None:
        """In order: the broker after those that use it."""
        broker = self._processes.pop("redis", None)
        end(list(self._processes.values()), seconds=STOP_SECONDS)
        self._processes.clear()
        if broker:
            end([broker], seconds=STOP_SECONDS)

    def kill(self) -> None:
        """As the power does it."""
        for process in self._processes.values():
            signal_group(process.pid, signal.SIGKILL)
        self.stop()

    def flush_broker(self) -> None:
        """Lose every message, claim and lock that is in Redis."""
        with redis.Redis.from_url(self.redis_url) as client:
            client.flushall()

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement as a stranger would: by the database's own client. Placeholders are `%s`."""
        if self._database_url:
            return self._mysql(statement, values)
        with closing(sqlite3.connect(self.data_dir / "db.sqlite3", timeout=20)) as connection, connection:
            return connection.execute(statement.replace("%s", "?"), values).fetchall()

    def _mysql(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        import MySQLdb  # noqa: PLC0415 - not on every machine

        url = urlsplit(self._database_url or "")
        socket = parse_qs(str(url.query))["unix_socket"][0]
        with (
            closing(MySQLdb.connect(unix_socket=socket, user="root", db=str(url.path)[1:], autocommit=True)) as session,
            closing(session.cursor()) as cursor,
        ):
            cursor.execute(statement, values)
            return list(cursor.fetchall())
