"""Storms, and the rules by which failures are one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from monitors.admin.audited import AuditedAdmin
from monitors.admin.base import EnvironmentFilter, RecordAdmin
from monitors.models import Subject
from notifications import transports
from notifications.admin_help import SHOWN
from notifications.models import TELLING, Channel, Delivery, Kind, State, Storm, StormRule
from notifications.outbox.grouping import Rule


@admin.register(StormRule)
class StormRuleAdmin(AuditedAdmin):
    subject = Subject.STORM_RULE
    shown = SHOWN
    explained = {"environment": gettext_lazy("Whose failures are counted together.")}
    list_display = ("environment", "servers", "seconds")
    ordering = ("environment",)

    def get_readonly_fields(self, request: HttpRequest, obj: StormRule | None = None) -> Any:
        return ("environment",) if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: StormRule | None = None) -> Any:
        rule = Rule()
        description = _(
            "So many failures of an environment within the window are told to each channel by one message, which is "
            "kept up to date. Whoever fails within a further window joins it. An environment without a rule: "
            "%(servers)d servers within %(seconds)d s."
        ) % {"servers": rule.servers, "seconds": rule.window.total_seconds()}
        return [(None, {"fields": ("environment", "servers", "seconds"), "description": description})]


@admin.register(Storm)
class StormAdmin(RecordAdmin):
    shown = SHOWN
    list_display = ("began_at", "environment", "to", "outages", "joined_at", "ended_at", "told")
    list_filter = (EnvironmentFilter, "began_at")
    ordering = ("-id",)
    fields = readonly_fields = (
        "environment",
        "to",
        "outages",
        "began_at",
        "joined_at",
        "ended_at",
        "told",
        "its_deliveries",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Storm]:
        rows = Delivery.objects.filter(storm=OuterRef("pk"), kind__in=TELLING).order_by().values("storm")
        outages = Subquery(rows.annotate(number=Count("incident_id", distinct=True)).values("number"))
        channels = Channel.objects.only("channel_id", "name", "kind", "hook_url")
        opening = Delivery.objects.filter(kind=Kind.STORM)
        storms: QuerySet[Storm] = super().get_queryset(request)
        storms = storms.annotate(outages=Coalesce(outages, 0, output_field=IntegerField()))
        openings = Prefetch("deliveries", opening, to_attr="openings")
        return storms.prefetch_related(Prefetch("channel", channels), openings)

    @display(description=gettext_lazy("channel"))
    def to(self, obj: Storm) -> str:
        """The id of a channel that is deleted."""
        return str(obj.channel or obj.channel_id)

    @display(description=gettext_lazy("outages"))
    def outages(self, obj: Any) -> int:
        return int(obj.outages)

    @display(description=gettext_lazy("first message"))
    def told(self, obj: Any) -> str:
        """What became of it: one that was refused tells nobody."""
        for opening in obj.openings:
            state = opening.get_state_display()
            if opening.state == State.FAILED:
                return f"{state}: {transports.advice(obj.channel, opening.reason)}"
            return str(state)
        return ""

    @display(description=gettext_lazy("deliveries"))
    def its_deliveries(self, obj: Storm) -> str:
        url = reverse("admin:notifications_delivery_changelist")
        return format_html('<a href="{}?storm={}">{}</a>', url, obj.pk, _("Its messages, and what it tells instead"))
