"""Slack's messages as HTML: as much of Block Kit and mrkdwn as alerts use. Pure.

Sources: Slack's reference pages "Blocks", "Rich text" and "Formatting message text".
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

Node = Mapping[str, Any]

CONTROL = re.compile(r"<([^<>]+)>")
PLACE = re.compile("\0(\\d+)\0")
STYLES = (
    (re.compile(r"(?<!\w)\*(\S(?:.*?\S)?)\*(?!\w)"), r"<b>\1</b>"),
    (re.compile(r"(?<!\w)_(\S(?:.*?\S)?)_(?!\w)"), r"<i>\1</i>"),
    (re.compile(r"(?<!\w)~(\S(?:.*?\S)?)~(?!\w)"), r"<s>\1</s>"),
    (re.compile(r"`([^`\n]+)`"), r"<code>\1</code>"),
)
TAGS = {"bold": "b", "italic": "i", "strike": "s", "code": "code"}


def message_html(message: Node) -> str:
    """The blocks of one message, or its text when it has none."""
    blocks = [*(message.get("blocks") or ())]
    for attachment in message.get("attachments") or ():
        blocks += attachment.get("blocks") or ()
    return "\n".join(map(_block, blocks)) if blocks else f"<p>{mrkdwn(str(message.get('text', '')))}</p>"


def plain(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


def mrkdwn(text: str) -> str:
    """Slack's markup as HTML. Its authors escape `&`, `<` and `>`, so what is in angle brackets is a command."""
    commands: list[str] = []

    def keep(found: re.Match[str]) -> str:
        commands.append(_command(found[1]))
        return f"\0{len(commands) - 1}\0"

    shown = html.escape(html.unescape(CONTROL.sub(keep, text.replace("\0", ""))), quote=False)
    for pattern, replacement in STYLES:
        shown = pattern.sub(replacement, shown)
    return PLACE.sub(lambda found: commands[int(found[1])], shown).replace("\n", "<br>")


def _command(text: str) -> str:
    target, _, label = text.partition("|")
    target, label = html.unescape(target), html.unescape(label)
    if target.startswith("!date^"):
        return _instant(target.split("^")[1], label)
    if target.startswith(("http://", "https://", "mailto:")):
        return _anchor(target, label or target)
    return f"<b>{plain(label or target)}</b>"


def _instant(seconds: str, fallback: str) -> str:
    """Marked up so that the page shows it in its reader's own time."""
    if not seconds.isdecimal():
        return plain(fallback)
    moment = datetime.fromtimestamp(int(seconds), UTC)
    return f'<time datetime="{moment.isoformat()}">{plain(fallback or str(moment))}</time>'


def _anchor(target: str, label: str) -> str:
    return f'<a href="{html.escape(target)}">{plain(label)}</a>'


def _block(block: Node) -> str:
    render = BLOCKS.get(str(block.get("type")))
    return render(block) if render else ""


def _text(node: Node | None) -> str:
    if not node:
        return ""
    text = str(node.get("text", ""))
    return mrkdwn(text) if node.get("type") == "mrkdwn" else plain(text)


def _section(block: Node) -> str:
    fields = "".join(f"<div>{_text(field)}</div>" for field in block.get("fields", ()))
    shown = _text(block.get("text"))
    return (f"<p>{shown}</p>" if shown else "") + (f'<div class="fields">{fields}</div>' if fields else "")


def _context(block: Node) -> str:
    return f"<small>{' '.join(_text(element) for element in block.get('elements', ()))}</small>"


def _actions(block: Node) -> str:
    buttons = []
    for element in block.get("elements", ()):
        label = _text(element.get("text"))
        url, look = str(element.get("url", "")), f'class="button {html.escape(str(element.get("style", "")))}"'
        if element.get("value") and not url:
            pressed = (html.escape(str(element.get(name, ""))) for name in ("action_id", "value"))
            buttons.append('<button {} data-action="{}" data-value="{}">{}</button>'.format(look, *pressed, label))
            continue
        link = f' href="{html.escape(url)}"' if url.startswith(("http://", "https://")) else ""
        buttons.append(f"<a {look}{link}>{label}</a>")
    return f'<div class="actions">{"".join(buttons)}</div>'


def _rich_text(block: Node) -> str:
    return "".join(f"<p>{_rich(element)}</p>" for element in block.get("elements", ()))


def _rich(node: Node) -> str:
    """One element of rich text, with the elements inside it."""
    match node.get("type"):
        case "text":
            shown = plain(str(node.get("text", "")))
            for name, on in (node.get("style") or {}).items():
                tag = TAGS.get(name)
                shown = f"<{tag}>{shown}</{tag}>" if on and tag else shown
            return shown
        case "link":
            return _command(f"{html.escape(str(node.get('url', '')))}|{html.escape(str(node.get('text', '')))}")
        case "date":
            return _instant(str(node.get("timestamp", "")), str(node.get("fallback", "")))
        case "rich_text_list":
            return "<ul>" + "".join(f"<li>{_rich(item)}</li>" for item in node.get("elements", ())) + "</ul>"
        case _:
            return "".join(map(_rich, node.get("elements", ())))


BLOCKS: dict[str, Callable[[Node], str]] = {
    "header": lambda block: f"<h2>{_text(block.get('text'))}</h2>",
    "section": _section,
    "context": _context,
    "divider": lambda _: "<hr>",
    "actions": _actions,
    "rich_text": _rich_text,
}
