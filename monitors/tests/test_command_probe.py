"""`probe`: looks now, at real servers, and stores nothing."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from datetime import datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from monitors import recording
from monitors.engine.base import Outcome, Target
from monitors.engine.deny import DenyList
from monitors.models import PastOutcome, Server, ServerStatus
from monitors.survey import survey
from monitors.tests.builders import NOW, server
from monitors.tests.failing import Failure
from monitors.tests.misbehaving import Farm, answer, closed_port, hangs, says, upgrades


@pytest.fixture(scope="module")
def farm():
    with Farm() as farm:
        yield farm


@pytest.fixture(scope="module")
def web(farm):
    return farm.serve(says(answer(body=b"hello"))).port


def probe(*arguments: str) -> tuple[str, str]:
    """The output and the error, empty when there was none."""
    out = io.StringIO()
    try:
        call_command("probe", *arguments, stdout=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


@pytest.mark.django_db
class TestOne:
    def test_a_url_is_looked_at_stage_by_stage(self, web):
        out, error = probe(f"http://127.0.0.1:{web}/")
        assert error == ""
        assert [line.split("  ")[1] for line in out.splitlines()[1:4]] == ["Connect", "First byte or upgrade", "in all"]
        assert out.endswith("connected to 127.0.0.1\nwould be healthy: HTTP 200\n")

    def test_the_name_of_a_server_stands_for_its_address(self, web):
        server(host_name="웹", port=web, path="/health")
        out, error = probe("웹")
        assert error == ""
        assert out.startswith(f"웹 http://127.0.0.1:{web}/health\n")

    def test_a_failure_is_worded_and_fails(self):
        with closed_port() as port:
            out, error = probe(f"http://127.0.0.1:{port}/")
        assert "would be down: Connection refused: " in out
        assert error == f"http://127.0.0.1:{port}/ would be down."

    def test_how_an_answer_that_failed_began_is_shown_and_no_terminal_obeys_it(self, farm):
        body = "<h1>Out of order</h1>\n\x1b[2J\u202e점검 중".encode()
        url = f"http://127.0.0.1:{farm.serve(says(answer(503, body))).port}/"
        out, error = probe(url)
        assert error
        assert out.endswith("how the answer began:\n  | <h1>Out of order</h1>\n  | [2J점검 중\n")
        assert json.loads(probe(url, "--json")[0])["answer"] == "<h1>Out of order</h1>\n[2J점검 중"

    def test_a_certificate_is_told_with_its_end(self, farm, monkeypatch):
        monkeypatch.setenv("SSL_CERT_FILE", str(farm.authority.file))
        context = farm.authority.context("127.0.0.1", days=(-1, 30))
        url = f"https://127.0.0.1:{farm.serve(says(answer()), tls=context).port}/"
        out, error = probe(url)
        assert error == ""
        assert "the first to end is that of server of the tests:\n" in out
        assert re.search(r"certificate until 20\d\d-\d\d-\d\d .*, 29 days left\nwould be healthy", out)
        found = json.loads(probe(url, "--json")[0])
        assert datetime.fromisoformat(found["certificate_expires_at"]) > timezone.now()
        assert found["certificate_subject"] == "server of the tests"

    def test_json_has_the_names_of_the_api(self, web):
        found = json.loads(probe(f"http://127.0.0.1:{web}/", "--json")[0])
        assert list(found) == [
            "host_name",
            "url",
            "ok",
            "failure",
            "detail",
            "latency_ms",
            "stages",
            "status",
            "address",
            "answer",
            "certificate_expires_at",
            "certificate_subject",
        ]
        assert (found["ok"], found["status"], found["address"]) == (True, 200, "127.0.0.1")
        assert found["stages"]["tls"] is None
        assert found["stages"]["first_byte"] > 0

    def test_a_websocket_url_is_asked_for_its_own_path(self, farm):
        socket = farm.serve(upgrades())
        assert probe(f"ws://127.0.0.1:{socket.port}")[1] == ""
        assert probe(f"ws://127.0.0.1:{socket.port}/game?room=1")[1] == ""
        assert socket.paths == ["/", "/game?room=1"]

    def test_a_denied_address_is_down(self, settings):
        settings.PROBE_DENY_NETWORKS = ["127.0.0.0/8"]
        out, error = probe("https://127.0.0.1/")
        assert "would be down: Address not allowed" in out
        assert error

    def test_a_stored_address_that_cannot_be_read_is_down(self):
        Server.objects.create(host_name="odd", host="a b", port=1, type=9, environment="DEV")
        out, error = probe("odd")
        assert "would be down: Invalid address" in out
        assert error == "odd would be down."

    REFUSED = {  # sentence: (arguments, words)
        "nothing to look at": ((), "Give the name"),
        "a name and all": (("web-1", "--all"), "Give the name"),
        "an environment without all": (("web-1", "--environment=LIVE"), "goes with --all"),
        "an unknown name": (("chat-l",), "no server chat-l.*Did you mean chat-1"),
        "an unknown name like no other": (("zzz",), "no server zzz"),
        "another scheme": (("ftp://127.0.0.1/",), "http://"),
        "credentials": (("http://a:b@127.0.0.1/",), "user name"),
        "an address that is none": (("http://[::1/",), "not a URL|bracket"),
    }

    @pytest.mark.parametrize(("arguments", "words"), REFUSED.values(), ids=REFUSED)
    def test_what_cannot_be_looked_at_is_refused(self, arguments, words):
        server(host_name="chat-1")
        with pytest.raises(CommandError, match=words):
            call_command("probe", *arguments)


@pytest.mark.django_db
class TestAll:
    def test_the_worst_come_first_and_the_sum_last(self, web):
        for number in range(5):
            server(host_name=f"web-{number}", port=web)
        with closed_port() as port:
            server(host_name="zebra", port=port, environment="DEV")
            out, error = probe("--all")
            lines = out.splitlines()
            assert error == ""
            assert lines[0].startswith(f"would be down: zebra (http://127.0.0.1:{port}/): Connection refused")
            assert len([line for line in lines if line.startswith("would be healthy: web-")]) == 5
            assert lines[-1] == "5 would be healthy, 1 would be down"
            assert probe("--all", "--verbosity=0")[0] == "5 would be healthy, 1 would be down\n"
            assert probe("--all", "--environment=DEV")[0].endswith("0 would be healthy, 1 would be down\n")
            found = json.loads(probe("--all", "--json")[0])
        assert (found["healthy"], found["down"], found["unknown"]) == (5, 1, 0)
        assert found["servers"][0]["host_name"] == "zebra"

    def test_nothing_is_stored(self, web):
        target = server(port=web)
        recording.pause([target.pk], actor="alice", now=NOW)
        before = list(ServerStatus.objects.values())
        assert probe("--all")[0].endswith("1 would be healthy, 0 would be down\n")
        assert list(ServerStatus.objects.values()) == before
        assert not PastOutcome.objects.exists()

    def test_no_server_is_no_error(self):
        assert probe("--all") == ("0 would be healthy, 0 would be down\n", "")


def target(port: int, seconds: float = 5) -> Target:
    return Target(scheme="http", host="127.0.0.1", port=port, timeout=timedelta(seconds=seconds))


def test_a_survey_is_as_slow_as_its_slowest_and_keeps_the_order(farm, web):
    silent = farm.serve(hangs).port
    began = time.monotonic()
    targets = [target(silent, 0.5) if n % 4 == 0 else target(web) for n in range(80)]
    outcomes = survey(targets, deny=DenyList(), max_in_flight=100)
    assert time.monotonic() - began < 2.5
    assert [one.ok for one in outcomes] == [n % 4 != 0 for n in range(80)]
    assert {one.failure for one in outcomes} == {None, Failure.TIMEOUT_FIRST_BYTE}


def test_a_survey_waits_for_room_instead_of_dropping(farm):
    silent = farm.serve(hangs).port
    outcomes = survey([target(silent, 0.1) for _ in range(12)], deny=DenyList(), max_in_flight=3)
    assert [one.failure for one in outcomes] == [Failure.TIMEOUT_FIRST_BYTE] * 12


def test_a_survey_takes_what_is_known_already_and_leaves_no_thread():
    known = Outcome(Failure.INVALID_ADDRESS, timedelta(0))
    assert survey([known], deny=DenyList(), max_in_flight=1) == [known]
    assert survey([], deny=DenyList(), max_in_flight=1) == []
    assert "probe-engine" not in {thread.name for thread in threading.enumerate()}
