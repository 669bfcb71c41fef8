"""What Slack's answers mean. Sources: its pages "chat.postMessage" and "Sending messages using incoming webhooks"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from notifications.transports.base import Reply, Verdict, read_wait
from notifications.transports.slack import refusals

MAX_CODE = 50


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
        return Reply(Verdict.SENT, remote_id=str(payload.get("ts") or ""))
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
        return Reply(Verdict.RETRY, code or "ratelimited", read_wait(retry_after))
    if code in refusals.FINAL:
        return Reply(Verdict.GIVE_UP, code)
    if code in refusals.PASSING:
        return Reply(Verdict.RETRY, code, read_wait(retry_after) if retry_after else None)
    if status >= 500 or code in refusals.UNSURE:
        return Reply(Verdict.UNCERTAIN, code or f"http_{status}")
    if status == 200 and not code:
        return Reply(Verdict.UNCERTAIN, "bad_answer")
    return Reply(Verdict.RETRY, code or f"http_{status}")


def _scope(needed: object) -> str:
    return needed if isinstance(needed, str) and re.fullmatch(r"[a-z0-9:._,-]{1,100}", needed) else ""
