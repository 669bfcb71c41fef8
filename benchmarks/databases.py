"""Where a measured stack keeps its data, and how large that has become."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from healthcheck.tests.mariadb import private_mariadb

NAME = "monitor"
SERVERS = "SELECT host_name, id FROM server_health"
FAILURES = "SELECT failure, COUNT(*) FROM monitors_serverstatus GROUP BY failure"
MARIADB_SIZE = "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()"


@dataclass(frozen=True, slots=True)
class Database:
    variables: Mapping[str, str]
    """What tells the stack to use it."""
    ask: Callable[[str], list[Any]]
    """Rows of a query."""
    size: Callable[[], int]
    """Bytes in use. On MariaDB in steps of an extent (1 MiB for each large table)."""
    pids: tuple[int, ...] = ()
    """Its processes, where it has some that are not started by the stack."""

    def servers(self) -> dict[str, int]:
        """Ids by name."""
        return dict(self.ask(SERVERS))

    def failures(self) -> dict[str, int]:
        """How many servers failed in which way when last probed; `ok` are those that did not."""
        return {kind or "ok": count for kind, count in self.ask(FAILURES)}


@contextmanager
def sqlite(data_dir: Path) -> Iterator[Database]:
    """The default: a file in `data_dir`, made by the stack."""

    def ask(query: str) -> list[Any]:
        with closing(sqlite3.connect(f"file:{data_dir}/db.sqlite3?mode=ro", uri=True, timeout=20)) as connection:
            return connection.execute(query).fetchall()

    def size() -> int:
        """Pages in use, those that are still in the write-ahead log included."""
        used = "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count"
        return int(ask(used)[0][0] * ask("PRAGMA page_size")[0][0])

    yield Database({}, ask, size)


@contextmanager
def mariadb() -> Iterator[Database]:
    """A private server on a unix socket, as durable as it is by default. Raises MissingError where there is none."""
    with private_mariadb() as server:
        import MySQLdb  # noqa: PLC0415 - missing where its C library is

        def ask(query: str, database: str = NAME) -> list[Any]:
            socket = str(server.socket)
            with closing(MySQLdb.connect(unix_socket=socket, user="root", database=database)) as connection:
                cursor = connection.cursor()
                cursor.execute(query)
                return list(cursor.fetchall())

        def size() -> int:
            ask("ANALYZE TABLE " + ", ".join(table for (table,) in ask("SHOW TABLES")))
            return int(ask(MARIADB_SIZE)[0][0])

        ask(f"CREATE DATABASE {NAME}", database="mysql")
        ask("SET GLOBAL innodb_flush_log_at_trx_commit = 1", database="mysql")
        variables = {
            "DATABASE_URL": server.url(NAME),
            "SECRET_KEY": Fernet.generate_key().decode(),
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        }
        pid = int((server.socket.parent / "pid").read_text())
        yield Database(variables, ask, size, (pid,))
