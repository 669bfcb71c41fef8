"""Many open pages: what they cost the database, and how long the web process takes to end."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import redis
from honcho.environ import parse_procfile

from healthcheck.broker import answers
from healthcheck.processes import dying_with_parent, end
from healthcheck.tests.stack import ROOT, RunningStack, wait_for
from monitors.live.bell import CHANNEL

pytestmark = [pytest.mark.stack, pytest.mark.mariadb]

STREAMS = 200
END_SECONDS = 5
CONNECTIONS = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = 'streams'"


class Web:
    """The web process of the Procfile, on a port of its own."""

    def __init__(self, stack: RunningStack, directory: Path) -> None:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = parse_procfile((ROOT / "Procfile").read_text()).processes["web"]
        command = command.replace("$HOST", "127.0.0.1").replace("$PORT", str(self.port))
        self.log = directory / "web.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*dying_with_parent(), *command.split()],
                cwd=ROOT,
                env=stack.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self._answers, what="the web process")

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def stream(self, token: str) -> Stream:
        return Stream(self.port, token)


class Stream:
    """One client that listens."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self._connection.request("GET", "/api/events/", headers={"Authorization": f"Token {token}"})
        self.response = self._connection.getresponse()
        assert self.response.status == 200
        assert self.response.readline().startswith(b"retry:")

    def event(self) -> tuple[str, dict[str, object]]:
        """The next event: its name and its data."""
        name = ""
        while line := self.response.readline().decode().strip("\n") or "-":
            key, _, value = line.partition(": ")
            if key == "event":
                name = value
            elif key == "data":
                return name, json.loads(value)
        raise AssertionError("unreachable")

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def stack(tmp_path, mariadb_server) -> Iterator[RunningStack]:
    mariadb_server.create("streams")
    stack = RunningStack(tmp_path, {}, mariadb_server.url("streams"))
    command = [*dying_with_parent(), sys.executable, "-m", "healthcheck.embedded_redis"]
    process = subprocess.Popen(command, cwd=ROOT, env=stack.environment, start_new_session=True)
    wait_for(lambda: answers(stack.redis_url), what="Redis")
    yield stack
    end([process], seconds=5)


@pytest.fixture
def token(stack) -> str:
    stack.manage("shell", "-c", "from django.contrib.auth.models import User; User.objects.create_superuser('reader')")
    return str(stack.manage("api_token", "reader").split()[-1])


def test_two_hundred_open_streams_hold_no_connection_hear_a_change_and_do_not_delay_the_end(stack, token, tmp_path):
    web = Web(stack, tmp_path)
    before = stack.sql(CONNECTIONS)
    with ExitStack() as opened:
        streams = [opened.enter_context(closing(web.stream(token))) for _ in range(STREAMS)]
        wait_for(lambda: stack.sql(CONNECTIONS) <= before, seconds=10, what="the connections given back")
        with redis.Redis.from_url(stack.redis_url) as client:
            wait_for(lambda: client.pubsub_numsub(CHANNEL)[0][1] == 1, what="the one subscription")
            client.publish(CHANNEL, json.dumps({"servers": [7]}))
        for stream in streams:
            name, data = stream.event()
            while data.get("servers") != [7]:
                name, data = stream.event()
            assert (name, data["down"], "board" in data) == ("change", 0, False)
        wait_for(lambda: stack.sql(CONNECTIONS) <= before, seconds=10, what="the connections given back again")
        os.kill(web.process.pid, signal.SIGTERM)
        web.process.wait(timeout=END_SECONDS)
    assert "Traceback" not in web.log.read_text()


def test_a_stranger_hears_nothing(stack, tmp_path):
    web = Web(stack, tmp_path)
    with closing(http.client.HTTPConnection("127.0.0.1", web.port, timeout=5)) as connection:
        connection.request("GET", "/api/events/")
        assert connection.getresponse().status == 401
    end([web.process], seconds=5)
