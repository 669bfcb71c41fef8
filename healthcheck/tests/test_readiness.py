from __future__ import annotations

import json
import os
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from healthcheck import readiness, restarts
from healthcheck.restarts import Report
from monitors import claiming, recording, skew
from monitors.dashboard import pulse
from monitors.models import ApiToken, Heartbeat, Server, ServerStatus
from monitors.templatetags.monitoring import skew_words
from monitors.tests.builders import NOW, SECOND, observation, see, server
from monitors.tests.people import client_of, person
from notifications import outbox
from notifications.models import Channel
from notifications.transports.slack.socket import state

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def broker(settings: Any, redis_server: str) -> None:
    settings.REDIS_URL = redis_server


def verdicts(now: datetime) -> dict[str, bool]:
    return {check.name: check.ok for check in readiness.checks(now)}


def failing(now: datetime) -> list[str]:
    return [name for name, ok in verdicts(now).items() if not ok]


def test_alive_asks_nothing(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_ready_while_ticks_come(client, broker):
    claiming.beat(timezone.now())
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.json()
    assert list(answer.json()["checks"]) == [
        *("database", "redis", "processes", "tick", "overdue_probe", "last_outcome", "pending_delivery"),
        *("slack_channels", "slack_socket"),
        *(["clock"] if connection.vendor == "mysql" else []),
    ]


def test_not_ready_without_a_broker(client):
    claiming.beat(timezone.now())
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["redis"] == {"ok": False, "state": "unreachable", "seconds": None}


def test_not_ready_while_redis_takes_no_messages_and_says_why(client, broker, settings):
    claiming.beat(timezone.now())
    with redis.Redis.from_url(settings.REDIS_URL) as server:
        server.config_set("maxmemory", "1")
        try:
            answer = client.get("/readyz")
        finally:
            server.config_set("maxmemory", "0")
    assert answer.status_code == 503
    assert answer.json()["checks"]["redis"] == {"ok": False, "state": "out_of_memory", "seconds": None}
    assert client.get("/readyz").status_code == 200


@pytest.fixture
def launcher(settings, tmp_path):
    """Writes reports as the launcher does that started us."""
    settings.DATA_DIR = tmp_path

    def write(report: Report) -> None:
        restarts.write(restarts.report_file(tmp_path), report)
        written = json.loads(restarts.report_file(tmp_path).read_text())
        restarts.report_file(tmp_path).write_text(json.dumps({**written, "launcher": os.getppid()}))

    return write


PROCESSES = {  # sentence: (process that ended just now, what is down, status, what /readyz says of the processes)
    "nothing happened": ("", {}, 200, {"ok": True}),
    "one ended and runs again": (
        "ticks",
        {},
        200,
        {"ok": True, "state": "ticks ended once in the last 10 minutes", "seconds": None},
    ),
    "one is down": (
        "",
        {"beat": "ended with exit code 1"},
        503,
        {"ok": False, "state": "beat is down: it ended with exit code 1", "seconds": None},
    ),
    "one is down that alerts do not need": (
        "",
        {"slack": "ended with exit code 1"},
        200,
        {"ok": False, "state": "slack is down: it ended with exit code 1", "seconds": None},
    ),
}


@pytest.mark.parametrize(("ended", "down", "status", "said"), PROCESSES.values(), ids=PROCESSES)
def test_processes_that_ended_are_named(client, broker, launcher, ended, down, status, said):
    launcher(Report({ended: [time.monotonic()]} if ended else {}, down))
    claiming.beat(timezone.now())
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["processes"]) == (status, said)


def test_not_ready_when_ticks_stop(broker):
    claiming.beat(NOW)
    assert failing(NOW + 10 * SECOND) == []
    assert failing(NOW + 11 * SECOND) == ["tick"]


def test_not_ready_before_the_first_tick(broker):
    assert failing(NOW) == ["tick"]


def test_not_ready_when_a_due_server_is_not_handed_out(broker):
    target = server()
    ServerStatus.objects.filter(server=target).update(next_probe_at=NOW)
    claiming.beat(NOW + 31 * SECOND)
    assert "overdue_probe" not in failing(NOW + 30 * SECOND)
    assert "overdue_probe" in failing(NOW + 31 * SECOND)
    recording.pause([target.pk], actor="", now=NOW)
    assert "overdue_probe" not in failing(NOW + 31 * SECOND)


