"""Plain words for what is stored as a code or in English: failures, their details, durations. Used by pages, the admin
and messages.

No models here: a code that a newer version stored falls back to itself instead of failing.
"""

from __future__ import annotations

from datetime import timedelta

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from monitors import kinds
from monitors.engine.sentences import template_of


def failure_words(kind: str) -> str:
    """What happened, for the middle of a sentence: `connection refused`. An unknown kind is its own words."""
    known = kinds.failure(kind)
    return _(known.words) if known else kind


def failure_label(kind: str) -> str:
    """What happened, to stand alone: `Connection refused`."""
    return capfirst(failure_words(kind))


def failure_help(kind: str) -> str:
    """One or two sentences on what the failure means and what to do; empty for an unknown kind."""
    known = kinds.failure(kind)
    return _(known.help) if known else ""


def stage_words(name: str) -> str:
    """What is timed in a stage, to stand alone: `Connect`."""
    label = kinds.stages().get(name)
    return _(label) if label else name


def detail_words(detail: str) -> str:
    """What a prober has said of a failure, in the language in force; every other text as it is."""
    template, values = template_of(detail, kinds.said())
    if not values:
        return _(detail) if detail else ""  # the catalogs keep their own header under the empty text
    return _(template) % {name: _(value) for name, value in values.items()}


def duration_words(duration: timedelta) -> str:
    """The two largest units, rounded down: `3 d 4 h`, `4 min 12 s`, `0 s`. A negative duration counts as none."""
    seconds = max(0, int(duration.total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    amounts = [
        (days, _("%(number)d d")),
        (hours, _("%(number)d h")),
        (minutes, _("%(number)d min")),
        (seconds, _("%(number)d s")),
    ]
    first = next((i for i, (number, _unit) in enumerate(amounts) if number), len(amounts) - 1)
    largest = amounts[first : first + 2]
    return " ".join(unit % {"number": number} for i, (number, unit) in enumerate(largest) if number or i == 0)
