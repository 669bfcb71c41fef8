"""What Slack's answers mean. Sources: its pages "chat.postMessage" and "Sending messages using incoming webhooks"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from notifications.transports import exchange
from notifications.transports.slack import refusals

DEFAULT_RETRY_AFTER = timedelta(seconds=30)
LONGEST_RETRY_AFTER = timedelta(hours=1)
MAX_CODE = 50


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


def read_silence(unanswered: exchange.UnansweredError) -> Reply:
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
