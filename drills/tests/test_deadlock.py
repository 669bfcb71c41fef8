"""The deadlocks that a drill forces, with a real MariaDB and somebody who locks as the monitor does."""

import threading
from contextlib import closing

import pytest

from drills.deadlock import ORDERS, Deadlocks

pytestmark = pytest.mark.mariadb

LAST, FIRST = ORDERS[0]


@pytest.fixture
def database(mariadb_server):
    tables = [f"CREATE TABLE {name} (id INT PRIMARY KEY, n INT)" for name in (FIRST, LAST)]
    rows = [f"INSERT INTO {name} VALUES (1, 0)" for name in (FIRST, LAST)]
    mariadb_server.create("locked", *tables, *rows)
    return mariadb_server


class Somebody(threading.Thread):
    """Locks a row of `FIRST`, then changes one of `LAST`, over and over until it loses a deadlock."""

    def __init__(self, database):
        super().__init__(daemon=True)
        self._database = database
        self.lost = 0

    def run(self):
        import MySQLdb  # noqa: PLC0415 - missing where its C library is

        socket = str(self._database.socket)
        with closing(MySQLdb.connect(unix_socket=socket, user="root", database="locked")) as connection:
            while not self.lost:
                cursor = connection.cursor()
                try:
                    cursor.execute(f"SELECT * FROM {FIRST} FOR UPDATE")
                    cursor.execute(f"UPDATE {LAST} SET n = n + 1")
                    connection.commit()
                except MySQLdb.OperationalError as error:
                    self.lost = error.args[0]


def test_whoever_locks_in_the_other_order_loses(database):
    somebody = Somebody(database)
    somebody.start()
    deadlocks = Deadlocks(database, "locked")
    assert deadlocks.force(0)
    somebody.join(30)
    assert somebody.lost == 1213
    assert deadlocks.struck == [LAST]
