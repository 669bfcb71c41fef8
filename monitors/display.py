"""How states look on pages and in the admin: a word and a shape for each, never a colour alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db.models import Model
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitors import kinds
from monitors.engine.base import Outcome
from monitors.models import Server, ServerStatus
from monitors.policy import Origin, Policies
from monitors.targets import effective_of
from monitors.wording import detail_words, duration_words, failure_label

STALE = "STALE"
"""Shown instead of a health that may no longer be true."""
HEALTH_WORDS: dict[str, Promise] = {
    "UNHEALTHY": gettext_lazy("Down"),
    "UNKNOWN": gettext_lazy("Unknown"),
    STALE: gettext_lazy("Out of date"),
    "PAUSED": gettext_lazy("Paused"),
    "HEALTHY": gettext_lazy("Healthy"),
}
"""Worst first."""
SHAPES = {"UNHEALTHY": "✕", "UNKNOWN": "?", STALE: "?", "PAUSED": "‖", "HEALTHY": "✓"}
ORIGIN_WORDS: dict[str, Promise] = {
    Origin.VARIABLE: gettext_lazy("environment variable"),
    Origin.POLICY: gettext_lazy("policy of the environment"),
    Origin.SERVER: gettext_lazy("this server"),
    Origin.CLAMPED: gettext_lazy("limited to what is allowed"),
}


def health_word(health: str) -> str:
    return str(HEALTH_WORDS.get(health, health))


def instant(value: datetime | None) -> str:
    """Date and time in TIME_ZONE, with the zone; empty for None."""
    return "" if value is None else date_format(timezone.localtime(value), "Y-m-d H:i:s T")


def iso(value: datetime) -> str:
    """For `datetime` attributes, which scripts read: the second in UTC is enough."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def age_html(value: datetime, now: datetime) -> SafeString:
    """How long ago, ticking where scripts run, with the instant on hover."""
    return format_html(
        '<time datetime="{}" data-age title="{}">{}</time>', iso(value), instant(value), duration_words(now - value)
    )


def status_of(server: Server) -> ServerStatus | None:
    """None until the first tick has seen the server."""
    return getattr(server, "status", None)


def failure_text(standing: Model | None) -> str:
    """Kind and detail of the failure of anything that has both columns; empty when there is none."""
    return failure_and_detail(getattr(standing, "failure", ""), getattr(standing, "detail", ""))


def failure_and_detail(failure: str, detail: str) -> str:
    """The same of two stored values."""
    if not failure:
        return ""
    return f"{failure_label(failure)} – {detail_words(detail)}" if detail else failure_label(failure)


def type_word(server: Server) -> str:
    """An adopted row may have a type that we do not know; it is probed as web."""
    if kinds.known(server.type):
        return _(dict(kinds.types())[server.type])
    return _("%(type)s, probed as web") % {"type": server.type}


def number_words(value: float | None) -> str:
    """A setting that is a number: `0.5`, or that there is none."""
    return _("none") if value is None else f"{value:g}"


def effective_settings(server: Server, policies: Policies) -> list[tuple[str, Any, str]]:
    """Name, value and origin of each setting in force."""
    effective = effective_of(server, policies)
    names = {field.name: str(field.verbose_name) for field in Server._meta.fields}
    return [
        (names[name], number_words(getattr(effective, name)), str(ORIGIN_WORDS[origin]))
        for name, origin in effective.origins.items()
    ]


def outcome_text(outcome: Outcome) -> str:
    """What one look found, in one line."""
    milliseconds = f"{outcome.elapsed.total_seconds() * 1000:.1f}"
    if outcome.failure is None and outcome.status is not None:
        return _("answered with status %(status)d in %(ms)s ms") % {"status": outcome.status, "ms": milliseconds}
    if outcome.failure is None:
        return _("answered in %(ms)s ms") % {"ms": milliseconds}
    failed = _("%(failure)s, after %(ms)s ms") % {"failure": failure_label(outcome.failure), "ms": milliseconds}
    return f"{failed} – {detail_words(outcome.detail).removesuffix('.')}" if outcome.detail else failed
