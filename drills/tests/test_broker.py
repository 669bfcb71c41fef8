"""The Redis of drill 6, a real one."""

import pytest
import redis

from drills.broker import Broker
from drills.stack import Stack
from healthcheck.embedded_redis import private_directory
from healthcheck.installation import redis_socket
from healthcheck.tests.mariadb import PrivateMariaDB
from healthcheck.tests.stack import clean_environment


@pytest.fixture
def stack(tmp_path):
    private_directory(redis_socket(tmp_path).parent)
    environment = clean_environment(DATA_DIR=str(tmp_path), SECRET_KEY="only-for-tests", PORT="8000")
    running = Stack(tmp_path, PrivateMariaDB(tmp_path, [], {}), environment)  # which nobody starts
    running.start_all(["redis"])
    yield running
    running.stop()


def value(stack):
    with redis.Redis.from_url(stack.redis_url) as client:
        return client.get("value")


@pytest.mark.parametrize(("keeps", "tear"), [(True, False), (True, True), (False, False)])
def test_it_comes_back_with_what_it_kept(stack, keeps, tear):
    broker = Broker(stack)
    broker.keep(not keeps)
    broker.keep(keeps)
    with redis.Redis.from_url(stack.redis_url) as client:
        client.set("value", "before")
        client.set("value", "torn off")
    broker.kill(tear=tear)
    assert broker.start()
    assert broker.is_torn is tear
    assert value(stack) == ((b"before" if tear else b"torn off") if keeps else None)
