"""The one place that talks to Slack: posts a message and says what became of it.

Sources: Slack's pages "Rate limits", "chat.postMessage" and "Sending messages using incoming webhooks". Slack documents
no idempotency key, so an attempt whose outcome is not known is a verdict of its own (UNCERTAIN) and nothing is ever
sent twice in here: slack_sdk's and urllib3's retries are off. Whether and when to try again is the caller's decision.

Tokens and webhook URLs are secrets. None of them gets into a `Reply`, a log record or an exception.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from notifications import exchange, refusals
from notifications.blocks import Message

DEFAULT_RETRY_AFTER = timedelta(seconds=30)
LONGEST_RETRY_AFTER = timedelta(hours=1)
TIMEOUT_SECONDS = 10.0
MAX_CODE = 50
MAX_API_ANSWER = 2 * 1024 * 1024
"""Bytes. The Web API repeats the message in its answer, and its lists have pages of hundreds of channels."""


class Verdict(StrEnum):
    SENT = "sent"
    RETRY = "retry"
    """Slack has certainly not posted it; it may next time."""
    UNCERTAIN = "uncertain"
    """Slack may have posted it."""
    GIVE_UP = "give_up"
    """Slack has not posted it and will not, until somebody mends something."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of one attempt. `code` is Slack's own, or one of ours for what never got an answer."""

    verdict: Verdict
    code: str = ""
    retry_after: timedelta | None = None
    """Not before this has passed; only with RETRY."""
    ts: str = ""
    """Slack's id of the message in its channel; webhooks give none."""
    detail: str = ""
    """The missing scope, or the kind of network error; never a secret."""


def read_webhook_reply(status: int, body: str, retry_after: str | None = None) -> Reply:
    """Classify the answer to a webhook post. Only 200 with exactly `ok` counts as sent; errors are bare codes."""
    if status == 200 and body == "ok":
        return Reply(Verdict.SENT)
    code = body.strip()
    if status == 200 and code not in refusals.REFUSALS:  # not how Slack speaks, but whatever it was took the message
        return Reply(Verdict.UNCERTAIN, "bad_answer")
    return _read_refusal(status, code, retry_after)


def read_api_reply(status: int, payload: Mapping[str, Any], headers: Mapping[str, str]) -> Reply:
    """Classify the answer of a Web API method. Only 200 with `ok: true` counts as sent; 200 alone says nothing."""
    if status == 200 and payload.get("ok") is True:
        return Reply(Verdict.SENT, ts=str(payload.get("ts") or ""))
    retry_after = next((value for name, value in headers.items() if name.lower() == "retry-after"), None)
    reply = _read_refusal(status, str(payload.get("error") or ""), retry_after)
    if reply.code == "missing_scope":
        return Reply(reply.verdict, reply.code, detail=_scope(payload.get("needed")))
    return reply


def _read_refusal(status: int, code: str, retry_after: str | None) -> Reply:
    """A known code counts for more than the status: Slack refuses with 200, and with 500 it may name a plain reason."""
    if not re.fullmatch(rf"[a-z0-9_]{{1,{MAX_CODE}}}", code):
        code = ""
    if status == 429 or code in refusals.RATE_LIMITED:
        return Reply(Verdict.RETRY, code or "ratelimited", _wait(retry_after))
    if code in refusals.FINAL:
        return Reply(Verdict.GIVE_UP, code)
    if code in refusals.PASSING:
        return Reply(Verdict.RETRY, code, _wait(retry_after) if retry_after else None)
    if status >= 500 or code in refusals.UNSURE:
        return Reply(Verdict.UNCERTAIN, code or f"http_{status}")
    if status == 200 and not code:
        return Reply(Verdict.UNCERTAIN, "bad_answer")
    return Reply(Verdict.RETRY, code or f"http_{status}")


def _read_silence(unanswered: exchange.UnansweredError) -> Reply:
    if unanswered.sent:
        return Reply(Verdict.UNCERTAIN, unanswered.code, detail=unanswered.detail)
    verdict = Verdict.GIVE_UP if unanswered.code == "invalid_url" else Verdict.RETRY
    return Reply(verdict, unanswered.code, detail=unanswered.detail)


