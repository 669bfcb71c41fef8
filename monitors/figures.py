"""The small figures of a row: its last outcomes as a strip, and their latencies as a line.

There are hundreds of them on a page, so equal neighbours share one path, the line has fewer points than there are
outcomes, and what the tooltip says (js/strip.js) is packed into one word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from monitors import kinds
from monitors.display import instant
from monitors.strip import LENGTH, SUCCESS, Mark, marks
from monitors.wording import failure_words

BAR = 3
"""Width of one outcome, with the gap that the style sheet cuts into it."""
BARS = {"ok": 10, "failed": 16, "unclear": 4}
"""Height of each kind of outcome in a strip of 16: telling them apart takes no colour."""
TOGETHER = 3
"""Outcomes that share a point of the line: the longest latency of them."""
SPARK_POINTS, SPARK_STEP, SPARK_HEIGHT = LENGTH // TOGETHER, 2, 9


def strip_svg(recent: str, *, latencies: bool) -> SafeString:
    """The last outcomes, the latest at the right, for the tooltip with their `latencies`. Takes the focus: arrow keys
    go from one to the next."""
    seen = marks(recent)
    runs: dict[str, list[str]] = {}
    position = LENGTH - len(seen)
    looks = {SUCCESS: "ok"} | {failure.code: "unclear" for failure in kinds.failures() if not failure.conclusive}
    for kind, run in groupby(looks.get(code, "failed") for code, _latency, _second in seen):
        length = len(list(run))
        runs.setdefault(kind, []).append(_bar(position * BAR, length * BAR, BARS[kind]))
        position += length
    paths = "".join(f'<path class="{kind}" d="{"".join(bars)}"/>' for kind, bars in runs.items())
    stretched = SafeString(' preserveAspectRatio="none"' if latencies else "")  # a list of hundreds saves it
    return format_html(
        '<svg class="strip" viewBox="0 0 {} 16"{} role="img" tabindex="0" data-seen="{}" aria-label="{}">{}</svg>',
        *(LENGTH * BAR, stretched),
        *("".join(_packed(seen, latencies)), _summary(seen), SafeString(paths)),  # words of ours, numbers
    )


def spark_svg(recent: str) -> SafeString:
    """The latencies of the successes among them, from 0 to the longest. Says nothing that the strip does not say."""
    points: list[int | None] = [None] * SPARK_POINTS
    seen = marks(recent)
    for place, (code, latency, _second) in enumerate(seen, LENGTH - len(seen)):
        if code == SUCCESS:
            points[place // TOGETHER] = max(latency, points[place // TOGETHER] or 0)
    longest = max((point for point in points if point), default=0)
    if not longest:
        return SafeString("")
    heights = [None if point is None else SPARK_HEIGHT - round(point / longest * SPARK_HEIGHT) for point in points]
    path = "".join(_line(heights))
    return SafeString(f'<svg class="spark" viewBox="0 0 {SPARK_POINTS * SPARK_STEP} 10"><path d="{path}"/></svg>')


def _line(heights: Sequence[int | None]) -> Iterator[str]:
    """A path in which what stays level is one step; a failure is a gap."""
    x = 0
    before: int | None = None
    for height, run in groupby(heights):
        length = len(list(run))
        if height is not None:
            yield f"M{x} {height}" if before is None else f"l{SPARK_STEP} {height - before}".replace(" -", "-")
            if length > 1:
                yield f"h{(length - 1) * SPARK_STEP}"
        x, before = x + length * SPARK_STEP, height


def _packed(seen: Sequence[Mark], latencies: bool) -> Iterator[str]:
    """For each outcome its code (`-` for a success), its latency in ms if wanted and, after a colon, the seconds since
    the one before where these are not as many as last time; the first says when it was. `*` and a number: so many
    alike."""
    words, before, distance = [], 0, 0
    for code, tenths, second in seen:
        word = f"{'-' if code == SUCCESS else code}{(tenths + 5) // 10 if latencies else ''}"
        step = second - before
        words.append(word if step == distance else f"{word}:{step}")
        before, distance = second, step
    for word, alike in groupby(words):
        number = len(list(alike))
        yield word if number == 1 else f"{word}*{number}"


def _bar(x: int, width: int, height: int) -> str:
    return f"M{x} {16 - height}h{width}v{height}h-{width}z"


def _summary(seen: Sequence[Mark]) -> str:
    if not seen:
        return _("No outcome yet")
    succeeded = sum(mark.code == SUCCESS for mark in seen)
    text = _("%(ok)d of the last %(all)d probes succeeded.") % {"ok": succeeded, "all": len(seen)}
    latest = next((mark for mark in reversed(seen) if mark.code != SUCCESS), None)
    if latest is None:
        return text
    failed = _("Latest failure: %(failure)s, %(at)s.") % {
        "failure": failure_words(latest.failure or latest.code),
        "at": instant(latest.at),
    }
    return f"{text} {failed}"
