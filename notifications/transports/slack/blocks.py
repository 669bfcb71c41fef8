"""Slack messages out of notices: escaping, Slack's limits, and the blocks we use.

Every message says the same twice: in one line of `text` for notifications and screen readers, and in blocks. A coloured
bar would take an attachment. Slack calls attachments legacy, folds long ones behind "Show more", and shows the `text`
of a message above its attachments, where blocks of the message's own replace it: everything would be read twice. So the
mark is an emoji.

Foreign text goes into `plain_text` and `rich_text` elements, which Slack does not parse; where it must go into
mrkdwn (the `text` of a message, for notifications and screen readers) it is escaped and loses its formatting marks.
Sources: Slack's reference pages "Formatting message text", "Blocks" (header, section, context, rich text) and
"Truncating message content".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from notifications.notice import MAX_VALUE, Fact, Line, Names, Notice, clean, clip

Block = dict[str, Any]

MAX_HEADER = 150
MAX_SECTION = 3_000
MAX_BUTTON = 75
MAX_LINK = 80
SHORTEST = 40
"""What a value of a message that is too long is cut to at last."""
MAX_JSON = 8_000
"""Of a whole message. Slack's own limit is not documented; it has refused blocks of 11,300 (slackapi/bolt-js#2867)."""

MARKS = {"`": "ˋ", "*": "∗", "~": "∼", "_": "＿"}
MARK = re.compile(r"[`*~]|(?<![^\W_])_|_(?![^\W_])")  # an underscore inside a word formats nothing
ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted. `text` says everything important in one line; `blocks` say it again, laid out."""

    text: str
    blocks: list[Block]


def mrkdwn(value: str, limit: int = MAX_VALUE) -> str:
    """`value` cleaned, without formatting marks, and escaped: shown as it is and mentioning nobody."""
    value = MARK.sub(lambda match: MARKS[match[0]], clean(value, limit))
    return escape(value)


def escape(value: str) -> str:
    """Exactly the three characters that Slack wants escaped, nothing else."""
    return re.sub("[&<>]", lambda match: ESCAPES[match[0]], value)


def slack_date(instant: datetime) -> str:
    """`instant` as each reader's own date and time; clients that cannot show that show it with our zone."""
    fallback = timezone.localtime(instant).isoformat(sep=" ", timespec="seconds")
    return f"<!date^{int(instant.timestamp())}^{{date_short_pretty}} {{time_secs}}|{fallback}>"


def render(notice: Notice) -> Message:
    """The notice as a message of Slack, within Slack's limits whatever the values are."""
    blocks = [header(f"{notice.mark} {notice.title}")]
    if notice.cause:
        blocks.append(note(notice.cause))
    if notice.facts:
        blocks.append(facts(notice.facts))
    if notice.instants:
        blocks.append(section("\n".join(f"*{mrkdwn(one.label)}* {slack_date(one.at)}" for one in notice.instants)))
    if notice.names:
        blocks.append(listing(notice.names))
    blocks += [note(text) for text in notice.notes]
    blocks += [link(one.url, clip(one.label, MAX_LINK)) for one in notice.links]
    if notice.actions:
        blocks.append(actions([button(one.name, str(one.subject_id), one.label) for one in notice.actions]))
    return fitting(f"{notice.mark} {line(notice.line)}", blocks)


def line(text: Line) -> str:
    """A sentence as mrkdwn."""
    return text.render(mrkdwn, slack_date)


def header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": clip(text, MAX_HEADER), "emoji": False}}


def section(text: str) -> Block:
    """`text` is mrkdwn: foreign parts of it have gone through `mrkdwn()`."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": clip(text, MAX_SECTION), "verbatim": True}}


def note(text: str) -> Block:
    """A small grey line, not parsed."""
    return {"type": "context", "elements": [{"type": "plain_text", "text": clip(text, MAX_VALUE), "emoji": False}]}


def facts(pairs: Iterable[Fact]) -> Block:
    """A line `label: value` for each pair whose value is not empty; values need no escaping here."""
    lines: list[Block] = []
    for pair in pairs:
        if shown := clean(pair.value):
            new_line = "\n" if lines else ""
            lines.append({"type": "text", "text": f"{new_line}{pair.label}: ", "style": {"bold": True}})
            lines.append({"type": "text", "text": shown})
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": lines}]}


def link(url: str, label: str) -> Block:
    element = {"type": "link", "url": url, "text": label}
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [element]}]}


def button(action_id: str, value: str, label: str) -> Block:
    """`action_id` and `value` come back when somebody presses it."""
    text = {"type": "plain_text", "text": clip(label, MAX_BUTTON), "emoji": False}
    return {"type": "button", "action_id": action_id, "value": value, "text": text}


def actions(buttons: list[Block]) -> Block:
    return {"type": "actions", "elements": buttons}


def listing(names: Names) -> Block:
    """A line `label: value, value and 27 more`; values need no escaping here."""
    parts: list[Block] = [{"type": "text", "text": f"{names.label}: ", "style": {"bold": True}}]
    for number, value in enumerate(names.values):
        if number:
            parts.append({"type": "text", "text": ", "})
        parts.append({"type": "text", "text": clean(value)})
    if names.more:
        parts.append({"type": "text", "text": f" {names.more}"})
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": parts}]}


def fitting(text: str, blocks: list[Block]) -> Message:
    """The message, with the values in rich text shortened as far as its size demands; without most of its blocks, if
    even that is not enough. `text` and the first of `blocks`, the header, are short by their own limits."""
    for limit in (MAX_VALUE, MAX_VALUE // 2, MAX_VALUE // 4, SHORTEST):
        message = Message(text, [_shortened(block, limit) for block in blocks])
        if _fits(message):
            return message
    return Message(text, blocks[:1])


def _fits(message: Message) -> bool:
    return len(json.dumps({"text": message.text, "blocks": message.blocks})) <= MAX_JSON


def _shortened(block: Block, limit: int) -> Block:
    """Labels stay whole, and so does what is shorter than any limit: commas, numbers."""
    if block["type"] != "rich_text":
        return block
    parts = [
        {**part, "elements": [_short(element, limit) for element in part["elements"]]} for part in block["elements"]
    ]
    return {**block, "elements": parts}


def _short(element: Block, limit: int) -> Block:
    return element if "style" in element else {**element, "text": clip(element["text"], limit)}