def _wait(retry_after: str | None) -> timedelta:
    """Slack gives whole seconds."""
    if not re.fullmatch(r"[0-9]{1,9}", retry_after or ""):
        return DEFAULT_RETRY_AFTER
    return min(timedelta(seconds=int(retry_after or 0)), LONGEST_RETRY_AFTER)


def _scope(needed: object) -> str:
    return needed if isinstance(needed, str) and re.fullmatch(r"[a-z0-9:._,-]{1,100}", needed) else ""


def post_message(
    token: str,
    channel_id: str,
    message: Message,
    *,
    base_url: str,
    timeout: float = TIMEOUT_SECONDS,
    metadata: Mapping[str, Any] | None = None,
) -> Reply:
    """Post by the bot `token`, within `timeout` seconds in all. Raises nothing that Slack or the network can cause.

    `metadata` is stored with the message and can be read back from the channel's history; any app of the workspace can
    read it, so it holds no secret.
    """
    token = token.strip()
    if not token:
        return Reply(Verdict.GIVE_UP, "not_authed")
    if not re.fullmatch(r"[!-~]+", token):  # cannot be a header's value
        return Reply(Verdict.GIVE_UP, "invalid_auth")
    if not _is_web_address(base_url):
        return Reply(Verdict.GIVE_UP, "invalid_url")
    try:
        response = _Client(token, base_url, timeout).chat_postMessage(
            channel=channel_id,
            text=message.text,
            blocks=message.blocks,
            metadata=None if metadata is None else dict(metadata),
            unfurl_links=False,  # or Slack would fetch the links, which lead into the company's network
            unfurl_media=False,
        )
    except exchange.UnansweredError as unanswered:
        return _read_silence(unanswered)
    except _NotSlackError as stranger:
        return read_api_reply(stranger.status, {}, stranger.headers)
    except SlackApiError as error:
        response = error.response
    payload = response.data if isinstance(response.data, dict) else {}
    return read_api_reply(response.status_code, payload, response.headers)


def post_webhook(hook_url: str, message: Message, timeout: float = TIMEOUT_SECONDS) -> Reply:
    """Post by an incoming webhook, within `timeout` seconds in all. Raises nothing that Slack or the network can cause.

    `hook_url` is the secret itself; whoever stores it has checked its host.
    """
    payload = {"text": message.text, "blocks": message.blocks, "unfurl_links": False, "unfurl_media": False}
    headers = {"Content-Type": "application/json; charset=utf-8"}
    try:
        answer = exchange.post(hook_url, json.dumps(payload).encode(), headers, timeout)
    except exchange.UnansweredError as unanswered:
        return _read_silence(unanswered)
    return read_webhook_reply(answer.status, answer.body, answer.headers.get("Retry-After"))


def _is_web_address(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https")
    except ValueError:
        return False


class _NotSlackError(Exception):
    """The answer is not a JSON object."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(status)
        self.status, self.headers = status, headers


class _Client(WebClient):
    """slack_sdk's client over our own exchange.

    Its own transport (`urlopen`) follows redirects with the bot token in the header, reads without a limit and has no
    bound on the whole exchange; and it logs errors with their text, in which http.client quotes headers.
    """

    def __init__(self, token: str, base_url: str, timeout: float) -> None:
        silent = logging.Logger("slack", logging.CRITICAL + 1)  # noqa: LOG001  (no configuration reaches it)
        super().__init__(token, base_url, retry_handlers=[], logger=silent)
        self._seconds = timeout

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        body = req.data if isinstance(req.data, bytes) else b""  # None for a method without arguments
        answer = exchange.post(url, body, dict(req.header_items()), self._seconds, longest=MAX_API_ANSWER)
        try:
            understood = isinstance(json.loads(answer.body), dict)
        except (ValueError, RecursionError):
            understood = False
        if not understood:
            raise _NotSlackError(answer.status, answer.headers)
        return {"status": answer.status, "headers": dict(answer.headers), "body": answer.body}
