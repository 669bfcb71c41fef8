"""What a process keeps locked when it stands still."""

import pytest
from django.db import OperationalError, connection

from monitors.models import Server

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def other():
    """A second session."""
    copy = connection.copy()
    yield copy
    copy.close()


def test_whoever_stands_still_in_a_transaction_does_not_keep_others_waiting(other):
    if not getattr(connection, "mysql_is_mariadb", False):
        pytest.skip("only MariaDB ends a transaction that stands still")
    server = Server.objects.create(host_name="web", host="127.0.0.1", port=80, type=1, environment="LIVE")
    lock = f"SELECT id FROM {Server._meta.db_table} WHERE id = %s FOR UPDATE"
    with connection.cursor() as waiting, other.cursor() as still:
        still.execute("SELECT @@idle_transaction_timeout")
        assert still.fetchone() == (10,)
        still.execute("SET SESSION idle_transaction_timeout = 1")
        still.execute("START TRANSACTION")
        still.execute(lock, [server.pk])
        waiting.execute(lock, [server.pk])
        assert waiting.fetchone() == (server.pk,)
        with pytest.raises(OperationalError):
            still.execute("COMMIT")
