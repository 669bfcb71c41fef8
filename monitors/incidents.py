"""Which incidents the page lists, open ones first, and what people write down about one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.db.models import Case, Q, QuerySet, Value, When
from django.utils.translation import gettext_lazy as _

from monitors.dashboard import PageFilter
from monitors.filters import MAX_ID
from monitors.models import Incident, IncidentNote

PERIODS = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}


class IncidentFilter(PageFilter):
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[
            ("", _("all")),
            ("open", _("open")),
            ("unacknowledged", _("nobody takes care")),
            ("ended", _("ended")),
        ],
    )
    period = forms.ChoiceField(
        label=_("Went on in the last"),
        required=False,
        choices=[
            ("", _("all")),
            ("24h", _("24 hours")),
            ("7d", _("7 days")),
            ("30d", _("30 days")),
            ("90d", _("90 days")),
        ],
    )
    server = forms.IntegerField(required=False, min_value=1, max_value=MAX_ID, widget=forms.HiddenInput)
    field_order = ("q", "environment", "state", "period", "server")


STATES = {
    "": Q(),
    "open": Q(ended_at=None),
    "unacknowledged": Q(ended_at=None, acknowledged_at=None),
    "ended": Q(ended_at__isnull=False),
}


def listed(chosen: Mapping[str, Any], now: datetime) -> QuerySet[Incident]:
    incidents = Incident.objects.filter(STATES[chosen["state"]])
    if chosen["environment"]:
        incidents = incidents.filter(environment=chosen["environment"])
    if chosen["server"]:
        incidents = incidents.filter(server=chosen["server"])
    if chosen["period"]:
        since = now - PERIODS[chosen["period"]]
        incidents = incidents.filter(Q(ended_at=None) | Q(ended_at__gt=since))
    if text := chosen["q"]:
        incidents = incidents.filter(Q(host_name__icontains=text) | Q(address__icontains=text))
    open_first = Case(When(ended_at=None, then=Value(0)), default=Value(1))
    return incidents.order_by(open_first, "-began_at", "-id")


class NoteForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs alone
    class Meta:
        model = IncidentNote
        fields = ("text",)
        labels = {"text": _("Add a note")}
        help_texts = {"text": _("What was found, what was done: up to 2,000 characters. It cannot be changed later.")}
        widgets = {"text": forms.Textarea({"rows": 3, "maxlength": 2_000})}
