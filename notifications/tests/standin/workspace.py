"""The workspace behind the stand-in: its channels, their messages, and the methods of the Web API on them."""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from notifications.tests.standin.rules import MAX_UPDATE, RefusedError, check_message, check_name

Arguments = dict[str, Any]
Payload = dict[str, Any]

ALL_SCOPES = frozenset(
    [
        "chat:write",
        "chat:write.public",
        "channels:read",
        "channels:manage",
        "channels:history",
        "channels:join",
        "groups:read",
        "groups:write",
        "groups:history",
    ]
)
OUR_USER = "U0001"
"""The bot's."""
LARGEST_PAGE = 999
PRIVATE_RIGHTS = {"manage": "write"}


@dataclass
class Channel:
    id: str
    name: str
    is_private: bool = False
    is_archived: bool = False
    is_member: bool = True
    is_general: bool = False
    is_ours: bool = False
    """Made by the app: only such channels may it rename."""
    created: int = field(default_factory=lambda: int(time.time()))
    """Seconds since the epoch."""
    messages: list[dict[str, Any]] = field(default_factory=list)
    """In the order of posting."""

    def shown(self) -> Payload:
        return {
            "id": self.id,
            "name": self.name,
            "is_channel": True,
            "is_private": self.is_private,
            "is_archived": self.is_archived,
            "is_member": self.is_member,
            "is_general": self.is_general,
            "num_members": 3,
            "creator": OUR_USER if self.is_ours else "U0003",
            "created": self.created,
        }