def test_not_ready_when_servers_are_handed_out_and_never_looked_at(broker):
    """A prober that died: the tick goes on moving every server to its next slot."""
    target = server(interval_seconds=10, timeout_seconds=5)
    see(target, "+")
    Server.objects.update(created_at=NOW, updated_at=NOW)
    late = NOW + timedelta(seconds=10 + 5 + 31)
    claiming.beat(late)
    ServerStatus.objects.update(next_probe_at=late)
    assert failing(late - 2 * SECOND) == []
    assert failing(late) == ["last_outcome"]
    recording.record([observation(target.pk, late)])
    assert failing(late) == []


def test_not_ready_when_news_stay_untold(broker):
    Channel.objects.create(channel_id="C1")
    news = see(server(unhealthy_threshold=2), "--")
    later = timezone.now() + timedelta(minutes=6)
    claiming.beat(later)
    assert "pending_delivery" in failing(later), f"transition of {news} not handed over"
    outbox.fan_out_news(timezone.now())
    assert "pending_delivery" in failing(later), "handed over and not sent"


@pytest.fixture
def buttons(settings: Any) -> None:
    settings.SLACK_APP_TOKEN = "xapp-1"


def slack_socket(client: Client) -> dict[str, Any]:
    answer = client.get("/readyz")
    assert answer.status_code == 200, "alerts go out without buttons"
    return dict(answer.json()["checks"]["slack_socket"])


def test_buttons_that_nobody_wants_are_off(client, broker):
    claiming.beat(timezone.now())
    assert slack_socket(client) == {"ok": True, "state": "off", "seconds": None}


def test_how_the_connection_for_buttons_stands_is_told(client, broker, buttons):
    claiming.beat(timezone.now())
    assert slack_socket(client) == {"ok": False, "state": "not_running", "seconds": None}
    state.note(timezone.now(), error="invalid_auth")
    assert slack_socket(client) == {"ok": False, "state": "invalid_auth", "seconds": None}
    state.note(timezone.now(), connected_at=timezone.now() - 60 * SECOND)
    found = slack_socket(client)
    assert (found["ok"], found["state"]) == (True, "connected")
    assert 60 <= found["seconds"] < 120


def test_a_listener_that_died_is_not_taken_for_connected(buttons):
    state.note(NOW, connected_at=NOW)
    assert state.standing(NOW + state.FRESH).code == "connected"
    assert state.standing(NOW + state.FRESH + SECOND).code == "not_running"


def test_names_nobody(client, broker):
    Channel.objects.create(channel_id="C1SECRET")
    see(server(host_name="web-secret"), "---")
    assert "secret" not in client.get("/readyz").content.decode().lower()


def test_a_database_outage_is_told_and_not_raised(client, broker, monkeypatch):
    def away(_now: datetime) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(readiness, "tick_age", away)
    monkeypatch.setattr(connection, "close", lambda: None)  # the test's transaction lives in it
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == {"ok": False}


def test_metrics_need_a_token_or_a_session(client):
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert client_of("viewer").get("/metrics").status_code == 200
    visitor = Client()
    visitor.force_login(person("viewer"))
    assert visitor.get("/metrics").status_code == 200


def test_metrics_count_servers_outcomes_and_messages(client):
    Channel.objects.create(channel_id="C1")
    see(server(environment="LIVE", unhealthy_threshold=2), "--")
    server(environment="DEV")
    claiming.beat(timezone.now() - 5 * SECOND)
    outbox.fan_out_news(timezone.now())
    _, token = ApiToken.objects.issue(person())
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/openmetrics-text"}
    answer = client.get("/metrics", headers=headers)
    lines = dict(line.rsplit(" ", 1) for line in answer.content.decode().splitlines() if line[0] != "#")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert lines['healthcheck_servers{environment="LIVE",health="UNHEALTHY"}'] == "1.0"
    assert lines['healthcheck_servers{environment="DEV",health="UNKNOWN"}'] == "1.0"
    assert lines['healthcheck_servers{environment="STAGE",health="PAUSED"}'] == "0.0"
    assert 5 <= float(lines['healthcheck_heartbeat_age_seconds{part="tick"}']) < 60
    assert lines['healthcheck_deliveries{state="pending"}'] == "1.0"
    assert lines["healthcheck_open_incidents"] == "1.0"


