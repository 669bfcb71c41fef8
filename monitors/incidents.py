"""Which incidents the page lists, open ones first."""

from __future__ import annotations

from collections.abc import Mapping

from django import forms
from django.db.models import Case, Q, QuerySet, Value, When
from django.utils.translation import gettext_lazy as _

from monitors.dashboard import PageFilter
from monitors.models import Incident


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
    field_order = ("environment", "state", "q")


STATES = {
    "": Q(),
    "open": Q(ended_at=None),
    "unacknowledged": Q(ended_at=None, acknowledged_at=None),
    "ended": Q(ended_at__isnull=False),
}


def listed(chosen: Mapping[str, str]) -> QuerySet[Incident]:
    incidents = Incident.objects.filter(STATES[chosen["state"]])
    if chosen["environment"]:
        incidents = incidents.filter(environment=chosen["environment"])
    if chosen["q"]:
        incidents = incidents.filter(host_name__icontains=chosen["q"])
    open_first = Case(When(ended_at=None, then=Value(0)), default=Value(1))
    return incidents.order_by(open_first, "-began_at", "-id")
