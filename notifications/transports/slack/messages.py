"""Posting, changing and looking for messages."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from notifications.transports import exchange
from notifications.transports.base import Lookup, Reply, Verdict
from notifications.transports.exchange import read_silence
from notifications.transports.slack.blocks import Message
from notifications.transports.slack.client import TIMEOUT_SECONDS, Account, Answer, call
from notifications.transports.slack.replies import read_webhook_reply

EVENT_TYPE = "health_delivery"
PAGE_SIZE = 200
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIMESTAMP = re.compile(r"[0-9]{1,11}\.[0-9]{6}")
MOST_PAGES = 50
"""Of a channel's history looked through for one message."""
LOOK_SECONDS = 20.0
"""For all pages together: less than a lease, or what was found could not be written down."""


def post_message(
    account: Account,
    channel_id: str,
    message: Message,
    *,
    delivery_id: int | None = None,
    mark: str = "",
    thread_ts: str = "",
) -> Reply:
    """Post `message`; as an answer to `thread_ts`, which the channel is shown as well.

    `delivery_id` and `mark` are stored with the message, so that `find_message` can tell whether it arrived. The number
    alone would not do: another monitor may post to the channel by the same app, and a new database counts from 1 again.
    Any app of the workspace can read both.
    """
    return call(
        account,
        "chat.postMessage",
        channel=channel_id,
        **_content(message, delivery_id, mark),
        thread_ts=thread_ts or None,
        reply_broadcast=True if thread_ts else None,
        unfurl_links=False,  # or Slack would fetch the links, which lead into the company's network
        unfurl_media=False,
    ).reply


def update_message(
    account: Account, channel_id: str, ts: str, message: Message, *, delivery_id: int | None = None, mark: str = ""
) -> Reply:
    """Put `message` in the place of the one posted as `ts`. Doing it twice does no harm."""
    content = _content(message, delivery_id, mark) | {
        "blocks": message.blocks
    }  # no blocks: takes the earlier ones away
    return call(account, "chat.update", channel=channel_id, ts=ts, **content).reply


def _content(message: Message, delivery_id: int | None = None, mark: str = "") -> dict[str, Any]:
    content: dict[str, Any] = {"text": message.text}
    if message.blocks:
        content["blocks"] = message.blocks
    if delivery_id is not None:
        content["metadata"] = {"event_type": EVENT_TYPE, "event_payload": _identity(delivery_id, mark)}
    return content


def _identity(delivery_id: int, mark: str) -> dict[str, str]:
    return {"delivery_id": str(delivery_id), "mark": mark}


def find_message(
    account: Account,
    channel_id: str,
    delivery_id: int,
    *,
    mark: str = "",
    oldest: datetime | None = None,
    ago: timedelta | None = None,
    thread_ts: str = "",
) -> Lookup:
    """Look for the message of `delivery_id` and `mark` in the channel, or in the thread of `thread_ts`: among those
    after `oldest`, by Slack's clock. In the channel, where the latest come first, no further back than `ago` before the
    latest of them. Needs `channels:history` (`groups:history` for a private channel) and membership. Takes LOOK_SECONDS
    at most; a look that is not done by then says nothing.

    Source: Slack's pages "conversations.history", "conversations.replies" and "Message metadata".
    """
    where = {"ts": thread_ts} if thread_ts else {}
    method = "conversations.replies" if thread_ts else "conversations.history"
    until = time.monotonic() + LOOK_SECONDS
    cursor, latest = None, None
    for _page in range(MOST_PAGES):
        left = until - time.monotonic()
        if left <= 0:
            return Lookup(refusal=Reply(Verdict.UNCERTAIN, "timeout"))
        answer = call(
            replace(account, timeout=min(account.timeout, left)),
            method,
            channel=channel_id,
            **where,
            oldest=f"{oldest.timestamp():.6f}" if oldest else None,
            include_all_metadata=True,
            limit=PAGE_SIZE,
            cursor=cursor,
        )
        if answer.reply.verdict is not Verdict.SENT:
            return Lookup(refusal=answer.reply)
        if ts := _ts_of(answer, _identity(delivery_id, mark)):
            return Lookup(ts)
        posted = [at for message in _messages(answer) if (at := instant_of(message.get("ts")))]
        latest = latest or max(posted, default=None)
        cursor = next_cursor(answer.payload)
        gone_by = ago and latest and not thread_ts and latest - min(posted, default=latest) > ago
        if not cursor or gone_by:
            return Lookup()
    return Lookup(refusal=Reply(Verdict.GIVE_UP, "history_too_long"))


def instant_of(ts: object) -> datetime | None:
    """When Slack took the message of this timestamp; None for what is none."""
    if not isinstance(ts, str) or not TIMESTAMP.fullmatch(ts):
        return None
    return EPOCH + timedelta(microseconds=int(ts.replace(".", "")))


def _messages(answer: Answer) -> list[Mapping[str, Any]]:
    messages = answer.payload.get("messages")
    return [one for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []


def _ts_of(answer: Answer, identity: Mapping[str, str]) -> str:
    for message in _messages(answer):
        metadata = message.get("metadata") or {}
        payload = metadata.get("event_payload") or {}
        if metadata.get("event_type") == EVENT_TYPE and identity.items() <= payload.items():
            return str(message.get("ts") or "")
    return ""


def next_cursor(payload: Mapping[str, Any]) -> str:
    """Where a list goes on; empty at its end, and nowhere else."""
    metadata = payload.get("response_metadata")
    return str(metadata.get("next_cursor") or "") if isinstance(metadata, dict) else ""


def post_webhook(hook_url: str, message: Message, timeout: float = TIMEOUT_SECONDS) -> Reply:
    """Post by an incoming webhook, within `timeout` seconds in all. Raises nothing that Slack or the network can cause.

    `hook_url` is the secret itself; whoever stores it has checked its host.
    """
    payload = {**_content(message), "unfurl_links": False, "unfurl_media": False}
    headers = {"Content-Type": "application/json; charset=utf-8"}
    try:
        answer = exchange.post(hook_url, json.dumps(payload).encode(), headers, timeout)
    except exchange.UnansweredError as unanswered:
        return read_silence(unanswered)
    return read_webhook_reply(answer.status, answer.body, answer.headers.get("Retry-After"))
