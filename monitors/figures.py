"""The small figures of a row: its last outcomes as a strip, and their latencies as a line.

There are hundreds of them on a page, so equal neighbours share one path, and what the tooltip says (js/strip.js) is
packed: one word for each outcome.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from monitors.display import instant
from monitors.strip import LENGTH, LETTER_OF, Mark, marks
from monitors.wording import failure_words

BAR = 3
"""Width of one outcome, with the gap that the style sheet cuts into it."""
BARS = {"ok": 10, "failed": 16, "unclear": 4}
"""Height of each kind of outcome in a strip of 16: telling them apart takes no colour."""
SPARK_HEIGHT = 15
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def strip_svg(recent: str) -> SafeString:
    """The last outcomes, the latest at the right. Takes the focus: arrow keys go from one to the next."""
    seen = marks(recent)
    kinds = [_kind(mark) for mark in seen]
    runs: dict[str, list[tuple[int, int]]] = {kind: [] for kind in BARS}
    position = LENGTH - len(kinds)
    for kind, run in groupby(kinds):
        length = len(list(run))
        runs[kind].append((position * BAR, length * BAR))
        position += length
    paths = format_html_join(
        "",
        '<path class="{}" d="{}"/>',
        ((kind, "".join(_bar(x, width, BARS[kind]) for x, width in bars)) for kind, bars in runs.items() if bars),
    )
    return format_html(
        '<svg class="strip" viewBox="0 0 {} 16" role="img" tabindex="0" data-seen="{}" aria-label="{}">{}</svg>',
        LENGTH * BAR,
        " ".join(_packed(seen)),
        _summary(seen),
        paths,
    )


def spark_svg(recent: str) -> SafeString:
    """The latencies of the successes among them, from 0 to the longest. Says nothing that the strip does not say."""
    seen = marks(recent)
    longest = max((mark.latency_ms for mark in seen if mark.failure is None), default=0.0)
    if not longest:
        return SafeString("")
    first = LENGTH - len(seen)
    heights = [
        None if mark.failure else SPARK_HEIGHT - round(mark.latency_ms / longest * (SPARK_HEIGHT - 1)) for mark in seen
    ]
    path = "".join(_line(first, heights))
    return format_html('<svg class="spark" viewBox="0 0 {} 16" aria-hidden="true"><path d="{}"/></svg>', LENGTH, path)


def _line(first: int, heights: Sequence[int | None]) -> Iterator[str]:
    """A path in which what stays level is one step; a failure is a gap."""
    x, before = first, None
    for height, run in groupby(heights):
        length = len(list(run))
        if height is not None:
            yield f"M{x} {height}" if before is None else f"l1 {height - before}".replace(" -", "-")
            if length > 1:
                yield f"h{length - 1}"
        x, before = x + length, height


def _packed(seen: Sequence[Mark]) -> Iterator[str]:
    """For each outcome its letter, its latency in ms and, after a colon, the seconds since the one before where these
    are not as many as last time; the first says when it was. Numbers have the base 36."""
    if not seen:
        return
    yield f"{LETTER_OF[seen[0].failure]}{_base36(round(seen[0].latency_ms))}:{_base36(int(seen[0].at.timestamp()))}"
    distance = None
    for before, mark in pairwise(seen):
        seconds = int((mark.at - before.at).total_seconds())
        word = f"{LETTER_OF[mark.failure]}{_base36(round(mark.latency_ms))}"
        yield word if seconds == distance else f"{word}:{_base36(max(0, seconds))}"
        distance = seconds


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits or "0"


def _kind(mark: Mark) -> str:
    if mark.failure is None:
        return "ok"
    return "failed" if mark.failure.conclusive else "unclear"


def _bar(x: int, width: int, height: int) -> str:
    return f"M{x} {16 - height}h{width}v{height}h-{width}z"


def _summary(seen: Sequence[Mark]) -> str:
    if not seen:
        return _("No outcome yet")
    succeeded = sum(mark.failure is None for mark in seen)
    text = _("%(ok)d of the last %(all)d probes succeeded.") % {"ok": succeeded, "all": len(seen)}
    latest = next((mark for mark in reversed(seen) if mark.failure), None)
    if latest is None:
        return text
    failed = _("Latest failure: %(failure)s, %(at)s.") % {
        "failure": failure_words(str(latest.failure)),
        "at": instant(latest.at),
    }
    return f"{text} {failed}"
