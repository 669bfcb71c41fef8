"""What a process keeps locked when it stands still."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from healthcheck.settings import MYSQL_OPTIONS
from healthcheck.tests.mariadb import PrivateMariaDB

pytestmark = pytest.mark.mariadb

LOCK = "SELECT id FROM one_row WHERE id = 1 FOR UPDATE"


def connect(server: PrivateMariaDB) -> Any:
    import MySQLdb  # noqa: PLC0415 - not on every machine

    begin = MYSQL_OPTIONS["init_command"]
    return MySQLdb.connect(unix_socket=str(server.socket), user="root", database="locks", init_command=begin)


def test_whoever_stands_still_in_a_transaction_does_not_keep_others_waiting(mariadb_server):
    import MySQLdb  # noqa: PLC0415

    mariadb_server.create("locks", "CREATE TABLE one_row (id INT PRIMARY KEY)", "INSERT INTO one_row VALUES (1)")
    with closing(connect(mariadb_server)) as one, closing(connect(mariadb_server)) as other:
        still, waiting = one.cursor(), other.cursor()
        still.execute("SELECT @@idle_transaction_timeout")
        assert still.fetchone() == (10,)
        still.execute("SET SESSION idle_transaction_timeout = 1")
        still.execute("START TRANSACTION")
        still.execute(LOCK)
        waiting.execute(LOCK)
        assert waiting.fetchone() == (1,)
        with pytest.raises(MySQLdb.OperationalError):
            still.execute("COMMIT")
