import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from notifications.tests import sockets
from notifications.tests.sockets import answering, page, serving
from notifications.tests.standin import Fault, Kind, Pace, Standin
from notifications.transports.slack import (
    DEFAULT_RETRY_AFTER,
    Account,
    Lookup,
    Reply,
    Verdict,
    find_message,
    messages,
    post_message,
    post_webhook,
    read_api_reply,
    read_webhook_reply,
    refusals,
    update_message,
)
from notifications.transports.slack.blocks import Message, header

SENT, RETRY, UNCERTAIN, GIVE_UP = Verdict.SENT, Verdict.RETRY, Verdict.UNCERTAIN, Verdict.GIVE_UP
MESSAGE = Message("chat-3 is down", [header("chat-3 is down")])
LIMIT = 1.0
"""Seconds, where time is to run out."""
AMPLE = 5.0

WEBHOOK_ANSWERS = {
    "ok": (200, "ok", None, Reply(SENT)),
    "a page with status 200": (200, "<html>Log in to the guest network</html>", None, Reply(UNCERTAIN, "bad_answer")),
    "almost ok": (200, "ok\n", None, Reply(UNCERTAIN, "bad_answer")),
    "nothing": (200, "", None, Reply(UNCERTAIN, "bad_answer")),
    "a refusal with status 200": (200, "no_service", None, Reply(GIVE_UP, "no_service")),
    "removed": (404, "no_service", None, Reply(GIVE_UP, "no_service")),
    "archived": (410, "channel_is_archived", None, Reply(GIVE_UP, "channel_is_archived")),
    "our bug": (400, "invalid_payload", None, Reply(GIVE_UP, "invalid_payload")),
    "deactivated": (403, "invalid_token\n", None, Reply(GIVE_UP, "invalid_token")),
    "limited": (429, "rate_limited", "7", Reply(RETRY, "rate_limited", timedelta(seconds=7))),
    "limited by a proxy": (429, "<html>", "7", Reply(RETRY, "ratelimited", timedelta(seconds=7))),
    "limited without a time": (429, "", None, Reply(RETRY, "ratelimited", DEFAULT_RETRY_AFTER)),
    "limited until a date": (
        429,
        "",
        "Fri, 31 Dec 2027 23:59:59 GMT",
        Reply(RETRY, "ratelimited", DEFAULT_RETRY_AFTER),
    ),
    "limited for days": (429, "", "999999", Reply(RETRY, "ratelimited", timedelta(hours=1))),
    "limited by an attacker": (429, "", "9" * 5000, Reply(RETRY, "ratelimited", DEFAULT_RETRY_AFTER)),
    "a passing error": (500, "rollup_error", None, Reply(RETRY, "rollup_error")),
    "trouble": (500, "Server Error", None, Reply(UNCERTAIN, "http_500")),
    "bad gateway": (502, "", None, Reply(UNCERTAIN, "http_502")),
    "unknown code": (400, "brand_new_error", None, Reply(RETRY, "brand_new_error")),
    "not Slack": (404, "<html>Not found: /services/T/B/secret</html>", None, Reply(RETRY, "http_404")),
    "moved": (302, "", None, Reply(RETRY, "http_302")),
}


@pytest.mark.parametrize(("status", "body", "retry_after", "reply"), WEBHOOK_ANSWERS.values(), ids=WEBHOOK_ANSWERS)
def test_webhook_answer(status, body, retry_after, reply):
    assert read_webhook_reply(status, body, retry_after) == reply


def refused(code: str, **more: object) -> dict[str, object]:
    return {"ok": False, "error": code, **more}


