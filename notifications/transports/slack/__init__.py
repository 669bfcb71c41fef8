"""The one place that talks to Slack: calls it and says what became of it.

Sources: Slack's pages "Rate limits", "chat.postMessage" and "Sending messages using incoming webhooks". Slack documents
no idempotency key, so an attempt whose outcome is not known is a verdict of its own (UNCERTAIN) and nothing is ever
sent twice in here: slack_sdk's and urllib3's retries are off. Whether and when to try again is the caller's decision.

Tokens and webhook URLs are secrets. None of them gets into a `Reply`, a log record or an exception.
"""

from notifications.transports.base import DEFAULT_RETRY_AFTER, Lookup, Reply, Verdict
from notifications.transports.slack.channels import RefusedError
from notifications.transports.slack.client import Account, Answer, call
from notifications.transports.slack.messages import (
    find_message,
    instant_of,
    post_message,
    post_webhook,
    update_message,
)
from notifications.transports.slack.replies import read_api_reply, read_webhook_reply

__all__ = [
    "DEFAULT_RETRY_AFTER",
    "Account",
    "Answer",
    "Lookup",
    "RefusedError",
    "Reply",
    "Verdict",
    "call",
    "find_message",
    "instant_of",
    "post_message",
    "post_webhook",
    "read_api_reply",
    "read_webhook_reply",
    "update_message",
]
