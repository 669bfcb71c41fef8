"""Reading the audit log: what the page lists, how it shows a change, and all of it as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django import forms
from django.db.models import Q, QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from monitors.models import Act, AuditEntry, Face, Subject
from monitors.models.audit import LONGEST_NAME
from monitors.seeding.csv_rows import guarded

COLUMNS = (
    "id",
    "at",
    "actor",
    "user_id",
    "face",
    "address",
    "action",
    "subject_kind",
    "subject_id",
    "subject_name",
    "changes",
)
CHUNK = 1_000
"""Entries read at once: a whole log of 400 days may not fit into memory."""
ALL = ("", gettext_lazy("all"))


class AuditForm(forms.Form):
    """What is no choice is ignored, as on every page."""

    q = forms.CharField(
        label=gettext_lazy("Search"),
        required=False,
        max_length=LONGEST_NAME,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off", "spellcheck": "false"}),
    )
    since = forms.DateField(
        label=pgettext_lazy("day", "From"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    until = forms.DateField(
        label=pgettext_lazy("day", "To"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    subject_kind = forms.ChoiceField(label=gettext_lazy("Subject"), required=False, choices=[ALL, *Subject.choices])
    action = forms.ChoiceField(label=gettext_lazy("Action"), required=False, choices=[ALL, *Act.choices])
    face = forms.ChoiceField(label=gettext_lazy("Via"), required=False, choices=[ALL, *Face.choices])
    subject_id = forms.CharField(required=False, max_length=LONGEST_NAME, widget=forms.HiddenInput)

    def chosen(self) -> dict[str, Any]:
        """The valid choices by name; "" or None where everything is wanted."""
        self.is_valid()
        return {name: self.cleaned_data.get(name) for name in self.fields}


def listed(chosen: Mapping[str, Any]) -> QuerySet[AuditEntry]:
    """The newest first. Days are those of the zone that pages are shown in, the last one included."""
    equal = {name: chosen[name] for name in ("subject_kind", "subject_id", "action", "face") if chosen[name]}
    entries = AuditEntry.objects.filter(**equal)
    if chosen["since"]:
        entries = entries.filter(at__gte=_start(chosen["since"]))
    if chosen["until"]:
        entries = entries.filter(at__lt=_start(chosen["until"] + timedelta(days=1)))
    if text := chosen["q"]:
        entries = entries.filter(Q(actor__icontains=text) | Q(subject_name__icontains=text))
    return entries.order_by("-at", "-id")


def _start(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


# one entry, in words


def change_lines(entry: AuditEntry) -> list[tuple[str, str, str]]:
    """Field, value before and value after; both are empty for nothing."""
    return [(field, said(before), said(after)) for field, (before, after) in entry.changes.items()]


def said(value: Any) -> str:
    """A stored value as people read it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(map(said, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}: {said(one)}" for name, one in value.items())
    return str(value)


# all of it


def csv_response(entries: QuerySet[AuditEntry], now: datetime) -> StreamingHttpResponse:
    """`entries` as a file, by and by."""
    response = StreamingHttpResponse(_pieces(entries), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="audit-{timezone.localtime(now):%Y-%m-%d}.csv"'
    return response


async def _pieces(entries: QuerySet[AuditEntry]) -> AsyncIterator[str]:
    """The lines of RFC 4180, after the mark without which spreadsheets take UTF-8 for something else. In the order of
    the ids: each query goes on where the one before ended, and none of them counts what it leaves out."""
    yield "\ufeff" + _lines([COLUMNS])
    entries = entries.order_by("-id")
    rows = await _read(entries)
    while rows:
        yield _lines(map(_cells, rows))
        rows = await _read(entries.filter(id__lt=rows[-1][0]))


@sync_to_async
def _read(entries: QuerySet[AuditEntry]) -> list[tuple[Any, ...]]:
    return list(entries.values_list(*COLUMNS)[:CHUNK])


def _cells(row: tuple[Any, ...]) -> list[str]:
    texts = dict(zip(COLUMNS, row, strict=True))
    texts["at"] = texts["at"].isoformat()
    texts["changes"] = json.dumps(texts["changes"], ensure_ascii=False)
    return [guarded("" if value is None else str(value)) for value in texts.values()]


def _lines(rows: Iterable[Iterable[str]]) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()
