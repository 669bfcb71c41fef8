"""Answers to who pressed a button: in the thread of the message, or seen by them alone."""

from __future__ import annotations

import json

from notifications.transports import exchange
from notifications.transports.base import Reply, Verdict
from notifications.transports.exchange import read_silence
from notifications.transports.slack.blocks import Message
from notifications.transports.slack.client import TIMEOUT_SECONDS, Account, call
from notifications.transports.slack.replies import read_webhook_reply


def post_in_thread(account: Account, channel_id: str, thread_ts: str, message: Message) -> Reply:
    """Post `message` in the thread of `thread_ts`, without showing it in the channel as well."""
    return call(
        account,
        "chat.postMessage",
        channel=channel_id,
        thread_ts=thread_ts,
        text=message.text,
        blocks=message.blocks,
        unfurl_links=False,
        unfurl_media=False,
    ).reply


def post_response(response_url: str, text: str) -> Reply:
    """Show `text`, which is mrkdwn, to nobody but who pressed. Raises nothing that Slack or the network can cause.

    Unlike `chat.postEphemeral` this needs neither a scope nor membership: it works wherever the button does.
    `response_url` is a secret; whoever passes it on has checked its host.
    """
    payload = {"response_type": "ephemeral", "replace_original": False, "text": text}
    headers = {"Content-Type": "application/json; charset=utf-8"}
    try:
        answer = exchange.post(response_url, json.dumps(payload).encode(), headers, TIMEOUT_SECONDS)
    except exchange.UnansweredError as unanswered:
        return read_silence(unanswered)
    if answer.status == 200:  # what the body says of success is not documented
        return Reply(Verdict.SENT)
    return read_webhook_reply(answer.status, answer.body, answer.headers.get("Retry-After"))