API_ANSWERS = {
    "ok": (200, {"ok": True, "ts": "1.2", "channel": "C1"}, {}, Reply(SENT, remote_id="1.2")),
    "ok without a ts": (200, {"ok": True}, {}, Reply(SENT)),
    "ok with another status": (500, {"ok": True}, {}, Reply(UNCERTAIN, "http_500")),
    "ok that is not true": (200, {"ok": "true"}, {}, Reply(UNCERTAIN, "bad_answer")),
    "empty": (200, {}, {}, Reply(UNCERTAIN, "bad_answer")),
    "error that is not text": (200, {"ok": False, "error": ["x"]}, {}, Reply(UNCERTAIN, "bad_answer")),
    "limited": (429, refused("ratelimited"), {"retry-after": "3"}, Reply(RETRY, "ratelimited", timedelta(seconds=3))),
    "limited with status 200": (200, refused("rate_limited"), {}, Reply(RETRY, "rate_limited", DEFAULT_RETRY_AFTER)),
    "busy": (503, refused("service_unavailable"), {}, Reply(RETRY, "service_unavailable")),
    "busy for a time": (
        503,
        refused("service_unavailable"),
        {"Retry-After": "60"},
        Reply(RETRY, "service_unavailable", timedelta(seconds=60)),
    ),
    "slow": (200, refused("request_timeout"), {}, Reply(RETRY, "request_timeout")),
    "perhaps": (200, refused("fatal_error"), {}, Reply(UNCERTAIN, "fatal_error")),
    "perhaps, too": (500, refused("internal_error"), {}, Reply(UNCERTAIN, "internal_error")),
    "unknown, with 500": (500, refused("brand_new_error"), {}, Reply(UNCERTAIN, "brand_new_error")),
    "unknown": (200, refused("brand_new_error"), {}, Reply(RETRY, "brand_new_error")),
    "scope": (
        200,
        refused("missing_scope", needed="chat:write", provided="channels:read"),
        {},
        Reply(GIVE_UP, "missing_scope", detail="chat:write"),
    ),
    "scope with something else in it": (
        200,
        refused("missing_scope", needed="https://hooks.slack.com/services/T/B/X"),
        {},
        Reply(GIVE_UP, "missing_scope"),
    ),
}


@pytest.mark.parametrize(("status", "payload", "headers", "reply"), API_ANSWERS.values(), ids=API_ANSWERS)
def test_api_answer(status, payload, headers, reply):
    assert read_api_reply(status, payload, headers) == reply


@pytest.mark.parametrize("code", sorted(refusals.FINAL))
def test_a_final_refusal_is_given_up_with_slacks_own_code(code):
    assert read_api_reply(200, refused(code), {}) == Reply(GIVE_UP, code)


JSON: st.SearchStrategy[object] = (
    st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()) | st.just({})
)


@given(st.integers(100, 599), st.dictionaries(st.sampled_from(["ok", "error", "ts", "needed"]), JSON), st.text())
def test_no_answer_is_sent_by_accident(status, payload, text):
    reply = read_api_reply(status, payload, {"Retry-After": text})
    assert (reply.verdict is SENT) == (status == 200 and payload.get("ok") is True)
    assert (read_webhook_reply(status, text, text).verdict is SENT) == (status == 200 and text == "ok")


@pytest.fixture(scope="module")
def running():
    with Standin() as standin:
        yield standin


@pytest.fixture
def slack(running):
    running.faults.clear()
    running.limiter.pace = Pace.UNLIMITED
    return running


def by_bot(slack: Standin, message: Message = MESSAGE, timeout: float = AMPLE, **more: Any) -> Reply:
    return post_message(Account(slack.token, slack.api_url, timeout), slack.channel, message, **more)


def by_webhook(slack: Standin, message: Message = MESSAGE, timeout: float = AMPLE) -> Reply:
    return post_webhook(slack.hook_url(), message, timeout)


WAYS = pytest.mark.parametrize("post", [by_bot, by_webhook])


def find(slack: Standin, delivery_id: int, **more: Any) -> Lookup:
    account = Account(slack.token, slack.api_url, AMPLE)
    return find_message(account, slack.channel, delivery_id, oldest=datetime.now(UTC) - timedelta(minutes=5), **more)


