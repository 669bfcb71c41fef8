"""States, instants and strips as HTML. Everything foreign goes through `format_html`, which escapes it."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction

from django import template
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import QueryDict
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from monitors import availability, kinds
from monitors.audit_log import change_lines
from monitors.display import SHAPES, STALE, age_html, failure_text, health_word, instant, iso, type_word
from monitors.figures import spark_svg, strip_svg
from monitors.models import Incident, Server, ServerStatus
from monitors.skew import Skew
from monitors.targets import address_text
from monitors.wording import detail_words, duration_words, failure_help, failure_label

register = template.Library()

FIRST_ORDER = {"since": "-since", "latency": "-latency"}
"""What is asked for first of a column: the latest change, the slowest server; elsewhere it is the smallest."""

register.filter("change_lines", change_lines)
register.filter("failure_label", failure_label)
register.filter("failure_help", failure_help)
register.filter("detail_words", detail_words)


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
    """Shape (which the style sheet draws) and word. A health that may no longer be true is not shown as if it were."""
    shown = STALE if stale and value == "HEALTHY" else value
    note = format_html(' title="{}"', _("Not seen lately")) if stale else ""
    return format_html('<span class="health health-{}"{}>{}</span>', shown.lower(), note, health_word(shown))


@register.filter
def shape(value: str, stale: bool = False) -> SafeString:
    """The shape alone, where the words are said beside it."""
    shown = STALE if stale else value
    return format_html(
        '<span class="health-{}" aria-hidden="true">{}</span>', shown.lower(), SHAPES.get(shown, SHAPES[STALE])
    )


@register.filter
def at(value: datetime | None) -> str | SafeString:
    """An instant in full; where scripts run, in the reader's zone, with the server's on hover."""
    if not value:
        return ""
    return format_html('<time datetime="{}" data-at>{}</time>', value.isoformat(), instant(value))


@register.filter
def age(value: datetime | None, now: datetime) -> str | SafeString:
    """How long ago, with the instant on hover."""
    if not value:
        return ""
    return age_html(value, now)


@register.filter
def ago(value: datetime | None, now: datetime) -> str | SafeString:
    """How long ago, in a list of hundreds: the instant is told by a script when it is wanted."""
    if not value:
        return ""
    return format_html('<time datetime="{}" data-age>{}</time>', iso(value), duration_words(now - value))


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
    return strip_svg(recent or "", latencies=True)


@register.filter
def small_strip(recent: str) -> SafeString:
    """Of one row among a hundred."""
    return strip_svg(recent or "", latencies=False)


@register.filter
def spark(recent: str) -> SafeString:
    return spark_svg(recent or "")


@register.filter
def percent(share: Fraction | float | None) -> str:
    """`99.980`, rounded down: what is not all is not shown as all."""
    return _("no data") if share is None else availability.percent(share)


@register.filter
def whole_percent(share: Fraction | float) -> str:
    """`94`, rounded down."""
    return availability.percent(share, 0)


@register.filter
def upcoming(value: datetime | None, now: datetime) -> str | SafeString:
    """How long until then, ticking where scripts run."""
    if not value:
        return ""
    text = _("in %(time)s") % {"time": duration_words(value - now)} if value > now else _("now")
    return format_html('<time datetime="{}" data-until>{}</time>', iso(value), text)


@register.filter
def skew_words(skew: Skew) -> str:
    """What is wrong with the clock of a host, and what mends it."""
    words = _("The clock of %(host)s differs from the database's by %(seconds)d s. Set it by NTP.")
    return words % {"host": skew.host, "seconds": round(abs(skew.seconds))}


@register.filter
def overdue(status: ServerStatus | None, now: datetime) -> bool:
    """Whether a server that was not seen lately should have been: its slot is past, or was handed out for nothing."""
    if not status or status.next_probe_at is None:
        return False
    return status.next_probe_at <= now or status.claimed_until is not None


@register.simple_tag
def next_probe(status: ServerStatus | None, stale: bool, now: datetime) -> str | SafeString:
    """How long until then. It is not said to come now where it did not come the last time."""
    if stale and overdue(status, now):
        return _("overdue")
    return upcoming(status.next_probe_at if status else None, now)


@register.simple_tag(takes_context=True)
def sort_heading(context: Context, name: str, label: str, classes: str = "", note: str = "") -> SafeString:
    """The heading of a column that the list can be sorted by: a click sorts, another one turns the order round. Needs
    `query`, what the page was asked for."""
    query: QueryDict = context["query"]
    chosen = query.get("sort", "state")
    current, first = chosen.removeprefix("-") == name, FIRST_ORDER.get(name, name)
    other = first.removeprefix("-") if first.startswith("-") else f"-{first}"
    wanted = query.copy()
    wanted.pop("page", None)
    wanted["sort"] = other if chosen == first else first
    order = ("descending" if chosen.startswith("-") else "ascending") if current else "none"
    return format_html(
        '<th scope="col" class="{}" aria-sort="{}"><a class="sort" id="sort-{}" href="?{}">{}</a>{}</th>',
        *(classes, order, name, wanted.urlencode(), label, note and format_html(' <span class="note">{}</span>', note)),
    )


@register.simple_tag
def failure_words_by_code() -> dict[str, str]:
    """What the codes of a strip stand for."""
    return {code: failure_label(failure) for code, failure in kinds.failures_by_code().items()}