class Workspace:
    """Not locked: only the server's loop changes it, and a test before it starts to send."""

    def __init__(self, token: str = "xoxb-stand-in") -> None:
        self.token = token
        self.scopes = set(ALL_SCOPES)
        self.channels: dict[str, Channel] = {}
        self.page_sizes: tuple[int, ...] = ()
        """Of successive pages of channels, over and over: Slack's may be short or empty. None = as the limit says."""
        self._last_ts = 0
        self.add_channel("general", is_general=True)
        self.add_channel("alerts")

    def add_channel(self, name: str, **facts: Any) -> Channel:
        channel = Channel(f"C{len(self.channels) + 1:010d}", name, **facts)
        self.channels[channel.id] = channel
        return channel

    def next_ts(self) -> str:
        """Unique and growing: seconds with six decimals, which name a message within its channel."""
        self._last_ts = max(self._last_ts + 1, time.time_ns() // 1000)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def call(self, method: str, arguments: Arguments) -> Payload:
        """The answer of a Web API method. Raises `RefusedError` for what Slack refuses."""
        if method not in METHODS:
            raise RefusedError("unknown_method")
        function, *scopes = METHODS[method]
        if scopes and not self.scopes.intersection(scopes):
            raise RefusedError("missing_scope", needed=",".join(scopes), provided=",".join(sorted(self.scopes)))
        return {"ok": True, **function(self, arguments)}

    def need(self, right: str, *, is_private: bool) -> None:
        """Public and private channels have a scope each: `channels:read` and `groups:read`."""
        scope = f"{'groups' if is_private else 'channels'}:{PRIVATE_RIGHTS.get(right, right) if is_private else right}"
        if scope not in self.scopes:
            raise RefusedError("missing_scope", needed=scope, provided=",".join(sorted(self.scopes)))

    def find(self, arguments: Arguments, right: str = "", *, member: bool = False, open_: bool = False) -> Channel:
        channel = self.channels.get(str(arguments.get("channel", "")))
        if channel is None or (channel.is_private and not channel.is_member):
            raise RefusedError("channel_not_found")
        if right:
            self.need(right, is_private=channel.is_private)
        if open_ and channel.is_archived:
            raise RefusedError("is_archived")
        if member and not channel.is_member:
            raise RefusedError("not_in_channel")
        return channel

    def check_free(self, name: str) -> None:
        """An archived channel keeps its name."""
        if any(channel.name == name for channel in self.channels.values()):
            raise RefusedError("name_taken")


def show_identity(workspace: Workspace, arguments: Arguments) -> Payload:
    team = {"url": "https://stand-in.slack.com/", "team": "Stand-in", "team_id": "T0001"}
    return {**team, "user": "monitor", "user_id": OUR_USER, "bot_id": "B0001"}


def post_message(workspace: Workspace, arguments: Arguments) -> Payload:
    channel = workspace.find(arguments, open_=True, member="chat:write.public" not in workspace.scopes)
    text, blocks, metadata = arguments.get("text"), arguments.get("blocks"), arguments.get("metadata")
    check_message(text, blocks, metadata)
    message = {"type": "message", "user": OUR_USER, "bot_id": "B0001", "text": text or "", "ts": workspace.next_ts()}
    message |= {name: value for name, value in (("blocks", blocks), ("metadata", metadata)) if value}
    if thread_ts := arguments.get("thread_ts"):
        if not any(parent["ts"] == thread_ts for parent in channel.messages):
            raise RefusedError("message_not_found")
        message |= {"thread_ts": thread_ts, "broadcast": truth(arguments.get("reply_broadcast"))}
    channel.messages.append(message)
    return {"channel": channel.id, "ts": message["ts"], "message": message}


def update_message(workspace: Workspace, arguments: Arguments) -> Payload:
    channel = workspace.find(arguments, open_=True)
    check_message(arguments.get("text"), arguments.get("blocks"), arguments.get("metadata"), longest=MAX_UPDATE)
    message = next((one for one in channel.messages if one["ts"] == arguments.get("ts")), None)
    if message is None:
        raise RefusedError("message_not_found")
    given = {name: arguments[name] for name in ("text", "metadata") if arguments.get(name)}
    message |= given | (
        {} if arguments.get("blocks") is None else {"blocks": arguments["blocks"]}
    )  # [] takes them away
    return {"channel": channel.id, "ts": message["ts"], "text": message["text"]}


def list_channels(workspace: Workspace, arguments: Arguments) -> Payload:
    """Without the private channels that the app is not in. Archived channels are left out of a page after it was cut:
    pages may be short, or empty with a cursor."""
    types = str(arguments.get("types") or "public_channel").split(",")
    if not {"public_channel", "private_channel", "mpim", "im"}.issuperset(types):
        raise RefusedError("invalid_types")
    kinds = {"public_channel": False, "private_channel": True}
    wanted = [kinds[kind] for kind in types if kind in kinds]
    for is_private in wanted:
        workspace.need("read", is_private=is_private)
    visible = [channel for channel in workspace.channels.values() if channel.is_member or not channel.is_private]
    found = [channel for channel in visible if channel.is_private in wanted]
    page, cursor = cut_page(found, arguments, workspace.page_sizes)
    hide = truth(arguments.get("exclude_archived"))
    channels = [channel.shown() for channel in page if not (hide and channel.is_archived)]
    return {"channels": channels, "response_metadata": {"next_cursor": cursor}}


def create_channel(workspace: Workspace, arguments: Arguments) -> Payload:
    name, is_private = arguments.get("name"), truth(arguments.get("is_private"))
    workspace.need("manage", is_private=is_private)
    check_name(name)
    workspace.check_free(str(name))
    return {"channel": workspace.add_channel(str(name), is_private=is_private, is_ours=True).shown()}


def rename_channel(workspace: Workspace, arguments: Arguments) -> Payload:
    channel = workspace.find(arguments, "manage", member=True, open_=True)
    if not channel.is_ours:
        raise RefusedError("not_authorized")
    check_name(arguments.get("name"))
    if channel.name != arguments["name"]:
        workspace.check_free(arguments["name"])
    channel.name = arguments["name"]
    return {"channel": {name: value for name, value in channel.shown().items() if name != "num_members"}}


def archive_channel(workspace: Workspace, arguments: Arguments) -> Payload:
    channel = workspace.find(arguments, "manage", member=True)
    if channel.is_general:
        raise RefusedError("cant_archive_general")
    if channel.is_archived:
        raise RefusedError("already_archived")
    channel.is_archived = True
    return {}


def join_channel(workspace: Workspace, arguments: Arguments) -> Payload:
    channel = workspace.find(arguments, open_=True)
    if channel.is_private:
        raise RefusedError("method_not_supported_for_channel_type")
    channel.is_member = True
    return {"channel": channel.shown()}


def show_channel(workspace: Workspace, arguments: Arguments) -> Payload:
    return {"channel": workspace.find(arguments, "read").shown()}


def read_history(workspace: Workspace, arguments: Arguments) -> Payload:
    """Newest first, without the replies of threads that were not broadcast."""
    channel = workspace.find(arguments, "history", member=True)
    messages = [m for m in reversed(channel.messages) if "thread_ts" not in m or m["broadcast"]]
    return show_messages(messages, arguments)


def read_replies(workspace: Workspace, arguments: Arguments) -> Payload:
    """The parent and its replies, oldest first."""
    channel = workspace.find(arguments, "history", member=True)
    parent = arguments.get("ts")
    thread = [m for m in channel.messages if parent in (m["ts"], m.get("thread_ts"))]
    if not thread:
        raise RefusedError("thread_not_found")
    return show_messages(thread, arguments)


def show_messages(messages: list[dict[str, Any]], arguments: Arguments) -> Payload:
    oldest, latest = float(arguments.get("oldest") or 0), float(arguments.get("latest") or "inf")
    inclusive = truth(arguments.get("inclusive"))
    found = [
        message
        for message in messages
        if oldest < (at := float(message["ts"])) < latest or (inclusive and at in (oldest, latest))
    ]
    page, cursor = cut_page(found, arguments)
    if not truth(arguments.get("include_all_metadata")):
        page = [{name: value for name, value in message.items() if name != "metadata"} for message in page]
    return {"messages": page, "has_more": bool(cursor), "response_metadata": {"next_cursor": cursor}}


def cut_page(found: list[Any], arguments: Arguments, sizes: tuple[int, ...] = ()) -> tuple[list[Any], str]:
    """One page and the cursor of the next, empty at the end; the n-th page is no longer than the n-th of `sizes`."""
    limit = str(arguments.get("limit") or 100)
    if not re.fullmatch(r"[0-9]{1,9}", limit) or not 1 <= int(limit) <= LARGEST_PAGE:
        raise RefusedError("invalid_limit")
    number = start = 0
    if cursor := arguments.get("cursor"):
        try:
            number, start = map(int, base64.b64decode(str(cursor), validate=True).decode().split(":"))
        except (binascii.Error, ValueError):
            raise RefusedError("invalid_cursor") from None
    size = min(int(limit), sizes[number % len(sizes)]) if sizes else int(limit)
    end = start + size
    return found[start:end], base64.b64encode(f"{number + 1}:{end}".encode()).decode() if end < len(found) else ""


def truth(value: object) -> bool:
    """Forms carry booleans as text."""
    return value in (True, 1, "1", "true", "True")


METHODS: dict[str, tuple[Callable[[Workspace, Arguments], Payload], *tuple[str, ...]]] = {
    # method: function, scopes of which one is needed
    "auth.test": (show_identity,),
    "chat.postMessage": (post_message, "chat:write"),
    "chat.update": (update_message, "chat:write"),
    "conversations.archive": (archive_channel, "channels:manage", "groups:write"),
    "conversations.create": (create_channel, "channels:manage", "groups:write"),
    "conversations.history": (read_history, "channels:history", "groups:history"),
    "conversations.info": (show_channel, "channels:read", "groups:read"),
    "conversations.join": (join_channel, "channels:join"),
    "conversations.list": (list_channels, "channels:read", "groups:read"),
    "conversations.rename": (rename_channel, "channels:manage", "groups:write"),
    "conversations.replies": (read_replies, "channels:history", "groups:history"),
}