def test_a_message_is_found_by_its_delivery_among_many(slack):
    replies = {number: by_bot(slack, delivery_id=number) for number in range(1, 4)}
    for number in range(250):
        slack.workspace.call("chat.postMessage", {"channel": slack.channel, "text": f"chatter {number}"})
    assert find(slack, 2) == Lookup(replies[2].remote_id)
    assert find(slack, 9) == Lookup()


def test_another_monitor_s_message_of_the_same_number_is_not_ours(slack):
    ours = by_bot(slack, delivery_id=70, mark="f2a9")
    by_bot(slack, delivery_id=70, mark="77d0")
    by_bot(slack, delivery_id=70)
    assert find(slack, 70, mark="f2a9") == Lookup(ours.remote_id)
    assert find(slack, 70, mark="0000") == Lookup()


def test_a_look_that_takes_too_long_says_nothing(slack, monkeypatch):
    """Of eight pages it has time for two."""
    monkeypatch.setattr(messages, "LOOK_SECONDS", LIMIT)
    monkeypatch.setattr(messages, "PAGE_SIZE", 1)
    for number in range(8):
        by_bot(slack, delivery_id=80 + number)
    slack.faults.set(Fault(Kind.SLOW, method="conversations.history", seconds=LIMIT / 2))
    before = len(slack.ledger.entries())
    refusal = find(slack, 80).refusal
    assert refusal
    assert (refusal.verdict, refusal.code) == (UNCERTAIN, "timeout")
    assert len(slack.ledger.entries(after=before)) < 8


def test_an_answer_is_found_in_its_thread_and_shown_in_the_channel(slack):
    parent = by_bot(slack, delivery_id=1)
    answer = by_bot(slack, delivery_id=2, thread_ts=parent.remote_id)
    assert find(slack, 2, thread_ts=parent.remote_id) == Lookup(answer.remote_id)
    assert slack.ledger.posted()[-1].thread_ts == parent.remote_id
    assert find(slack, 2) == Lookup(answer.remote_id)


def test_what_forbids_to_look_is_said(slack, monkeypatch):
    monkeypatch.setattr(slack.workspace, "scopes", {"chat:write"})
    refusal = find(slack, 1).refusal
    assert refusal
    assert (refusal.verdict, refusal.code) == (GIVE_UP, "missing_scope")
    assert refusal.detail == "channels:history,groups:history"


def test_a_message_is_put_in_the_place_of_another(slack):
    reply = by_bot(slack, delivery_id=1)
    account = Account(slack.token, slack.api_url, AMPLE)
    changed = Message("chat-3 was down", [header("chat-3 was down")])
    assert update_message(account, slack.channel, reply.remote_id, changed, delivery_id=1).verdict is SENT
    assert update_message(account, slack.channel, "1.000000", changed).code == "message_not_found"
    assert find(slack, 1) == Lookup(reply.remote_id)
    assert slack.workspace.channels[slack.channel].messages[-1]["text"] == "chat-3 was down"


@WAYS
def test_a_message_arrives_whole(slack, post):
    reply = post(slack)
    entry = slack.ledger.entries()[-1]
    assert reply.verdict is SENT
    assert (entry.text, entry.blocks) == (MESSAGE.text, MESSAGE.blocks)
    assert reply.remote_id in (entry.ts, "")


def test_the_bots_message_has_an_id_and_metadata_that_can_be_read_back(slack):
    metadata = {"event_type": "health_delivery", "event_payload": {"delivery_id": "7", "mark": "f2a9"}}
    reply = by_bot(slack, delivery_id=7, mark="f2a9")
    found = slack.workspace.call("conversations.history", {"channel": slack.channel, "include_all_metadata": True})
    assert (found["messages"][0]["ts"], found["messages"][0]["metadata"]) == (reply.remote_id, metadata)


@WAYS
def test_a_message_that_no_wording_lets_through_raises_nothing(slack, post):
    text = "\N{GRINNING FACE}\ud800" * 4_000
    assert post(slack, Message(text, [])).verdict is SENT


