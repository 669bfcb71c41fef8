"""Charts, stages and evidence as the pages of servers and incidents show them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from monitors.charts.latency import Bucket, Chart
from monitors.charts.stages import reached
from monitors.strip import stages_ms
from monitors.wording import stage_words

register = template.Library()

PARTS: dict[str, Promise] = {"rest": gettext_lazy("Rest of the answer"), "answer": gettext_lazy("Answer")}
"""What is shown beside the stages that are timed."""
RANGE_WORDS = {
    "24h": gettext_lazy("24 hours"),
    "7d": gettext_lazy("7 days"),
    "30d": gettext_lazy("30 days"),
}
SECOND_MS = 1_000


@register.filter(name="stage_words")
def part_words(name: str) -> str:
    return str(PARTS[name]) if name in PARTS else stage_words(name)


@register.filter
def range_words(name: str) -> str:
    return str(RANGE_WORDS.get(name, name))


@register.filter
def failed_at(probe: Any) -> str:
    """The stage in which a probe failed, of anything that keeps its evidence."""
    return part_words(reached(stages_ms(probe.stages), probe.status)) if probe.stages or probe.status else ""


@register.filter
def latency(milliseconds: float | None) -> str:
    """Three digits, in the unit that needs the fewest."""
    if milliseconds is None:
        return "–"
    if milliseconds >= SECOND_MS:
        return f"{milliseconds / SECOND_MS:.3g} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 100 else f"{milliseconds:.3g} ms"


@register.filter
def span(bucket: Bucket) -> str:
    """When a bucket begins and ends, in TIME_ZONE: the day alone where it is one. js/chart.js says the same in the zone
    of the reader."""
    begin, end = timezone.localtime(bucket.start), timezone.localtime(bucket.end)
    days = (bucket.end - bucket.start).days
    if days and f"{begin:%H:%M}" == f"{end:%H:%M}" == "00:00":
        return _day(begin)
    return f"{_day(begin)} {begin:%H:%M}–{f'{_day(end)} ' if days else ''}{end:%H:%M}"


@register.filter
def bucket_words(bucket: Bucket) -> str:
    """Everything that a bucket says, in a line."""
    words = [span(bucket)]
    if bucket.succeeded:
        words.append(
            _("%(mean)s on average, %(longest)s at most")
            % {"mean": latency(bucket.mean_ms), "longest": latency(bucket.longest_ms)}
        )
    if bucket.probes:
        counted = ngettext("%(failed)d of %(all)d probe failed", "%(failed)d of %(all)d probes failed", bucket.probes)
        words.append(counted % {"failed": bucket.failed, "all": bucket.probes})
    if bucket.inconclusive:
        words.append(
            ngettext("%(n)d inconclusive", "%(n)d inconclusive", bucket.inconclusive) % {"n": bucket.inconclusive}
        )
    return " · ".join(words)


@register.filter
def instant_label(at: datetime, chart: Chart) -> str:
    """The hour where a chart shows one day, else the day."""
    local = timezone.localtime(at)
    hour = f"{local:%H:%M}"
    return hour if (chart.end - chart.begin).days <= 1 and hour != "00:00" else _day(local)


def _day(at: datetime) -> str:
    return date_format(at, pgettext("format of a short date", "M j"))
