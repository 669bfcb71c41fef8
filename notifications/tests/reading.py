"""Messages as a person reads them, and the readings that are kept beside the tests.

`KEEP_SNAPSHOTS=1 pytest notifications` writes them anew: read what has changed before you commit it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from django.utils import translation

from notifications.notice import Line, Notice
from notifications.transports.slack.blocks import Block, Message, line, render

SNAPSHOTS = Path(__file__).parent / "snapshots"
DATE = re.compile(r"<!date\^(\d+)\^\{date_short_pretty\} \{time_secs\}\|(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d)>")
LANGUAGES = {"en": "English", "ko": "한국어"}


def rendered(notice: Notice | Line | Message) -> Message:
    """As Slack gets it."""
    if isinstance(notice, Message):
        return notice
    return render(notice) if isinstance(notice, Notice) else Message(line(notice), [])


def shown(notice: Notice | Line | Message) -> str:
    """The notification, a line, and the blocks."""
    message = rendered(notice)
    return DATE.sub(r"[\2]", "\n".join([message.text, "---", *map(_block, message.blocks)]))


def _block(block: Block) -> str:
    match block["type"]:
        case "header":
            return f"# {block['text']['text']}"
        case "section":
            return str(block["text"]["text"])
        case "context":
            return "\n".join(f"({element['text']})" for element in block["elements"])
        case "actions":
            return " ".join(f"[{element['text']['text']}]" for element in block["elements"])
    elements = [element for part in block["elements"] for element in part["elements"]]
    return "".join(f"{one['text']} -> {one['url']}" if one["type"] == "link" else one["text"] for one in elements)


def assert_reads_as_kept(name: str, tell: Callable[[], Notice | Line]) -> None:
    """What `tell` says in each language is what the snapshot of this name has."""
    readings = []
    for code, language in LANGUAGES.items():
        with translation.override(code):
            readings.append(f"=== {language} ===\n{shown(tell())}\n")
    reading, kept = "\n".join(readings), SNAPSHOTS / f"{name}.txt"
    if os.environ.get("KEEP_SNAPSHOTS"):
        kept.write_text(reading)
    assert reading == (kept.read_text() if kept.exists() else "")
