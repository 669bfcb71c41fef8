"""The main job, end to end: real processes, a real server that goes down, a stand-in for Slack."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from healthcheck.tests import predecessor
from healthcheck.tests.mariadb import PrivateMariaDB
from healthcheck.tests.stack import RunningStack, wait_for
from notifications.tests.standin import Entry, Standin

pytestmark = pytest.mark.stack

QUIET_SECONDS = 3.0
"""After which a message that must not come would have come: three ticks."""

SENDING = "SELECT COUNT(*) FROM notifications_delivery WHERE state IN ('pending', 'sending')"


class Target(ThreadingHTTPServer):
    """A web server that can go out of order."""

    daemon_threads = True

    def __init__(self) -> None:
        self.healthy = True
        self.visits = 0
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    server: Target

    def do_GET(self) -> None:
        self.server.visits += 1
        self.send_response(200 if self.server.healthy else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Silence."""


@pytest.fixture(scope="module")
def slack() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


@pytest.fixture(scope="module", params=["sqlite", "mariadb"])
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, slack: Standin
) -> Iterator[RunningStack]:
    """Running processes that probe every second and tell the stand-in."""
    url = None
    if request.param == "mariadb":
        server: PrivateMariaDB = request.getfixturevalue("mariadb_server")
        server.create("smoke", *predecessor.DDL)  # an adopted one
        url = server.url("smoke")
    variables = {
        "SLACK_API_URL": slack.api_url,
        "SLACK_BOT_TOKEN": slack.token,
        "PROBE_INTERVAL_SECONDS": "1",
        "PROBE_TIMEOUT_SECONDS": "0.5",
        "HEALTHY_THRESHOLD": "2",
        "UNHEALTHY_THRESHOLD": "2",
    }
    running = RunningStack(tmp_path_factory.mktemp("stack"), variables, url)
    running.sql("INSERT INTO notifications (channel_id) VALUES (%s)", slack.channel)
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as server:
        yield server
        server.shutdown()


class Watched:
    """One server as the monitor sees it, and what Slack heard of it. Its row is a stranger's: plain SQL."""

    def __init__(self, name: str, target: Target, stack: RunningStack, slack: Standin) -> None:
        self.name, self._stack, self._slack = f"{name}-{stack.vendor}", stack, slack
        stack.sql(
            "INSERT INTO server_health (host_name, host, port, type, environment) VALUES (%s, %s, %s, 1, 'LIVE')",
            *(self.name, "http://127.0.0.1", target.port),
        )

    def health(self) -> str:
        rows = self._stack.sql(
            "SELECT health FROM monitors_serverstatus s JOIN server_health h ON h.id = s.server_id"
            " WHERE h.host_name = %s",
            self.name,
        )
        return str(rows[0][0]) if rows else ""

    def wait_for_health(self, health: str) -> None:
        try:
            wait_for(lambda: self.health() == health, what=f"{self.name} {health}")
        except TimeoutError as error:
            raise AssertionError(f"{error}; it is {self.health()!r}\n{self._stack.logs()}") from None

    def told(self) -> list[Entry]:
        return [entry for entry in self._slack.ledger.posted() if self.name in entry.text]

    def wait_for_messages(self, count: int) -> None:
        try:
            wait_for(lambda: len(self.told()) >= count, what=f"message {count} about {self.name}")
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self._stack.logs()}") from None

    def outages(self) -> list[str]:
        """`began` and `ended`, as the transitions tell them."""
        rows = self._stack.sql(
            "SELECT outage FROM monitors_statustransition WHERE host_name = %s AND outage <> '' ORDER BY at", self.name
        )
        return [str(row[0]) for row in rows]

    def expect_one_outage(self) -> None:
        """One failure and one recovery, and nothing after them."""
        time.sleep(QUIET_SECONDS)
        assert self.outages() == ["began", "ended"]
        failure, recovery = (entry.text for entry in self.told())
        assert "is down" in failure
        assert "is up again" in recovery


def test_a_failure_and_a_recovery_are_told_once_each(stack, slack, target):
    watched = Watched("web-smoke", target, stack, slack)
    watched.wait_for_health("HEALTHY")
    assert watched.told() == []
    target.healthy = False
    watched.wait_for_messages(1)
    assert watched.health() == "UNHEALTHY"
    target.healthy = True
    watched.wait_for_messages(2)
    assert watched.health() == "HEALTHY"
    watched.expect_one_outage()


def test_a_stranger_s_row_is_probed_within_a_tick(stack, slack, target):
    Watched("web-stranger", target, stack, slack)
    wait_for(lambda: target.visits, seconds=4, what="a probe")


def test_a_restart_in_the_middle_of_an_outage_neither_repeats_nor_forgets_it(stack, slack, target):
    watched = Watched("web-restart", target, stack, slack)
    watched.wait_for_health("HEALTHY")
    target.healthy = False
    watched.wait_for_messages(1)
    wait_for(lambda: stack.sql(SENDING) == [(0,)], what="Slack's answer stored")  # killed before, it might be repeated
    stack.kill()
    visits = target.visits
    stack.start()
    wait_for(lambda: target.visits >= visits + 3, what="probes after the restart")
    assert len(watched.told()) == 1
    target.healthy = True
    watched.wait_for_messages(2)
    watched.expect_one_outage()


def test_losing_every_message_in_redis_loses_no_news(stack, slack, target):
    watched = Watched("web-flush", target, stack, slack)
    watched.wait_for_health("HEALTHY")
    for healthy, count in ((False, 1), (True, 2)):
        target.healthy = healthy
        for _ in range(10):
            stack.flush_broker()
            time.sleep(0.25)
        watched.wait_for_messages(count)
    watched.expect_one_outage()
