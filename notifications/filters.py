"""Filters of channels and deliveries."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters

from monitors.filters import IdFilter, InstantFilter, StrictFilterSet, TextFilter, TruthFilter
from monitors.models import Incident
from notifications.models import Delivery, Kind, State


class ChannelFilter(StrictFilterSet):
    enabled = TruthFilter()


class WorkspaceChannelFilter(StrictFilterSet):
    search = TextFilter(field_name="name", lookup_expr="icontains", help_text=_("A part of the name."))
    archived = TruthFilter(field_name="is_archived")
    private = TruthFilter(field_name="is_private")


class DeliveryFilter(StrictFilterSet):
    """No filter touches the table of channels: see `Channel`."""

    state = filters.MultipleChoiceFilter(choices=State.choices)
    kind = filters.MultipleChoiceFilter(choices=Kind.choices)
    channel_id = TextFilter(max_length=255, help_text=_("Also of a channel that is deleted."))
    server = IdFilter(method="filter_server", help_text=_("About outages of this server; also of one that is deleted."))
    incident_id = IdFilter()
    storm_id = IdFilter(help_text=_("Messages of this storm, and those that it tells instead."))
    found = TruthFilter(help_text=_("Slack's answer was lost, and the message found in the channel."))
    possible_repeat = TruthFilter(help_text=_("Sent again without knowing whether it had arrived."))
    after = InstantFilter(field_name="created_at", lookup_expr="gte", help_text=_("At this instant or later."))
    before = InstantFilter(field_name="created_at", lookup_expr="lt", help_text=_("Before this instant."))

    def filter_server(self, queryset: QuerySet[Delivery], _name: str, value: int) -> QuerySet[Delivery]:
        return queryset.filter(incident_id__in=Incident.objects.filter(server=value).values("id"))