FAULTS = {
    "limited": (Fault(Kind.RATE_LIMITED, seconds=2), RETRY, "rate_limited", False),
    "trouble": (Fault(Kind.STATUS, status=500), UNCERTAIN, "http_500", False),
    "trouble elsewhere": (Fault(Kind.STATUS, status=404), RETRY, "http_404", False),
    "moved": (Fault(Kind.STATUS, status=301), RETRY, "http_301", False),
    "a page": (Fault(Kind.STATUS, status=200), UNCERTAIN, "bad_answer", False),
    "archived": (Fault(Kind.ERROR, code="is_archived"), GIVE_UP, "is_archived", False),
    "unknown": (Fault(Kind.ERROR, code="brand_new_error"), RETRY, "brand_new_error", False),
    "perhaps": (Fault(Kind.RECORD_THEN_ERROR, code="fatal_error"), UNCERTAIN, "fatal_error", True),
    "cut after": (Fault(Kind.RECORD_THEN_CUT), UNCERTAIN, "connection_lost", True),
    "cut before": (Fault(Kind.CUT_BEFORE_RECORD), UNCERTAIN, "connection_lost", False),
    "hanging": (Fault(Kind.RECORD_THEN_HANG), UNCERTAIN, "timeout", True),
    "too slow": (Fault(Kind.SLOW, seconds=9), UNCERTAIN, "timeout", True),
    "slow enough": (Fault(Kind.SLOW, seconds=0.05), SENT, "", True),
}


@WAYS
@pytest.mark.parametrize(("fault", "verdict", "code", "posted"), FAULTS.values(), ids=FAULTS)
def test_fault(slack, post, fault, verdict, code, posted):
    slack.faults.set(fault)
    before = len(slack.ledger.entries())
    started = time.monotonic()
    reply = post(slack, timeout=LIMIT if code == "timeout" else AMPLE)
    assert time.monotonic() - started < LIMIT + AMPLE
    assert (reply.verdict, reply.code.replace("ratelimited", "rate_limited")) == (verdict, code)
    requests_made = slack.ledger.entries(after=before)
    assert [bool(entry.ts) for entry in requests_made] == [posted], "one attempt is one request"
    assert reply.retry_after == (timedelta(seconds=2) if fault.kind is Kind.RATE_LIMITED else None)


@WAYS
def test_refused_connections_are_tried_again_later(slack, post):
    slack.refuse()
    try:
        assert post(slack) == Reply(RETRY, "connection_error", detail="ConnectionRefusedError")
    finally:
        slack.accept()
    assert post(slack).verdict is SENT


def test_a_missing_scope_is_named(slack):
    slack.faults.set(Fault(Kind.ERROR, code="missing_scope", needed="chat:write"))
    assert by_bot(slack) == Reply(GIVE_UP, "missing_scope", detail="chat:write")


TOKENS = {"": "not_authed", " \n": "not_authed", "xoxb-wrong": "invalid_auth", "xoxb-a\r\nX: y": "invalid_auth"}


@pytest.mark.parametrize(("token", "code"), [*TOKENS.items(), ("xoxb-토큰", "invalid_auth")])
def test_a_token_that_cannot_work_is_given_up(slack, token, code):
    assert post_message(Account(token, slack.api_url), slack.channel, MESSAGE) == Reply(GIVE_UP, code)


@pytest.mark.parametrize("url", ["", "slack.com/api/", "ftp://slack.com/", "http://[::1", "http:///api/"])
def test_an_address_that_cannot_work_is_given_up(url):
    assert post_message(Account("xoxb-1", url), "C1", MESSAGE).code == "invalid_url"
    assert post_webhook(url, MESSAGE).code == "invalid_url"


