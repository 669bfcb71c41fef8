"""What Slack refuses in a message or a name, after its pages "Blocks", "chat.postMessage", "conversations.create"."""

from __future__ import annotations

import json
import re
from typing import Any

MAX_BLOCKS = 50
MAX_TEXT = 40_000
MAX_UPDATE = 4_000
MAX_ALL_BLOCKS = 13_200
"""Characters of JSON; not documented, seen in slackapi/bolt-js#2509."""
MAX_METADATA = 8_000
RICH_TEXT_PARTS = {"rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted"}
RICH_TEXT_ELEMENTS = {"text", "link", "date", "emoji"}


class RefusedError(Exception):
    """`code` is Slack's; `more` goes into the answer beside it."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.code, self.more = code, more


def check_message(text: object, blocks: object, metadata: object = None, *, longest: int = MAX_TEXT) -> None:
    """Raises `RefusedError` as Slack would."""
    if not text and not blocks:
        raise RefusedError("no_text")
    if text and (not isinstance(text, str) or _length(text) > longest):
        raise RefusedError("msg_too_long" if isinstance(text, str) else "invalid_arguments")
    if blocks:
        check_blocks(blocks)
    if metadata:
        check_metadata(metadata)


def check_blocks(blocks: object) -> None:
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise RefusedError("invalid_blocks_format")
    if len(blocks) > MAX_BLOCKS:
        raise RefusedError("invalid_blocks")
    if len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":"))) > MAX_ALL_BLOCKS:
        raise RefusedError("msg_blocks_too_long")
    if not all(_valid(block) for block in blocks):
        raise RefusedError("invalid_blocks")


def check_metadata(metadata: object) -> None:
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_payload"), dict):
        raise RefusedError("invalid_metadata_format")
    if not isinstance(metadata.get("event_type"), str) or not metadata["event_type"]:
        raise RefusedError("invalid_metadata_format")
    if len(json.dumps(metadata)) > MAX_METADATA:
        raise RefusedError("metadata_too_large")


def check_name(name: object) -> None:
    if not name or not isinstance(name, str):
        raise RefusedError("invalid_name_required")
    if len(name) > 80:
        raise RefusedError("invalid_name_maxlength")
    if not re.search(r"\w", name.replace("_", "")):
        raise RefusedError("invalid_name_punctuation")
    if not re.fullmatch(r"[\w-]+", name) or name != name.lower():
        raise RefusedError("invalid_name_specials")


def _valid(block: dict[str, Any]) -> bool:
    match block.get("type"):
        case "header":
            return _is_text(block.get("text"), 150, {"plain_text"})
        case "section":
            fields = block.get("fields", [])
            return (
                ("text" in block or bool(fields))
                and ("text" not in block or _is_text(block["text"], 3_000))
                and len(fields) <= 10
                and all(_is_text(field, 2_000) for field in fields)
            )
        case "context":
            elements = block.get("elements", [])
            return 1 <= len(elements) <= 10 and all(_is_text(element, 3_000) for element in elements)
        case "rich_text":
            return bool(block.get("elements")) and all(_is_rich_part(part) for part in block["elements"])
        case "actions":
            return 1 <= len(block.get("elements", [])) <= 25 and all(_is_button(one) for one in block["elements"])
        case "divider":
            return True
    return False


def _is_text(
    text: object, longest: int, kinds: frozenset[str] | set[str] = frozenset({"plain_text", "mrkdwn"})
) -> bool:
    return (
        isinstance(text, dict)
        and text.get("type") in kinds
        and isinstance(text.get("text"), str)
        and 1 <= _length(text["text"]) <= longest
        and not ("emoji" in text and text["type"] == "mrkdwn")
        and not ("verbatim" in text and text["type"] == "plain_text")
    )


def _is_rich_part(part: object) -> bool:
    return (
        isinstance(part, dict)
        and part.get("type") in RICH_TEXT_PARTS
        and bool(part.get("elements"))
        and all(_is_rich_element(element) for element in part["elements"])
    )


def _is_rich_element(element: object) -> bool:
    if not isinstance(element, dict) or element.get("type") not in RICH_TEXT_ELEMENTS:
        return False
    if element["type"] == "text":
        return isinstance(element.get("text"), str) and element["text"] != ""
    return element["type"] != "link" or bool(re.match(r"https?://[^\s<>|]+$", str(element.get("url"))))


def _is_button(element: object) -> bool:
    return (
        isinstance(element, dict)
        and element.get("type") == "button"
        and _is_text(element.get("text"), 75, {"plain_text"})
        and len(element.get("url", "")) <= 3_000
        and len(element.get("value", "")) <= 2_000
    )


def _length(text: str) -> int:
    """As JavaScript counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
