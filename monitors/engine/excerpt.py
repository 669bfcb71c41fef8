"""The beginning of an answer that failed the probe, kept as evidence.

It is shown to people who may see the server, and goes nowhere else. A server may send back what it was asked: whatever
could be a secret of ours is taken out.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl

from monitors.engine.base import MAX_ANSWER, Target

WINDOW = 16 * MAX_ANSWER
"""Bytes that are worth handing over, so that a secret at the end of the excerpt is seen whole."""
HIDDEN = "[…]"
SHORTEST_SECRET = 6
"""Shorter values, such as `1` or `*/*`, are no secrets and are in every text."""


def excerpt(target: Target, text: str) -> str:
    """The first `MAX_ANSWER` characters of `text` without our secrets; empty for what is no text."""
    if "\0" in text:
        return ""
    shown = "".join(letter for letter in _without(text, _secrets(target)) if letter.isprintable() or letter in "\n\t")
    return shown.strip()[:MAX_ANSWER]


def _secrets(target: Target) -> Iterator[str]:
    """The values of our headers, of secret options and of the query, whole and word by word."""
    query = target.path.partition("?")[2]
    for value in (
        *(value for _, value in target.headers),
        *target.secrets,
        query,
        *(value for _, value in parse_qsl(query)),
    ):
        yield value
        yield from value.split()


def _without(text: str, secrets: Iterable[str]) -> str:
    """`text` with each secret, and the beginning of one that is cut off at the end, hidden."""
    spelled = {spelling for secret in secrets for spelling in (secret, html.escape(secret))}
    for secret in sorted(spelled, key=len, reverse=True):
        if len(secret) < SHORTEST_SECRET:
            continue
        text = text.replace(secret, HIDDEN)
        cut = next((n for n in range(len(secret) - 1, 3, -1) if text.endswith(secret[:n])), 0)
        if cut:
            text = text[:-cut] + HIDDEN
    return text
