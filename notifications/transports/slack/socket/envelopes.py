"""What comes over the socket, read with suspicion. Pure.

Sources: Slack's pages "Using Socket Mode" and "block_actions payload". A payload holds two secrets, the verification
token and the response URL, so nothing of it gets into an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from notifications.notice import clean

Json = Mapping[str, Any]

MAX_USER = 60
ANYTHING = r".{1,2000}"
ENVELOPE_ID = r"[!-~]{1,200}"


class UnusableError(Exception):
    """The text says in a few words of ours what is wrong."""


@dataclass(frozen=True, slots=True)
class Press:
    """Somebody pressed a button of a message of ours."""

    envelope_id: str
    """The same for every repeat of the envelope."""
    action: str
    subject_id: int
    """The button's value: what it is about, by its primary key."""
    user: str
    """A name to show: one visible line, foreign text all the same."""
    channel_id: str
    thread_ts: str
    """The message at the head of the thread that the button is in; may be its own."""
    response_url: str = field(repr=False)
    """For answers that only who pressed gets to see. A secret, and not checked yet."""


def read_envelope(raw: str | bytes) -> Json:
    """Raises UnusableError for what is not a JSON object."""
    try:
        envelope = json.loads(raw)
    except (ValueError, RecursionError):
        raise UnusableError("not JSON") from None
    if not isinstance(envelope, dict):
        raise UnusableError("not an object")
    return envelope


def kind_of(envelope: Json) -> str:
    """`hello`, `disconnect`, `interactive` and so on."""
    return _text(envelope, "type", r"\w{1,50}")


def envelope_id_of(envelope: Json) -> str:
    """To acknowledge it by; empty for what wants no acknowledgement."""
    return _text(envelope, "envelope_id", ENVELOPE_ID)


def app_id_of(hello: Json) -> str:
    """The app that the socket belongs to."""
    return _text(_object(hello, "connection_info"), "app_id", r"\w{1,50}")


def reason_of(disconnect: Json) -> str:
    """Why Slack wants the connection to end: `warning`, `refresh_requested`, `link_disabled` and so on."""
    return _text(disconnect, "reason", r"\w{1,50}") or "disconnect"


def read_press(envelope: Json, app_id: str) -> Press:
    """The press that an `interactive` envelope tells of. Raises UnusableError for anything but a button in a message of
    the app `app_id`."""
    payload = _object(envelope, "payload")
    message, user = _object(payload, "message"), _object(payload, "user")
    if payload.get("type") != "block_actions" or not message:
        raise UnusableError("not a button of a message")
    if not app_id or payload.get("api_app_id") != app_id or message.get("app_id", app_id) != app_id:
        raise UnusableError("of another app")
    if not _text(message, "bot_id"):
        raise UnusableError("not a message of the app")
    actions = payload.get("actions")
    pressed = actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], dict) else {}
    action, value = _text(pressed, "action_id", r"\w{1,50}"), _text(pressed, "value", r"[0-9]{1,18}")
    if not action or not value or not envelope_id_of(envelope):
        raise UnusableError("without what a press has")
    return Press(
        envelope_id=envelope_id_of(envelope),
        action=action,
        subject_id=int(value),
        user=clean(_text(user, "name") or _text(user, "username") or _text(user, "id"), MAX_USER) or "?",
        channel_id=_text(_object(payload, "channel"), "id", r"[A-Z0-9]{2,32}"),
        thread_ts=_text(message, "thread_ts", r"[0-9.]{3,20}") or _text(message, "ts", r"[0-9.]{3,20}"),
        response_url=_text(payload, "response_url"),
    )


def _object(parent: Json, name: str) -> Json:
    value = parent.get(name)
    return value if isinstance(value, dict) else {}


def _text(parent: Json, name: str, pattern: str = ANYTHING) -> str:
    """Empty for what is missing, no text or not as expected."""
    value = parent.get(name)
    return value if isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII | re.DOTALL) else ""
