"""States, instants and strips as HTML. Everything foreign goes through `format_html`, which escapes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

from django import template
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from monitors.display import SHAPES, STALE, failure_text, health_word, instant, type_word
from monitors.models import Incident, Server
from monitors.strip import LENGTH, Mark, marks
from monitors.targets import address_text
from monitors.wording import duration_words, failure_help, failure_label, failure_words

register = template.Library()

BAR = 3
"""Width of one outcome, with the gap that the style sheet cuts into it."""
BARS = {"ok": 10, "failed": 16, "unclear": 4}
"""Height of each kind of outcome in a strip of 16: telling them apart takes no colour."""

register.filter("failure_label", failure_label)
register.filter("failure_help", failure_help)


@register.filter
def address(server: Server) -> str:
    return address_text(server)


@register.filter
def type_words(server: Server) -> str:
    return type_word(server)


@register.filter
def failure_line(standing: Model | None) -> str:
    return failure_text(standing)


@register.simple_tag
def health(value: str, stale: bool = False) -> SafeString:
    """Shape and word. A health that may no longer be true is not shown as if it were."""
    shown = STALE if stale and value == "HEALTHY" else value
    note = _("Not seen lately") if stale else ""
    return format_html(
        '<span class="health health-{}" title="{}"><span aria-hidden="true">{}</span> {}</span>',
        shown.lower(),
        note,
        SHAPES.get(shown, "?"),
        health_word(shown),
    )


@register.filter
def shape(value: str, stale: bool = False) -> SafeString:
    """The shape alone, where the words are said beside it."""
    shown = STALE if stale else value
    return format_html(
        '<span class="health-{}" aria-hidden="true">{}</span>', shown.lower(), SHAPES.get(shown, SHAPES[STALE])
    )


@register.filter
def at(value: datetime | None) -> str | SafeString:
    """An instant in full."""
    if not value:
        return ""
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), instant(value))


@register.filter
def age(value: datetime | None, now: datetime) -> str | SafeString:
    """How long ago, with the instant on hover."""
    if not value:
        return ""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', value.isoformat(), instant(value), duration_words(now - value)
    )


@register.filter
def duration(value: timedelta) -> str:
    return duration_words(value)


@register.filter
def lasting(incident: Incident, now: datetime) -> str:
    return duration_words(incident.duration(now))


@register.filter
def milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} ms"


@register.filter
def microseconds(value: int | None) -> str:
    return milliseconds(None if value is None else value / 1000)


@register.filter
def admin_quoted(key: int | str) -> str:
    """A key as the admin writes it into its URLs."""
    return str(quote(key))


@register.filter
def strip(recent: str) -> SafeString:
    """The last outcomes, the latest at the right: one path for each kind, or a page of a hundred would be megabytes."""
    seen = marks(recent or "")
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
        '<svg class="strip" viewBox="0 0 {} 16" role="img"><title>{}</title>{}</svg>',
        LENGTH * BAR,
        _summary(seen),
        paths,
    )


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
