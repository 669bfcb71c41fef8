"""A private MariaDB: its own data directory and unix socket, no port, a clock in Korea as the customer's has."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType

from healthcheck.processes import dying_with_parent, end, signal_group

INSTALL_SECONDS = 120
START_SECONDS = 60
PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))


class MissingError(Exception):
    """This machine has no MariaDB server, or Python no driver for it."""


class PrivateMariaDB:
    """May be killed and started again: the data stay."""

    def __init__(self, directory: Path, command: Sequence[str], variables: Mapping[str, str]) -> None:
        self.socket = directory / "socket"
        self._log = directory / "log"
        self._command = [*command, *_server_options(directory)]
        self._variables = dict(variables)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it takes connections."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [*dying_with_parent(), *self._command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "TZ": "Asia/Seoul", **self._variables},
                start_new_session=True,
            )
        _wait(self._process, self.socket, self._log)

    def stop(self) -> None:
        if self._process:
            end([self._process], seconds=20)

    def signal(self, number: signal.Signals) -> None:
        if self._process:
            signal_group(self._process.pid, number)

    def kill(self) -> None:
        """As the power does it."""
        self.signal(signal.SIGKILL)
        if self._process:
            self._process.wait()

    def url(self, database: str) -> str:
        """The DATABASE_URL of `database`, which need not exist."""
        return f"mysql://root@localhost/{database}?unix_socket={self.socket}"

    def create(self, database: str, *statements: str) -> None:
        """Make `database` anew and run `statements` in it."""
        self._run(
            [f"DROP DATABASE IF EXISTS {database}", f"CREATE DATABASE {database}", f"USE {database}", *statements]
        )

    def run(self, database: str, *statements: str) -> None:
        """Run `statements` in a session as a stranger opens it, with the server's own clock."""
        self._run([f"USE {database}", *statements])

    def _run(self, statements: Sequence[str]) -> None:
        import MySQLdb  # noqa: PLC0415 - not on every machine

        connect = partial(MySQLdb.connect, user="root", charset="utf8mb4", autocommit=True)
        with closing(connect(unix_socket=str(self.socket))) as session, closing(session.cursor()) as cursor:
            for statement in statements:
                cursor.execute(statement)


def _program(name: str) -> str:
    path = shutil.which(name, path=PATH)
    if path is None:
        raise MissingError(f"{name} is missing: install mariadb-server-core and mariadb-client-core (Debian)")
    return path


@contextmanager
def private_mariadb(
    *, durable: bool = False, variables: Mapping[str, str] = MappingProxyType({})
) -> Iterator[PrivateMariaDB]:
    """Starts one and ends it. One that is not durable is faster and may forget its last second when it is killed.
    `variables` are added to its environment.

    Raises MissingError where this machine cannot.
    """
    server, install = _program("mariadbd"), _program("mariadb-install-db")
    try:
        import MySQLdb  # noqa: F401, PLC0415 - may be missing, and that is what is found out here
    except ImportError:
        raise MissingError("mysqlclient is not installed: ./setup.sh says what it needs") from None
    directory = Path(tempfile.mkdtemp(prefix="shm-mariadb-"))
    (directory / "tmp").mkdir()  # its own: a server that starts removes all temporary tables from its directory
    places = [f"--datadir={directory}/data", f"--tmpdir={directory}/tmp"]
    options = ["--no-defaults", *places, f"--user={getpass.getuser()}"]
    durability = f"--innodb-flush-log-at-trx-commit={int(durable)}"
    try:
        _install([install, *options])
        database = PrivateMariaDB(directory, [server, *options, durability], variables)
        try:
            database.start()
            yield database
        finally:
            database.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _install(command: list[str]) -> None:
    """Make the data directory. `--force`: a machine that cannot look its own name up is good enough."""
    done = subprocess.run(
        [*command, "--auth-root-authentication-method=normal", "--skip-test-db", "--force"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=INSTALL_SECONDS,
    )
    if done.returncode:
        raise RuntimeError(f"MariaDB's data directory could not be made:\n{done.stdout[-3000:]}")


def _server_options(directory: Path) -> list[str]:
    return [
        f"--socket={directory}/socket",
        f"--pid-file={directory}/pid",
        "--skip-networking",
        "--character-set-server=utf8mb4",
        "--collation-server=utf8mb4_general_ci",
        "--innodb-buffer-pool-size=64M",
        "--skip-log-bin",
        "--performance-schema=OFF",
    ]


def _wait(process: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
    import MySQLdb  # noqa: PLC0415

    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with closing(MySQLdb.connect(unix_socket=str(socket), user="root")):
                return
        except MySQLdb.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"MariaDB did not start:\n{log.read_text(errors='replace')[-3000:]}") from None
            time.sleep(0.1)
