import json
import signal
import subprocess
import sys
import threading
import time

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from notifications.tests.standin import Fault, Kind, Limiter, Pace, Standin
from notifications.tests.standin.faults import Faults


@pytest.fixture
def slack():
    with Standin() as standin:
        yield standin


@pytest.fixture
def client(slack):
    """Slack's own SDK, as it comes: what it understands is how Slack speaks."""
    return WebClient(slack.token, slack.api_url, retry_handlers=[])


def refusal(method, **arguments) -> str:
    with pytest.raises(SlackApiError) as caught:
        method(**arguments)
    return str(caught.value.response["error"])


def test_the_token_is_checked_and_its_scopes_are_told(slack, client):
    answer = client.auth_test()
    assert "chat:write" in answer.headers["X-OAuth-Scopes"]
    assert refusal(WebClient("xoxb-wrong", slack.api_url).auth_test) == "invalid_auth"
    assert refusal(WebClient("", slack.api_url).auth_test) == "not_authed"
    slack.workspace.scopes.remove("chat:write")
    assert refusal(client.chat_postMessage, channel=slack.channel, text="x") == "missing_scope"


def section(length: int) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": "x" * length}}


MESSAGES = {
    "no_text": {"text": ""},
    "msg_too_long": {"text": "x" * 40_001},
    "invalid_blocks_format": {"text": "x", "blocks": [["x"]]},
    "msg_blocks_too_long": {"text": "x", "blocks": [section(3_000)] * 5},
    "invalid_metadata_format": {"text": "x", "metadata": {"event_type": "x"}},
    "metadata_too_large": {"text": "x", "metadata": {"event_type": "x", "event_payload": {"x": "y" * 8_000}}},
}
BLOCKS = {
    "too many": [{"type": "divider"}] * 51,
    "long section": [section(3_001)],
    "empty section": [section(0)],
    "long header": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}],
    "long header of emoji": [{"type": "header", "text": {"type": "plain_text", "text": "😀" * 76}}],
    "mrkdwn header": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
    "unknown": [{"type": "blink"}],
    "unknown rich text": [{"type": "rich_text", "elements": [{"type": "text", "text": "x"}]}],
}


@pytest.mark.parametrize(("code", "message"), MESSAGES.items(), ids=MESSAGES)
def test_a_bad_message_is_refused(slack, client, code, message):
    if message["text"]:
        assert refusal(client.chat_postMessage, channel=slack.channel, **message) == code
    posted = requests.post(slack.hook_url(), json=message, timeout=5)
    if "metadata" not in message:
        assert (posted.status_code, posted.text) == (400, code)
    assert not slack.ledger.posted(slack.channel)


@pytest.mark.parametrize("blocks", BLOCKS.values(), ids=BLOCKS)
def test_bad_blocks_are_refused(slack, client, blocks):
    assert refusal(client.chat_postMessage, channel=slack.channel, text="x", blocks=blocks) == "invalid_blocks"


def test_where_it_may_not_post_it_is_refused(slack, client):
    add = slack.workspace.add_channel
    assert refusal(client.chat_postMessage, channel="C404", text="x") == "channel_not_found"
    assert refusal(client.chat_postMessage, channel=add("old", is_archived=True).id, text="x") == "is_archived"
    private = add("secret", is_private=True, is_member=False)
    assert refusal(client.chat_postMessage, channel=private.id, text="x") == "channel_not_found"
    public = add("town", is_member=False)
    assert client.chat_postMessage(channel=public.id, text="x")["ok"]
    slack.workspace.scopes.remove("chat:write.public")
    assert refusal(client.chat_postMessage, channel=public.id, text="x") == "not_in_channel"


def test_history_is_newest_first_with_metadata_on_request(slack, client):
    metadata = {"event_type": "x", "event_payload": {"id": "7"}}
    first = client.chat_postMessage(channel=slack.channel, text="first", metadata=metadata)["ts"]
    second = client.chat_postMessage(channel=slack.channel, text="second")["ts"]
    client.chat_postMessage(channel=slack.channel, text="reply", thread_ts=first)
    client.chat_update(channel=slack.channel, ts=second, text="mended")
    history = client.conversations_history(channel=slack.channel, include_all_metadata=True)["messages"]
    assert [message["text"] for message in history] == ["mended", "first"]
    assert history[1]["metadata"] == metadata
    newer = client.conversations_history(channel=slack.channel, oldest=first)["messages"]
    assert [message["ts"] for message in newer] == [second]
    assert "metadata" not in client.conversations_history(channel=slack.channel, latest=second)["messages"][0]
    thread = client.conversations_replies(channel=slack.channel, ts=first)["messages"]
    assert [message["text"] for message in thread] == ["first", "reply"]
    assert refusal(client.chat_update, channel=slack.channel, ts="1.0", text="x") == "message_not_found"
    assert len(slack.ledger.posted()) == 3


def test_lists_have_cursors_and_pages_that_are_short_or_empty(slack, client):
    for number in range(10):
        slack.workspace.add_channel(f"old-{number}", is_archived=True)
    slack.workspace.add_channel("latest")
    pages = [page["channels"] for page in client.conversations_list(limit=4, exclude_archived=True)]
    assert [[channel["name"] for channel in page] for page in pages] == [["general", "alerts"], [], [], ["latest"]]
    assert refusal(client.conversations_list, limit=1000) == "invalid_limit"
    assert refusal(client.conversations_list, cursor="x") == "invalid_cursor"