def test_metrics_cost_the_same_for_any_number_of_servers(django_assert_num_queries):
    scraper = client_of()
    scraper.get("/metrics")
    for count in (1, 20):
        for _ in range(count):
            server()
        with django_assert_num_queries(15):
            scraper.get("/metrics")


# clocks


@pytest.mark.parametrize("hours", [-1, 1], ids=["long ago", "ahead"])
def test_a_tick_that_is_not_of_now_is_no_sign_of_life(broker, hours):
    claiming.beat(NOW + timedelta(hours=hours))
    assert failing(NOW) == ["tick"]


def test_outcomes_that_are_dated_later_than_now_are_no_sign_of_life(broker):
    target = server(interval_seconds=10, timeout_seconds=5)
    Server.objects.update(created_at=NOW, updated_at=NOW)
    late = NOW + timedelta(minutes=1)
    claiming.beat(late)
    ServerStatus.objects.filter(server=target).update(next_probe_at=late, last_checked_at=late + timedelta(hours=1))
    assert failing(late) == ["last_outcome"]


def test_not_ready_when_everything_is_planned_for_later_than_it_can_be(broker):
    target = server(interval_seconds=10)
    claiming.beat(NOW)
    ServerStatus.objects.filter(server=target).update(next_probe_at=NOW + 40 * SECOND)
    assert "overdue_probe" not in failing(NOW)
    ServerStatus.objects.filter(server=target).update(next_probe_at=NOW + timedelta(hours=1))
    assert "overdue_probe" in failing(NOW)


def test_no_age_is_negative(broker):
    see(server(), "--", start=NOW)
    claiming.beat(NOW)
    early = NOW - timedelta(hours=1)
    assert all((check.seconds or 0) >= 0 for check in readiness.checks(early) if check.name != "slack_socket")


@pytest.fixture
def skewed_by(monkeypatch):
    """Puts our own clock ahead of the database's by so many seconds."""

    def put(seconds: float) -> None:
        monkeypatch.setattr(skew, "_noted_at", {})
        monkeypatch.setattr(skew, "own", lambda: timedelta(seconds=seconds))

    return put


@pytest.mark.parametrize(("seconds", "ok"), [(4.9, True), (-4.9, True), (5.1, False), (-12.0, False)])
def test_our_own_clock_is_told_when_it_is_far_from_the_database_s(broker, skewed_by, seconds, ok):
    skewed_by(seconds)
    (clock,) = (check for check in readiness.checks(NOW) if check.name == "clock")
    assert (clock.ok, clock.seconds, clock.limit, clock.required) == (ok, abs(seconds), 5.0, False)


def test_a_host_whose_clock_is_far_from_the_database_s_is_told_until_it_is_mended(broker, skewed_by):
    skewed_by(12.0)
    skew.note("probes")
    skewed_by(0.0)
    now = timezone.now()
    claiming.beat(now)
    assert not verdicts(now)["clock"]
    told = pulse(now).skew
    assert told is not None
    assert told.seconds == 12.0
    assert skew_words(told).endswith("differs from the database's by 12 s. Set it by NTP.")
    skew.note("probes")
    assert verdicts(now)["clock"]
    assert pulse(now).skew is None


def test_a_host_that_is_gone_is_told_no_more_and_then_forgotten(skewed_by):
    skewed_by(12.0)
    skew.note("probes")
    later = timezone.now() + timedelta(minutes=3)
    claiming.beat(later)
    assert pulse(later).skew is None
    skew.forget_absent(later + timedelta(days=1))
    assert list(Heartbeat.objects.values_list("name", flat=True)) == ["tick"]


def test_a_host_notes_its_clock_now_and_then(skewed_by, django_assert_num_queries):
    skewed_by(1.0)
    skew.note("ticks")
    with django_assert_num_queries(0):
        skew.note("ticks")


def test_the_clock_of_this_machine_is_that_of_its_database():
    found = skew.own()
    assert (found is None) == (connection.vendor == "sqlite")
    assert abs(found or timedelta(0)) < timedelta(seconds=3)
