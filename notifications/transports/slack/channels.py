"""Who the token is, and the workspace's channels: listed, looked at, joined, made, renamed and archived.

Sources: Slack's pages "auth.test", "conversations.*", "Pagination" and "Rate limits". Every function but
`find_made` is one call, and every one raises `RefusedError` when Slack does not do what is asked, whatever the reason.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from notifications.transports.base import Reply, Verdict
from notifications.transports.slack.client import Account, Answer, call
from notifications.transports.slack.messages import next_cursor

PAGE_SIZE = 200
"""Slack recommends no more than 200 and refuses 1,000."""
MOST_PAGES = 10
"""Of the list looked through for one channel: half of what Slack allows in a minute."""
SLACK_ID = re.compile(r"[A-Z0-9]{1,32}")
LONGEST_NAME = 255
MANY = 2**31 - 1


class RefusedError(Exception):
    """What was asked was not done, or it is not known whether it was."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.code)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose token it is, and what it may do."""

    team_id: str
    team: str
    url: str
    user_id: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SlackChannel:
    id: str
    name: str
    is_private: bool
    is_member: bool
    is_archived: bool
    members: int


@dataclass(frozen=True, slots=True)
class Page:
    """Of the list of channels: it may be short, or empty, and only an empty cursor is the end."""

    channels: Sequence[SlackChannel]
    cursor: str


def identify(account: Account) -> Identity:
    answer = _ask(account, "auth.test")
    scopes = next((value for name, value in answer.headers.items() if name.lower() == "x-oauth-scopes"), "")
    return Identity(
        team_id=_text(answer.payload, "team_id", 32),
        team=_text(answer.payload, "team", LONGEST_NAME),
        url=_text(answer.payload, "url", LONGEST_NAME),
        user_id=_text(answer.payload, "user_id", 32),
        scopes=tuple(sorted({scope.strip() for scope in scopes.split(",") if scope.strip()})),
    )


def list_channels(account: Account, types: Sequence[str], cursor: str = "") -> Page:
    """One page of the channels of `types` (`public_channel`, `private_channel`), archived ones too. Of private ones
    Slack lists only those that the app is in."""
    answer = _list(account, types, cursor)
    return Page([channel for row in _rows(answer) if (channel := _channel(row))], next_cursor(answer.payload))


def find_made(
    account: Account,
    name: str,
    *,
    is_private: bool,
    maker: str,
    within: timedelta,
    clock: Callable[[], datetime],
    seconds: float,
) -> SlackChannel | None:
    """The channel of this name that the user `maker` has made `within` the last minutes, by Slack's clock, or by
    `clock` where Slack does not say what time it is: for when the answer to `create_channel` was lost. None when it is
    not in what Slack lists within `seconds`, which does not say that there is none."""
    types = ("private_channel" if is_private else "public_channel",)
    ends, cursor = time.monotonic() + seconds, ""
    for _page in range(MOST_PAGES):
        left = ends - time.monotonic()
        if left <= 0:
            break
        answer = _list(replace(account, timeout=left), types, cursor)
        since = (answer.at or clock()) - within
        cursor = next_cursor(answer.payload)
        for row in _rows(answer):
            if name in (row.get("name"), row.get("name_normalized")) and row.get("creator") == maker:
                made_at = row.get("created")
                if isinstance(made_at, int) and made_at >= since.timestamp() and not row.get("is_archived"):
                    return _channel(row)
        if not cursor:
            break
    return None


def _list(account: Account, types: Sequence[str], cursor: str) -> Answer:
    return _ask(account, "conversations.list", types=",".join(types), limit=PAGE_SIZE, cursor=cursor or None)


def _rows(answer: Answer) -> list[Mapping[str, Any]]:
    rows = answer.payload.get("channels")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def show_channel(account: Account, channel_id: str) -> SlackChannel:
    return _shown(_ask(account, "conversations.info", channel=channel_id, include_num_members=True))


def join_channel(account: Account, channel_id: str) -> SlackChannel:
    """Only public ones can be joined; the app is invited into private ones."""
    return _shown(_ask(account, "conversations.join", channel=channel_id))


def create_channel(account: Account, name: str, *, is_private: bool) -> SlackChannel:
    """The app is in what it makes. The name that Slack gives is the one to keep."""
    return _shown(_ask(account, "conversations.create", name=name, is_private=is_private))


def rename_channel(account: Account, channel_id: str, name: str) -> SlackChannel:
    return _shown(_ask(account, "conversations.rename", channel=channel_id, name=name))


def archive_channel(account: Account, channel_id: str) -> None:
    """One that is archived already is as it should be."""
    try:
        _ask(account, "conversations.archive", channel=channel_id)
    except RefusedError as refused:
        if refused.reply.code != "already_archived":
            raise


def _ask(account: Account, method: str, **arguments: Any) -> Answer:
    answer = call(account, method, **arguments)
    if answer.reply.verdict is not Verdict.SENT:
        raise RefusedError(answer.reply)
    return answer


def _shown(answer: Answer) -> SlackChannel:
    row = answer.payload.get("channel")
    channel = _channel(row) if isinstance(row, dict) else None
    if channel is None:
        raise RefusedError(Reply(Verdict.UNCERTAIN, "bad_answer"))
    return channel


def _channel(row: Mapping[str, Any]) -> SlackChannel | None:
    """None for what has no id of Slack's kind. Nothing else in the answer is relied on."""
    slack_id, members = row.get("id"), row.get("num_members")
    if not isinstance(slack_id, str) or not SLACK_ID.fullmatch(slack_id):
        return None
    return SlackChannel(
        id=slack_id,
        name=_text(row, "name", LONGEST_NAME) or slack_id,
        is_private=row.get("is_private") is True,
        is_member=row.get("is_member") is True,
        is_archived=row.get("is_archived") is True,
        members=members if isinstance(members, int) and 0 <= members <= MANY else 0,
    )


def _text(row: Mapping[str, Any], key: str, longest: int) -> str:
    value = row.get(key)
    return value[:longest] if isinstance(value, str) else ""