def test_channels_are_made_renamed_joined_and_archived(slack, client):
    made = client.conversations_create(name="ops")["channel"]
    assert client.conversations_rename(channel=made["id"], name="ops-live")["channel"]["name"] == "ops-live"
    assert client.conversations_archive(channel=made["id"])["ok"]
    assert client.conversations_info(channel=made["id"])["channel"]["is_archived"]
    assert refusal(client.conversations_archive, channel=made["id"]) == "already_archived"
    assert refusal(client.conversations_create, name="ops-live") == "name_taken"
    assert refusal(client.conversations_join, channel=made["id"]) == "is_archived"
    general = next(iter(slack.workspace.channels))
    assert refusal(client.conversations_archive, channel=general) == "cant_archive_general"


NAMES = {"": "invalid_name_required", "a" * 81: "invalid_name_maxlength", "Ops": "invalid_name_specials"} | {
    "a b": "invalid_name_specials",
    "--": "invalid_name_punctuation",
}


@pytest.mark.parametrize(("name", "code"), NAMES.items(), ids=NAMES.values())
def test_names_follow_slacks_rules(client, name, code):
    assert refusal(client.conversations_create, name=name) == code


def test_faults_end_by_themselves_or_when_cleared():
    faults = Faults()
    faults.set(Fault(Kind.STATUS))
    faults.set(Fault(Kind.ERROR, channel="C1", code="is_archived", times=2))
    kinds = [getattr(faults.take("chat.postMessage", channel), "kind", None) for channel in ("C1", "C2", "C1", "C1")]
    assert kinds == [Kind.ERROR, Kind.STATUS, Kind.ERROR, Kind.STATUS]
    faults.clear()
    assert faults.take("chat.postMessage", "C1") is None


def test_a_fault_can_be_for_one_method(slack, client):
    slack.faults.set(Fault(Kind.RECORD_THEN_ERROR, method="chat.postMessage", code="fatal_error"))
    assert refusal(client.chat_postMessage, channel=slack.channel, text="x") == "fatal_error"
    assert len(client.conversations_history(channel=slack.channel)["messages"]) == 1


def test_the_pace_is_one_message_a_second_and_channel(slack, client):
    slack.limiter.pace = Pace.STRICT
    client.chat_postMessage(channel=slack.channel, text="1")
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel=slack.channel, text="2")
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "1")
    assert client.chat_postMessage(channel=next(iter(slack.workspace.channels)), text="elsewhere")["ok"]
    assert [entry.outcome for entry in slack.ledger.entries()] == ["ok", "ratelimited", "ok"]


def test_a_burst_is_let_through_after_a_rest():
    limiter = Limiter(Pace.BURST)
    assert [limiter.wait("C1") for _ in range(6)] == [0, 0, 0, 0, 0, 1]


def test_waiting_ends_with_the_entry_or_with_the_time(slack):
    threading.Timer(0.05, requests.post, [slack.hook_url("T/B/X")], {"json": {"text": "late"}, "timeout": 5}).start()
    entries = slack.ledger.wait_for(lambda entries: len(entries) == 1)
    assert (entries[0].channel, entries[0].text, entries[0].outcome) == ("T/B/X", "late", "ok")
    with pytest.raises(TimeoutError):
        slack.ledger.wait_for(lambda entries: len(entries) == 2, timeout=0.01)


def test_the_control_port_answers_while_connections_are_refused_and_waits_for_news(slack):
    control = f"http://127.0.0.1:{slack.control_port}"
    threading.Timer(
        0.05, requests.post, [f"{control}/services/T/B/X"], {"json": {"text": "late"}, "timeout": 5}
    ).start()
    (entry,) = requests.get(f"{control}/ledger?wait=5", timeout=10).json()
    assert entry["text"] == "late"
    slack.refuse()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{slack.url}/ledger", timeout=5)
    assert requests.get(f"{control}/ledger?after=1&wait=0.01", timeout=5).json() == []
    slack.accept()
    assert requests.get(f"{slack.url}/ledger", timeout=5).status_code == 200


def test_it_runs_as_a_process_and_is_led_over_http():
    command = [sys.executable, "-m", "notifications.tests.standin", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            url = process.stdout.readline().split()[3].rstrip(",")
            assert lead(url, {"kind": "error", "code": "no_service", "channel": "T/B/X", "times": 1}) == (
                404,
                "no_service",
            )
            assert lead(url, {"kind": "ok"}) == (200, "ok")
            assert lead(url, {"pace": "strict"}) == (200, "ok")
            assert lead(url, {}) == (429, "rate_limited")
            ledger = requests.get(f"{url}/ledger?after=1", timeout=5).json()
            assert [entry["outcome"] for entry in ledger] == ["ok", "ok", "rate_limited"]
            requests.post(f"{url}/mode", json={"kind": "refuse", "seconds": 0.2, "pace": "unlimited"}, timeout=5)
            with pytest.raises(requests.ConnectionError):
                requests.get(f"{url}/ledger", timeout=5)
            time.sleep(0.4)
            assert requests.get(f"{url}/ledger", timeout=5).status_code == 200
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


def lead(url: str, mode: dict[str, object]) -> tuple[int, str]:
    """Set the mode and post by a webhook."""
    assert requests.post(f"{url}/mode", data=json.dumps(mode), timeout=5).json() == {"ok": True}
    answer = requests.post(f"{url}/services/T/B/X", json={"text": "x"}, timeout=5)
    return answer.status_code, answer.text
