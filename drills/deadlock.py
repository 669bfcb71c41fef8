"""Deadlocks on purpose: rows that the monitor's transactions lock are taken in the opposite order, and MariaDB makes
the monitor's transaction its victim. Nothing is changed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from healthcheck.tests.mariadb import PrivateMariaDB

ORDERS = (
    # what the monitor locks last, and what it has locked by then
    ("notifications_delivery", "notifications"),  # a claim to send, and the hand-over of news
    ("monitors_rollup", "monitors_serverstatus"),  # the recording of outcomes
    ("monitors_statustransition", "notifications"),  # the hand-over
)
BALLAST = 5_000
"""Rows that we insert first and never commit: the victim is whoever has changed and locked less."""
CAUGHT_SECONDS = 4.0
"""How long somebody may take to wait for us; what is recorded waits no longer than 5 s for the database."""
PAUSE_SECONDS = 2.0
"""Between two attempts, for the monitor to catch up."""
POLL_SECONDS = 0.1
MOST_ATTEMPTS = 30
SURFACED = "(1213,"
"""In the log of a process that did not simply begin its transaction again."""
WAITING = (
    "SELECT COUNT(*) FROM information_schema.INNODB_LOCK_WAITS AS waits"
    " JOIN information_schema.INNODB_TRX AS waiter ON waiter.trx_id = waits.requesting_trx_id"
    " JOIN information_schema.INNODB_TRX AS us ON us.trx_id = waits.blocking_trx_id"
    " WHERE us.trx_mysql_thread_id = CONNECTION_ID() AND waiter.trx_tables_locked > 1"
)
"""Transactions that wait for us and hold locks in another table, which may be what we ask for next."""


class Deadlocks:
    """Forces them in `schema`; `struck` are the tables in which the monitor waited when it lost."""

    def __init__(self, database: PrivateMariaDB, schema: str) -> None:
        database.create("ballast", "CREATE TABLE ballast (id INT PRIMARY KEY)")
        self.struck: list[str] = []
        self._database, self._schema = database, schema

    def force(self, number: int) -> bool:
        """Try until the monitor has lost a deadlock, in one of `ORDERS` after the other. False when it never did."""
        order = ORDERS[number % len(ORDERS)]
        for _ in range(MOST_ATTEMPTS):
            if self._strikes(*order):
                self.struck.append(order[0])
                return True
            time.sleep(PAUSE_SECONDS)
        return False

    def _strikes(self, first: str, second: str) -> bool:
        """Whether somebody else than we was the victim of a deadlock. All that we did is undone."""
        import MySQLdb  # noqa: PLC0415 - missing where its C library is

        with self._connection() as ours:
            before = _deadlocks(ours)
            try:
                ours.execute("INSERT INTO ballast.ballast SELECT seq FROM seq_1_to_%s", [BALLAST])
                ours.execute(f"SELECT COUNT(*) FROM (SELECT 1 FROM {first} FOR UPDATE) AS locked")
                if not _somebody_waits(ours):
                    return False
                ours.execute(f"SELECT COUNT(*) FROM (SELECT 1 FROM {second} FOR UPDATE) AS locked")
            except MySQLdb.OperationalError:  # we lost, or waited in vain for somebody who keeps on working
                return False
            finally:
                ours.execute("ROLLBACK")
            return _deadlocks(ours) > before

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        """A cursor of its own session, outside of any transaction of the monitor."""
        import MySQLdb  # noqa: PLC0415

        socket = str(self._database.socket)
        with closing(MySQLdb.connect(unix_socket=socket, user="root", database=self._schema)) as connection:
            cursor = connection.cursor()
            cursor.execute("SET innodb_lock_wait_timeout = 3")
            yield cursor


def _somebody_waits(ours: Any) -> bool:
    deadline = time.monotonic() + CAUGHT_SECONDS
    while time.monotonic() < deadline:
        if _ask(ours, WAITING)[0]:
            return True
        time.sleep(POLL_SECONDS)
    return False


def _deadlocks(ours: Any) -> int:
    """Since MariaDB was started."""
    return int(_ask(ours, "SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'")[1])


def _ask(ours: Any, query: str) -> Sequence[Any]:
    """The first row."""
    ours.execute(query)
    row: Sequence[Any] = ours.fetchone()
    return row
