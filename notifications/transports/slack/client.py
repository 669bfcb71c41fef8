"""One call of a Web API method, and what became of it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from notifications.transports import exchange
from notifications.transports.base import Reply, Verdict
from notifications.transports.exchange import read_silence
from notifications.transports.slack.replies import read_api_reply

TIMEOUT_SECONDS = 10.0
MAX_API_ANSWER = 2 * 1024 * 1024
"""Bytes. The Web API repeats the message in its answer, and its lists have pages of hundreds of channels."""


@dataclass(frozen=True, slots=True)
class Account:
    """By whose token, and where, methods are called."""

    token: str
    base_url: str
    timeout: float = TIMEOUT_SECONDS
    """Seconds that one call may take in all."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict, and what Slack said; empty when it said nothing that can be understood."""

    reply: Reply
    payload: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def at(self) -> datetime | None:
        """What time it was for Slack; None where it does not say so (RFC 9110, 6.6.1)."""
        date = next((value for name, value in self.headers.items() if name.lower() == "date"), "")
        try:
            at = parsedate_to_datetime(date)
        except ValueError:
            return None
        return at if at.tzinfo else at.replace(tzinfo=UTC)


def call(account: Account, method: str, **arguments: Any) -> Answer:
    """Call `method`, such as `conversations.history`. Raises nothing that Slack or the network can cause.

    Arguments that are None are left out. Methods that read take a form; what posts takes JSON, for its blocks.
    """
    token = account.token.strip()
    if not token:
        return Answer(Reply(Verdict.GIVE_UP, "not_authed"))
    if not re.fullmatch(r"[!-~]+", token):  # cannot be a header's value
        return Answer(Reply(Verdict.GIVE_UP, "invalid_auth"))
    if not _is_web_address(account.base_url):
        return Answer(Reply(Verdict.GIVE_UP, "invalid_url"))
    given = {name: value for name, value in arguments.items() if value is not None}
    try:
        client, as_json = _Client(token, account), method.startswith("chat.")
        response = client.api_call(method, json=given) if as_json else client.api_call(method, params=given)
    except exchange.UnansweredError as unanswered:
        return Answer(read_silence(unanswered))
    except _NotSlackError as stranger:
        return Answer(read_api_reply(stranger.status, {}, stranger.headers))
    except SlackApiError as error:
        response = error.response
    payload = response.data if isinstance(response.data, dict) else {}
    return Answer(read_api_reply(response.status_code, payload, response.headers), payload, response.headers)


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

    def __init__(self, token: str, account: Account) -> None:
        silent = logging.Logger("slack", logging.CRITICAL + 1)  # noqa: LOG001  (no configuration reaches it)
        super().__init__(token, account.base_url, retry_handlers=[], logger=silent)
        self._seconds = account.timeout

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