BODIES = {
    "a list": b"[1]",
    "null": b"null",
    "deep": b"[" * 60_000,
    "a large number": b"9" * 5_000,
    "half an object": b'{"ok": true',
    "not UTF-8": b"\xff\xfe",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_an_answer_that_is_not_slacks_is_uncertain(body):
    with serving(answering(page("200 OK", body))) as port:
        reply = post_message(Account("xoxb-1", f"http://127.0.0.1:{port}/api/", AMPLE), "C1", MESSAGE)
    assert reply == Reply(UNCERTAIN, "bad_answer")


def test_the_token_does_not_follow_a_redirect():
    received: list[bytes] = []
    with serving(lambda connection: received.append(sockets.read_request(connection))) as elsewhere:
        for status in ("301 Moved Permanently", "302 Found", "307 Temporary Redirect"):
            away = page(status, b"", b"Location: http://127.0.0.1:%d/api/\r\n" % elsewhere)
            with serving(answering(away)) as port:
                reply = post_message(Account("xoxb-1", f"http://127.0.0.1:{port}/api/", AMPLE), "C1", MESSAGE)
            assert reply == Reply(RETRY, f"http_{status[:3]}")
    assert received == []


CANARY_TOKEN, CANARY_HOOK = "xoxb-canary-1", "T0canary/B0canary/canarycanary"
FAILING_SCRIPTS = [
    answering(),
    sockets.reset,
    sockets.silence,
    answering(b"220 not HTTP\r\n"),
    answering(page("200 OK", b"{", b"malformed header\r\n")),
    answering(page("302 Found", b"", b"Location: http://127.0.0.1:1/elsewhere\r\n")),
]


def every_failure(slack: Standin) -> list[Reply]:
    """Of both ways, with secrets that can be told from anything else."""
    addresses = [(slack.api_url, slack.hook_url(CANARY_HOOK))]
    replies = []
    for fault, *_expected in FAULTS.values():
        slack.faults.set(fault)
        replies += post_both(*addresses[0])
    for url in (
        "http://127.0.0.1:1",
        "https://127.0.0.1:1",
        "http://nobody.invalid",
        "http://127.0.0.1:99999",
        "ftp://x",
    ):
        replies += post_both(f"{url}/api/", f"{url}/services/{CANARY_HOOK}")
    for script in FAILING_SCRIPTS:
        with serving(script) as port:
            replies += post_both(f"http://127.0.0.1:{port}/api/", f"http://127.0.0.1:{port}/services/{CANARY_HOOK}")
    with serving(sockets.speak_first) as port:
        replies += post_both(f"https://127.0.0.1:{port}/api/", f"https://127.0.0.1:{port}/services/{CANARY_HOOK}")
    replies.append(post_message(Account(f"{CANARY_TOKEN}\nX: y", slack.api_url, LIMIT), "C1", MESSAGE))
    replies.append(post_message(Account(CANARY_TOKEN, f"ftp://{CANARY_TOKEN}/", LIMIT), "C1", MESSAGE))
    return replies


def post_both(base_url: str, hook_url: str) -> list[Reply]:
    return [
        post_message(Account(CANARY_TOKEN, base_url, 0.15), "C1", MESSAGE),
        post_webhook(hook_url, MESSAGE, 0.15),
    ]


def test_no_secret_is_in_any_reply_or_log_record(slack, caplog, capfd):
    """With every logger that could know one at DEBUG, whatever the settings say."""
    for name in (None, *logging.root.manager.loggerDict):
        caplog.set_level(logging.DEBUG, logger=name)
    slack.workspace.token = CANARY_TOKEN
    try:
        replies = every_failure(slack)
    finally:
        slack.workspace.token = "xoxb-stand-in"
    captured = capfd.readouterr()
    seen = "\n".join([caplog.text, captured.out, captured.err, *map(repr, replies)])
    assert {reply.verdict for reply in replies} >= {RETRY, UNCERTAIN, GIVE_UP}
    assert "canary" not in seen.lower()
    assert "/services/" not in seen
    requests.post(slack.hook_url(CANARY_HOOK), json={"text": "x"}, timeout=5)
    assert "canary" in caplog.text, "the test sees what urllib3 logs by itself"
