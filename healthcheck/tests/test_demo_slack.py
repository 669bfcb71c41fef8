"""The demonstration's Slack takes what the outbox sends, and shows it as Slack would."""

from __future__ import annotations

import asyncio
import json
import queue
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from aiohttp import web
from playwright.sync_api import Browser

from healthcheck.demo import plan, slack
from notifications.transports.slack import (
    Account,
    Verdict,
    call,
    find_message,
    post_message,
    post_webhook,
    update_message,
)
from notifications.transports.slack.answers import post_response
from notifications.transports.slack.blocks import Message, actions, button, header, note
from notifications.transports.slack.socket.connection import Connection
from notifications.transports.slack.socket.envelopes import Press
from notifications.transports.slack.workspace.wording import SCOPES, describe_managing

LONG_AGO = datetime.now(UTC) - timedelta(minutes=5)


@pytest.fixture
def page() -> Iterator[str]:
    """The address of a page of its own, in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    runner = web.AppRunner(slack.application(), access_log=None, shutdown_timeout=0.2)

    async def start() -> str:
        await runner.setup()
        await web.TCPSite(runner, plan.HOST, 0).start()
        return f"http://{plan.HOST}:{runner.addresses[0][1]}/"

    yield asyncio.run_coroutine_threadsafe(start(), loop).result(5)
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def account(page: str) -> Account:
    return Account("xoxb-of-the-demonstration", f"{page}api/")


class Shown(HTMLParser):
    """Each message's text, with the number of messages that it stands beneath."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.messages: list[tuple[int, str]] = []
        self._inside: list[int] = []
        with urlopen(f"{page}messages") as answer:
            self.feed(answer.read().decode())

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "article":
            self._inside.append(len(self.messages))
            self.messages.append((len(self._inside) - 1, ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "article":
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if self._inside:
            depth, text = self.messages[self._inside[-1]]
            self.messages[self._inside[-1]] = (depth, re.sub(r"\s+", " ", f"{text} {data}"))


def say(text: str) -> Message:
    return Message(text, [header(text)])


def test_answers_stand_beneath_and_edits_in_place(page, account):
    first = post_message(account, plan.CHANNEL_ID, say("web is down"), delivery_id=1)
    post_message(account, plan.CHANNEL_ID, say("shop is down"), delivery_id=2)
    post_message(account, plan.CHANNEL_ID, say("web is up again"), delivery_id=3, thread_ts=first.remote_id)
    assert (
        update_message(account, plan.CHANNEL_ID, first.remote_id, say("web was down"), delivery_id=1).remote_id
        == first.remote_id
    )
    messages = Shown(page).messages
    assert [depth for depth, _ in messages] == [0, 0, 1]
    assert "shop is down" in messages[0][1]
    assert re.search(r"\(edited\).* web was down", messages[1][1])
    assert re.search("also sent to #demo-alerts .* web is up again", messages[2][1])


def test_what_may_have_arrived_is_found_in_the_channel_and_in_a_thread(account):
    posted = post_message(account, plan.CHANNEL_ID, say("web is down"), delivery_id=1)
    answer = post_message(account, plan.CHANNEL_ID, say("web is up again"), delivery_id=2, thread_ts=posted.remote_id)
    assert find_message(account, plan.CHANNEL_ID, 1, oldest=LONG_AGO).remote_id == posted.remote_id
    assert (
        find_message(account, plan.CHANNEL_ID, 2, oldest=LONG_AGO, thread_ts=posted.remote_id).remote_id
        == answer.remote_id
    )
    assert find_message(account, plan.CHANNEL_ID, 3, oldest=LONG_AGO).remote_id == ""


def test_what_a_restart_has_forgotten_is_gone_as_in_slack(account):
    gone = "1700000000.000001"
    assert update_message(account, plan.CHANNEL_ID, gone, say("web was down")).code == "message_not_found"
    assert post_message(account, plan.CHANNEL_ID, say("up"), thread_ts=gone).code == "message_not_found"
    assert find_message(account, plan.CHANNEL_ID, 1, oldest=LONG_AGO, thread_ts=gone).refusal is not None


def test_the_channel_is_one_that_is_told_exactly_once(account):
    identity = call(account, "auth.test")
    scopes = {name.lower(): value for name, value in identity.headers.items()}["x-oauth-scopes"]
    assert set(scopes.split(",")) == set(SCOPES), "nothing is warned of"
    assert call(account, "conversations.info", channel=plan.CHANNEL_ID).payload["channel"]["is_member"]
    assert call(account, "conversations.info", channel="C1").reply.code == "channel_not_found"


@pytest.mark.parametrize("method", ["archive", "create", "rename"])
def test_the_one_channel_stays_as_it_is_and_the_refusal_is_explained(account, method):
    refusal = call(account, f"conversations.{method}", channel=plan.CHANNEL_ID, name="night-watch").reply
    assert (refusal.verdict, refusal.code) == (Verdict.GIVE_UP, "restricted_action")
    assert "rules forbid it" in describe_managing(refusal.code)


def test_only_so_many_messages_are_kept_and_an_answer_outlives_its_question(page, account):
    first = post_message(account, plan.CHANNEL_ID, say("web is down"))
    post_message(account, plan.CHANNEL_ID, say("web is up again"), thread_ts=first.remote_id)
    for number in range(slack.KEPT - 1):
        post_webhook(f"{page}services/T/B/x", say(f"message {number}"))
    messages = Shown(page).messages
    assert len(messages) == slack.KEPT
    assert messages[-1][0] == 0
    assert "web is up again" in messages[-1][1]


def test_nothing_foreign_runs(page, account):
    message = Message("<b>x</b>", [note("<script>alert(1)</script>")])
    assert post_message(account, plan.CHANNEL_ID, message).verdict is Verdict.SENT
    with urlopen(f"{page}messages") as answer:
        assert "<script>" not in answer.read().decode()


@contextmanager
def listening(account: Account) -> Iterator[queue.Queue[Press]]:
    """What is pressed, as it comes over the socket."""
    taken: queue.Queue[Press] = queue.Queue()
    connection = Connection("xapp-1", call(account, "apps.connections.open").payload["url"], taken.put, ping_seconds=5)
    try:
        assert connection.greeted.wait(5)
        yield taken
    finally:
        connection.close()


def press(page: str, body: str, content_type: str = "application/json") -> int:
    try:
        with urlopen(Request(f"{page}press", body.encode(), {"Content-Type": content_type})) as answer:
            return int(answer.status)
    except HTTPError as refused:
        with refused:
            return refused.code


def test_a_press_on_the_page_comes_over_the_socket_and_its_answer_stands_there(page, account):
    posted = post_message(account, plan.CHANNEL_ID, say("web is down"))
    pressed = json.dumps({"action": "acknowledge", "value": "7", "ts": posted.remote_id})
    assert press(page, pressed) == 503, "nobody listens"
    with listening(account) as taken:
        assert press(page, pressed, "text/plain") == 415, "as another page could"
        assert press(page, pressed) == 204
        arrived = taken.get(timeout=5)
    assert (arrived.action, arrived.subject_id, arrived.user) == ("acknowledge", 7, "you")
    assert (arrived.channel_id, arrived.thread_ts) == (plan.CHANNEL_ID, posted.remote_id)
    assert post_response(arrived.response_url, "too late").verdict is Verdict.SENT
    messages = Shown(page).messages
    assert [depth for depth, _ in messages] == [0, 1]
    assert re.search("only you see this .*too late", messages[1][1])


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_button_is_pressed_with_the_mouse(page: str, account: Account, browser: Browser) -> None:
    message = Message("web is down", [header("web is down"), actions([button("probe", "7", "Probe now")])])
    posted = post_message(account, plan.CHANNEL_ID, message)
    shown = browser.new_page()
    refused: list[str] = []
    shown.on("console", lambda said: refused.append(said.text))
    try:
        shown.goto(page)
        with listening(account) as taken:
            shown.get_by_role("button", name="Probe now").click()
            arrived = taken.get(timeout=10)
        padding = shown.evaluate("getComputedStyle(document.querySelector('article')).paddingLeft")
    finally:
        shown.close()
    assert (arrived.action, arrived.subject_id, arrived.thread_ts) == ("probe", 7, posted.remote_id)
    assert padding == "16px", "without its style sheet"
    assert not [said for said in refused if "Content Security Policy" in said]


@pytest.mark.parametrize("path", ["", "messages", "slack.js", "slack.css", "nothing"])
def test_no_answer_allows_inline_scripts_or_styles(page: str, path: str) -> None:
    try:
        headers = urlopen(page + path, timeout=10).headers
    except HTTPError as error:
        headers = error.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
