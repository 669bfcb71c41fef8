"""Where a measured stack keeps its data, and how large that has become."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from healthcheck.tests.mariadb import private_mariadb

NAME = "monitor"
SERVERS = "SELECT host_name, id FROM server_health"
MARIADB_SIZE = "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = %s"


@dataclass(frozen=True, slots=True)
class Database:
    variables: Mapping[str, str]
    """What tells the stack to use it."""
    servers: Callable[[], dict[str, int]]
    """Ids by name."""
    size: Callable[[], int]
    """Bytes in use. On MariaDB in steps of an extent (1 MiB for each large table)."""
    pids: tuple[int, ...] = field(default=())
    """Its processes, where it has some that are not started by the stack."""


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

    yield Database({}, lambda: dict(ask(SERVERS)), size)


@contextmanager
def mariadb() -> Iterator[Database]:
    """A private server on a unix socket, as durable as it is by default. Raises MissingError where there is none."""
    with private_mariadb() as server:
        import MySQLdb  # noqa: PLC0415 - missing where its C library is

        def ask(query: str, *values: str) -> list[Any]:
            with closing(MySQLdb.connect(unix_socket=str(server.socket), user="root", autocommit=True)) as connection:
                cursor = connection.cursor()
                cursor.execute(query, values)
                return list(cursor.fetchall())

        def size() -> int:
            tables = ask("SELECT table_name FROM information_schema.tables WHERE table_schema = %s", NAME)
            ask("ANALYZE TABLE " + ", ".join(f"{NAME}.{table}" for (table,) in tables))
            return int(ask(MARIADB_SIZE, NAME)[0][0])

        ask(f"CREATE DATABASE {NAME}")
        ask("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
        variables = {
            "DATABASE_URL": server.url(NAME),
            "SECRET_KEY": Fernet.generate_key().decode(),
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        }
        pid = int((server.socket.parent / "pid").read_text())
        yield Database(
            variables, lambda: dict(ask(f"{SERVERS.replace('server_health', NAME + '.server_health')}")), size, (pid,)
        )
