"""A connection to Slack is kept, whatever becomes of it. Slack is the stand-in; the waits are short ones."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import replace
from queue import SimpleQueue

import pytest
from django.db import OperationalError
from django.utils import timezone

from healthcheck.tests.stack import wait_for
from monitors.tests.misbehaving import Authority
from notifications.models import SlackSocket
from notifications.tests.sockets import serving, silence
from notifications.tests.standin import Button, Fault, Kind, Standin
from notifications.transports.slack import Account
from notifications.transports.slack.socket import state
from notifications.transports.slack.socket.envelopes import Press
from notifications.transports.slack.socket.listener import Backoff, Listener, Patience

pytestmark = pytest.mark.django_db(transaction=True)

IMPATIENT = Patience(first=0.01, longest=0.05, refused=0.02, hello=2.0, ping=0.05, silence=5.0, noted=0.05)
OPEN = "apps.connections.open"
SECONDS = 10.0


@pytest.fixture
def slack():
    with Standin() as standin:
        yield standin


class Listening:
    """A listener in a thread of its own."""

    def __init__(self, account: Account, patience: Patience) -> None:
        self.presses: SimpleQueue[Press] = SimpleQueue()
        self.listener = Listener(account, self.presses.put, timezone.now, patience)
        self.thread = threading.Thread(target=self.listener.run, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.listener.stop()
        self.thread.join(SECONDS)
        assert not self.thread.is_alive()


@pytest.fixture
def listen(slack):
    running = []

    def start(token="", patience=IMPATIENT):
        running.append(Listening(Account(token or slack.socket.app_token, slack.api_url), patience))
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture
def listening(slack, listen):
    """Connected once already."""
    started = listen()
    slack.socket.wait_for(lambda: slack.socket.live)
    wait_for(lambda: standing() == "connected")
    return started


def standing():
    row = SlackSocket.objects.first()
    return row and ("connected" if row.connected_at else row.error)


def press(slack, action="acknowledge", value="7", **changes):
    return slack.socket.press(Button(action, value, slack.channel), **changes)


def check(slack, listening):
    """A press gets through, over a connection that stands or is about to."""
    slack.socket.wait_for(lambda: slack.socket.live)
    envelope_id = press(slack)
    assert listening.presses.get(timeout=SECONDS).envelope_id == envelope_id
    slack.socket.wait_for(lambda: envelope_id in slack.socket.acknowledged)


def opened(slack):
    return [entry for entry in slack.ledger.entries() if entry.method == OPEN]


def test_a_press_arrives_and_is_acknowledged(slack, listening):
    envelope_id = press(slack, "probe", "12")
    found = listening.presses.get(timeout=SECONDS)
    assert (found.envelope_id, found.action, found.subject_id) == (envelope_id, "probe", 12)
    assert (found.user, found.channel_id, found.thread_ts) == ("alice", slack.channel, "1700000000.000100")
    slack.socket.wait_for(lambda: slack.socket.acknowledged == [envelope_id])


@pytest.mark.parametrize("how", ["cut", "close"])
def test_a_connection_that_ends_is_followed_by_another(slack, listening, how):
    getattr(slack.socket, how)()
    slack.socket.wait_for(lambda: slack.socket.connections == 2 and slack.socket.live == 1)
    check(slack, listening)
    wait_for(lambda: standing() == "connected")


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
def test_the_next_connection_stands_before_one_that_slack_renews_is_closed(slack, listening, reason):
    slack.socket.send({"type": "disconnect", "reason": reason, "debug_info": {"host": "x"}})
    slack.socket.wait_for(lambda: slack.socket.connections == 2 and slack.socket.live == 1)
    assert slack.socket.most_at_once == 2
    check(slack, listening)


def test_presses_still_arrive_over_a_connection_that_slack_renews(slack, listen):
    listening = listen(patience=Patience(first=60.0))
    slack.socket.wait_for(lambda: slack.socket.live)
    slack.socket.send({"type": "disconnect", "reason": "refresh_requested"})
    check(slack, listening)
    assert slack.socket.connections == 1


@pytest.mark.parametrize("reason", ["link_disabled", "too_many_websockets", None])
def test_slack_may_end_it_for_other_reasons(slack, listening, reason):
    slack.socket.send({"type": "disconnect", "reason": reason})
    slack.socket.wait_for(lambda: slack.socket.connections == 2 and slack.socket.live == 1)
    check(slack, listening)


def test_it_comes_back_after_slack_could_not_be_reached(slack, listening):
    slack.refuse()
    slack.socket.cut()
    wait_for(lambda: standing() == "connection_error")
    slack.accept()
    check(slack, listening)
    wait_for(lambda: standing() == "connected")


REFUSALS = ["invalid_auth", "not_allowed_token_type", "account_inactive", "missing_scope", "internal_error", "new_one"]


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refused_token_is_one_line_in_the_log_and_tried_again(slack, listen, caplog, code):
    caplog.set_level(logging.INFO)
    slack.faults.set(Fault(Kind.ERROR, method=OPEN, code=code))
    listening = listen()
    slack.ledger.wait_for(lambda _: len(opened(slack)) >= 4)
    wait_for(lambda: standing() == code)
    slack.faults.clear()
    check(slack, listening)
    lines = [record for record in caplog.records if record.message == "not listening to Slack"]
    assert [getattr(line, "reason", "") for line in lines] == [code]


def test_what_a_refused_token_is_noted_for_stays_fresh_while_it_waits(slack, listen):
    slack.faults.set(Fault(Kind.ERROR, method=OPEN, code="invalid_auth"))
    listen(patience=Patience(noted=0.05))
    wait_for(lambda: standing() == "invalid_auth")
    first = SlackSocket.objects.get().seen_at
    wait_for(lambda: SlackSocket.objects.get().seen_at > first)
    assert len(opened(slack)) == 1


def test_a_bot_token_is_no_app_token(slack, listen):
    listen(token=slack.token)
    wait_for(lambda: standing() == "not_allowed_token_type")


def test_a_limit_is_obeyed(slack, listen):
    slack.faults.set(Fault(Kind.RATE_LIMITED, method=OPEN, seconds=1, times=1))
    listening = listen()
    check(slack, listening)
    first, second = opened(slack)
    assert second.monotonic - first.monotonic >= 1


@pytest.mark.parametrize("fault", [Fault(Kind.STATUS), Fault(Kind.CUT_BEFORE_RECORD)], ids=["503", "cut"])
def test_trouble_at_slack_is_waited_out(slack, listen, fault):
    slack.faults.set(Fault(fault.kind, method=OPEN, times=3))
    check(slack, listen())
    assert len(opened(slack)) == 4


GARBAGE = {
    "no JSON": "hello",
    "half of it": '{"type": "inter',
    "bytes": b"\xff\xfe\x00",
    "deep": "[" * 100_000,
    "deep object": '{"a":' * 100_000,
    "a list": "[1]",
    "a number": "1e999",
    "nothing": "{}",
    "strange type": '{"type": {"a": 1}}',
    "strange envelope": '{"type": "interactive", "envelope_id": ["x"], "payload": 7}',
    "no payload": '{"type": "interactive", "envelope_id": "e1"}',
    "payload of text": '{"type": "interactive", "envelope_id": "e2", "payload": "x"}',
    "an event": '{"type": "events_api", "envelope_id": "e3", "payload": {"type": "event_callback"}}',
    "lone surrogate": '{"type": "interactive", "envelope_id": "\\ud800", "payload": {}}',
}


def test_garbage_is_dropped_and_the_connection_stays(slack, listening, caplog):
    for garbage in GARBAGE.values():
        slack.socket.send(garbage)
    check(slack, listening)
    assert slack.socket.connections == 1
    assert slack.socket.acknowledged[:3] == ["e1", "e2", "e3"]
    lines = [record for record in caplog.records if record.message == "message of the socket dropped"]
    assert len(lines) == len({getattr(line, "reason", "") for line in lines}) < len(GARBAGE)


def test_a_broken_frame_ends_the_connection_and_nothing_else(slack, listening):
    slack.socket.babble()
    slack.socket.wait_for(lambda: slack.socket.connections == 2 and slack.socket.live == 1)
    check(slack, listening)


def test_a_connection_whose_other_side_went_silent_is_given_up(slack, listen):
    listening = listen(patience=replace(IMPATIENT, hello=0.7, silence=0.7))
    slack.socket.wait_for(lambda: slack.socket.live)
    slack.socket.silent = True
    wait_for(lambda: standing() == "no_hello")
    slack.socket.silent = False
    slack.socket.wait_for(lambda: slack.socket.connections > 2)
    wait_for(lambda: standing() == "connected")
    check(slack, listening)


def test_a_handshake_that_is_never_answered_is_given_up(slack, listening):
    with serving(silence) as port:
        slack.socket.elsewhere = f"ws://127.0.0.1:{port}"
        slack.socket.cut()
        wait_for(lambda: standing() == "no_hello")
        slack.socket.elsewhere = ""
    check(slack, listening)


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def test_a_connection_with_tls_is_used_left_and_followed_like_any_other(slack, listen, authority, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    slack.socket.elsewhere = f"wss://127.0.0.1:{slack.listen_tls(authority.context('127.0.0.1'))}"
    listening = listen(patience=replace(IMPATIENT, hello=0.7, silence=0.7))
    check(slack, listening)
    slack.socket.send({"type": "disconnect", "reason": "warning"})
    slack.socket.wait_for(lambda: slack.socket.connections == 2 and slack.socket.live == 1)
    check(slack, listening)
    slack.socket.silent = True
    wait_for(lambda: standing() == "no_hello")
    slack.socket.silent = False
    wait_for(lambda: standing() == "connected")
    check(slack, listening)


def test_a_socket_whose_certificate_nobody_trusts_is_not_used(slack, listen, authority):
    slack.socket.elsewhere = f"wss://127.0.0.1:{slack.listen_tls(authority.context('127.0.0.1'))}"
    listen()
    wait_for(lambda: standing() == "connection_error")
    assert slack.socket.connections == 0


@pytest.mark.parametrize("url", [None, 7, "", "http://127.0.0.1/", "ws://", "ws://[::1", "javascript:alert(1)"])
def test_what_is_no_address_of_a_socket_is_not_followed(slack, listen, monkeypatch, url):
    monkeypatch.setattr(slack.socket, "issue", lambda _port: {"ok": True, "url": url})
    listen()
    wait_for(lambda: standing() == "bad_answer")


def test_a_socket_without_tls_is_not_followed_where_slack_is_asked_with_it():
    listener = Listener(Account("xapp-1", "https://slack.com/api/"), lambda _press: None, timezone.now)
    assert not listener._may_be("ws://wss.slack.com/link/?ticket=1")
    assert listener._may_be("wss://wss.slack.com/link/?ticket=1")
    assert not listener._may_be("wss://[fd00:ec2::254]/link/?ticket=1")
    assert not listener._may_be("wss://metadata.google.internal/link/?ticket=1")


def test_no_thread_is_left_behind(slack, listen):
    before = set(threading.enumerate())
    listening = listen()
    for _ in range(5):
        slack.socket.wait_for(lambda: slack.socket.live)
        slack.socket.cut()
    check(slack, listening)
    listening.stop()
    left = {thread for thread in set(threading.enumerate()) - before if thread.name != "exchange"}
    assert left == set()


def test_no_secret_is_logged(slack, listen, caplog):
    for name in ("", "websocket", "slack_sdk", "slack_sdk.socket_mode.websocket_client", "notifications"):
        caplog.set_level(logging.DEBUG, logger=name)
    slack.socket.app_token = "xapp-canary"
    listening = listen()
    check(slack, listening)
    slack.socket.send(json.dumps({"type": "interactive", "payload": "canary"}))
    slack.socket.refusing = True
    slack.socket.cut()
    wait_for(lambda: standing() == "http_403")
    slack.socket.refusing = False
    check(slack, listening)
    slack.socket.close()
    check(slack, listening)
    assert caplog.records
    assert not [record for record in caplog.records if "canary" in f"{record.getMessage()} {vars(record)}"]


def test_a_database_that_is_away_ends_nothing(slack, listen, monkeypatch):
    def away(**_):
        raise OperationalError("away")

    monkeypatch.setattr(SlackSocket.objects, "update_or_create", away)
    listening = listen()
    check(slack, listening)
    slack.socket.cut()
    slack.socket.wait_for(lambda: slack.socket.connections == 2)
    check(slack, listening)


def test_it_ends_when_it_is_told_to_and_says_so(slack, listening):
    listening.stop()
    assert standing() == state.NOT_RUNNING
    slack.socket.wait_for(lambda: slack.socket.live == 0)


def test_waits_grow_and_begin_anew_after_a_stable_connection():
    backoff = Backoff(Patience())
    assert [backoff.after(0) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert backoff.after(59) == 60
    assert [backoff.after(lasted) for lasted in (60, 0, 3_600, 0)] == [1, 2, 1, 2]
