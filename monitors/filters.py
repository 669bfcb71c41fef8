"""Filters of lists. What cannot be understood is refused: a filter that is silently ignored lies."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField
from rest_framework.settings import api_settings

from monitors import kinds
from monitors.models import Act, Environment, Face, Subject
from monitors.models.server import HEALTH_ORDER, ServerQuerySet, found_by, of_kinds, type_choices
from monitors.pagination import Pagination
from monitors.patterns import NO_NUL

NOT_FILTERS = {Pagination.page_query_param, Pagination.page_size_query_param, api_settings.URL_FORMAT_OVERRIDE}
EARLIEST_YEAR, LATEST_YEAR = 1970, 9998
"""One year of room: the time zone of an instant may move it over the edge of what a database can hold."""
MAX_ID = 2**63 - 1


class StrictForm(forms.Form):
    """Refuses parameters that no filter has."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in set(self.data) - set(self.fields) - NOT_FILTERS:
            self.errors[name] = self.error_class([ValidationError(_("There is no such filter."))])
        return cleaned


class StrictFilterSet(filters.FilterSet):
    class Meta:
        form = StrictForm


class TruthField(forms.Field):
    """`true` or `false`, in any case."""

    default_error_messages = {"invalid": gettext_lazy("Give true or false.")}

    def to_python(self, value: Any) -> bool | None:
        if value in self.empty_values:
            return None
        truth = {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower())
        if truth is None:
            raise ValidationError(self.error_messages["invalid"])
        return truth


class TextFilter(filters.CharFilter):
    """Whatever text; django refuses NUL."""

    bounds = {"type": "string", "pattern": NO_NUL}


class TruthFilter(filters.BooleanFilter):
    field_class = TruthField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"widget": forms.TextInput, **kwargs})


class InstantField(IsoDateTimeField):
    default_error_messages = {
        "invalid": gettext_lazy(
            "Give an ISO 8601 instant, such as 2026-01-31T09:00:00Z. In a URL, a plus sign must be encoded."
        )
    }

    def to_python(self, value: Any) -> datetime | None:
        instant: datetime | None = super().to_python(value)
        if instant is not None and not EARLIEST_YEAR <= instant.year <= LATEST_YEAR:
            raise ValidationError(self.error_messages["invalid"])
        return instant


class InstantFilter(filters.IsoDateTimeFilter):
    field_class = InstantField
    reason = f"No instant of the calendar, or none of the years {EARLIEST_YEAR} to {LATEST_YEAR}."


class IdFilter(filters.NumberFilter):
    field_class = forms.IntegerField
    bounds = {"type": "integer", "minimum": 1, "maximum": MAX_ID}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=1, max_value=MAX_ID, **kwargs)


class StableOrderingFilter(filters.OrderingFilter):
    """Ends with the key, so that no row is on two pages or on none."""

    def filter(self, qs: Any, value: Any) -> Any:
        ordered = super().filter(qs, value)
        return ordered.order_by(*ordered.query.order_by, "id") if value else ordered


class ServerFilter(StrictFilterSet):
    """Filters of servers, and of where they stand."""

    environment = filters.MultipleChoiceFilter(choices=Environment.choices)
    type = filters.MultipleChoiceFilter(choices=type_choices)
    kind = filters.MultipleChoiceFilter(
        choices=lambda: [(word, word) for word in kinds.words()], method="filter_kind", distinct=False
    )
    notification = TruthFilter()
    health = filters.MultipleChoiceFilter(
        choices=[(health, health) for health in HEALTH_ORDER], method="filter_health", distinct=False
    )
    tag = TextFilter(method="filter_tag")
    search = TextFilter(method="filter_search", help_text=gettext_lazy("A part of the name or the host, in any case."))

    def filter_kind(self, queryset: ServerQuerySet, _name: str, value: list[str]) -> QuerySet[Any]:
        return queryset.filter(of_kinds(value)) if value else queryset

    def filter_health(self, queryset: ServerQuerySet, _name: str, value: list[str]) -> ServerQuerySet:
        return queryset.with_health().filter(Q(shown_health__in=value)) if value else queryset

    def filter_tag(self, queryset: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(tags__icontains=f",{value.strip()},")

    def filter_search(self, queryset: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(found_by(value))


class OrderedServerFilter(ServerFilter):
    ordering = StableOrderingFilter(
        fields=("id", "host_name", "host", "environment", "type", "created_at", "updated_at"),
    )


class TransitionFilter(StrictFilterSet):
    server = IdFilter(field_name="server_id")
    environment = filters.MultipleChoiceFilter(choices=Environment.choices)
    after = InstantFilter(field_name="at", lookup_expr="gte", help_text=gettext_lazy("At this instant or later."))
    before = InstantFilter(field_name="at", lookup_expr="lt", help_text=gettext_lazy("Before this instant."))


class IncidentFilter(StrictFilterSet):
    server = IdFilter(field_name="server_id")
    environment = filters.MultipleChoiceFilter(choices=Environment.choices)
    open = TruthFilter(field_name="ended_at", lookup_expr="isnull", help_text=gettext_lazy("Whether it still lasts."))
    after = InstantFilter(field_name="began_at", lookup_expr="gte", help_text=gettext_lazy("Began then or later."))
    before = InstantFilter(field_name="began_at", lookup_expr="lt", help_text=gettext_lazy("Began before."))


class AuditFilter(StrictFilterSet):
    actor = TextFilter(help_text=gettext_lazy("The whole name."))
    face = filters.MultipleChoiceFilter(choices=Face.choices, distinct=False)
    action = filters.MultipleChoiceFilter(choices=Act.choices, distinct=False)
    subject_kind = filters.MultipleChoiceFilter(choices=Subject.choices, distinct=False)
    subject_id = TextFilter()
    after = InstantFilter(field_name="at", lookup_expr="gte", help_text=gettext_lazy("At this instant or later."))
    before = InstantFilter(field_name="at", lookup_expr="lt", help_text=gettext_lazy("Before this instant."))
