"""What the monitor has written: statuses, changes, incidents and history. Read-only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from monitors import recording
from monitors.admin.base import (
    HEALTH_COLOURS,
    ChoiceFilter,
    EnvironmentFilter,
    FailureFilter,
    RecordAdmin,
    actor,
    instant_column,
)
from monitors.admin.inlines import NoteInline
from monitors.display import failure_and_detail, failure_text, health_word
from monitors.models import (
    Incident,
    LastFailure,
    PastOutcome,
    Rollup,
    Server,
    ServerStatus,
    StatusTransition,
    Subject,
)
from monitors.status import Health
from monitors.strip import stages_ms
from monitors.wording import duration_words

MOST_FOUND = 500
"""Servers whose history one search looks at."""


class StoredHealthFilter(ChoiceFilter):
    title = _("health")
    parameter_name = field = "health"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(health, health_word(health)) for health in Health]


class NewHealthFilter(StoredHealthFilter):
    title = _("to")
    parameter_name = field = "to_health"


@admin.register(ServerStatus)
class ServerStatusAdmin(RecordAdmin):
    last_checked = instant_column("last_checked_at", _("last checked"))
    since_at = instant_column("since", _("since"))
    next_probe = instant_column("next_probe_at", _("next probe"))
    run_began = instant_column("run_began_at", _("run began"))
    certificate_expires = instant_column("certificate_expires_at", _("certificate expires"))

    list_display = ("server", "health_label", since_at, "failure_line", "latency_ms", last_checked, next_probe)
    list_filter = (StoredHealthFilter, FailureFilter)
    search_fields = ("server__host_name",)
    ordering = ("server_id",)
    fields = readonly_fields = (
        "server",
        "in_words",
        since_at,
        "failure_line",
        "successes",
        "failures",
        "inconclusive",
        run_began,
        "first_failure_line",
        last_checked,
        "latency_ms",
        "stages_line",
        "peer",
        certificate_expires,
        "certificate_subject",
        next_probe,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServerStatus]:
        return (
            ServerStatus.objects.select_related("server")
            .defer("server__request_headers", "server__options")
            .order_by("server_id")
        )

    @display(description=_("health"), ordering="health", label=HEALTH_COLOURS)
    def health_label(self, obj: ServerStatus) -> tuple[str, str]:
        return obj.health, health_word(obj.health)

    @display(description=_("health"))
    def in_words(self, obj: ServerStatus) -> str:
        return health_word(obj.health)

    @display(description=_("last error"))
    def failure_line(self, obj: ServerStatus) -> str:
        return failure_text(obj)

    @display(description=_("first failure of the run"))
    def first_failure_line(self, obj: ServerStatus) -> str:
        return failure_and_detail(obj.first_failure, obj.first_detail)

    @display(description=_("stages"))
    def stages_line(self, obj: ServerStatus) -> str:
        return _stages(obj.stages)

    @display(description=_("latency (ms)"), ordering="elapsed_us")
    def latency_ms(self, obj: ServerStatus) -> float | None:
        return obj.latency_ms


def _stages(packed: str) -> str:
    return ", ".join(f"{name} {taken} ms" for name, taken in stages_ms(packed).items() if taken is not None)


@admin.register(LastFailure)
class LastFailureAdmin(RecordAdmin):
    happened_at = instant_column("at", _("at"))

    list_display = ("server", happened_at, "failure_line", "peer", "status")
    list_filter = (FailureFilter,)
    search_fields = ("server__host_name", "detail")
    ordering = ("-at",)
    fields = readonly_fields = ("server", happened_at, "failure_line", "stages_line", "peer", "status", "answer")

    def get_queryset(self, request: HttpRequest) -> QuerySet[LastFailure]:
        return LastFailure.objects.select_related("server").defer("server__request_headers", "server__options")

    @display(description=_("failure"), ordering="failure")
    def failure_line(self, obj: LastFailure) -> str:
        return failure_text(obj)

    @display(description=_("stages"))
    def stages_line(self, obj: LastFailure) -> str:
        return _stages(obj.stages)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees a server sees how it failed."""
        return request.user.has_perm("monitors.view_server")


class OpenFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return [("open", _("open")), ("ended", _("ended"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Incident]) -> QuerySet[Incident]:
        return queryset.filter(ended_at__isnull=self.value() == "open") if self.value() else queryset


@admin.register(Incident)
class IncidentAdmin(RecordAdmin):
    subject = Subject.INCIDENT
    inlines = (NoteInline,)
    list_display = (
        "host_name",
        "environment",
        "failure_line",
        "began_at",
        "ended_at",
        "duration",
        "acknowledged_by",
    )
    list_filter = (OpenFilter, EnvironmentFilter, FailureFilter, "began_at")
    search_fields = ("host_name", "address", "detail")
    ordering = ("-began_at",)
    actions = ("acknowledge",)
    fields = readonly_fields = (
        "host_name",
        "environment",
        "address",
        "failure_line",
        "began_at",
        "confirmed_at",
        "ended_at",
        "duration",
        "end_reason",
        "acknowledged_by",
        "acknowledged_at",
        "stages_line",
        "peer",
        "status",
        "answer",
    )

    def view_on_site(self, obj: Incident) -> str:
        return reverse("monitors:incident", args=[obj.pk])

    @display(description=_("stages"))
    def stages_line(self, obj: Incident) -> str:
        return _stages(obj.stages)

    @display(description=_("failure"), ordering="failure")
    def failure_line(self, obj: Incident) -> str:
        return failure_text(obj)

    @display(description=_("duration"))
    def duration(self, obj: Incident) -> str:
        return duration_words(obj.duration(timezone.now()))

    def has_acknowledge_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("monitors.change_incident")

    @admin.action(description=_("Take care of"), permissions=["acknowledge"])
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[Incident]) -> None:
        unclaimed = queryset.filter(ended_at=None, acknowledged_at=None).values_list("pk", flat=True)
        now = timezone.now()
        count = sum(recording.acknowledge(pk, actor=actor(request), now=now) for pk in list(unclaimed))
        text = ngettext("You take care of %(n)d incident.", "You take care of %(n)d incidents.", count)
        self.message_user(request, text % {"n": count}, messages.SUCCESS if count else messages.WARNING)


@admin.register(StatusTransition)
class StatusTransitionAdmin(RecordAdmin):
    list_display = ("at", "host_name", "environment", "change", "reason", "failure_line", "actor")
    list_filter = (NewHealthFilter, "reason", "outage", EnvironmentFilter, FailureFilter, "at")
    search_fields = ("host_name", "detail", "actor")
    ordering = ("-at", "-id")
    fields = readonly_fields = (
        "at",
        "host_name",
        "environment",
        "change",
        "reason",
        "outage",
        "failure_line",
        "actor",
        "notification",
        "incident",
        "created_at",
        "handed_over_at",
    )

    @display(description=_("change"))
    def change(self, obj: StatusTransition) -> str:
        return f"{health_word(obj.from_health)} → {health_word(obj.to_health)}"

    @display(description=_("failure"), ordering="failure")
    def failure_line(self, obj: StatusTransition) -> str:
        return failure_text(obj)


class HistoryAdmin(RecordAdmin):
    """Tables of millions of rows: nothing counts them, and a search by name asks for the servers first."""

    paginator = InfinitePaginator
    show_full_result_count = False
    list_per_page = 100
    search_fields = ("server__host_name",)
    search_help_text = _("A part of the server's name.")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Prefetched, not joined: a join would hide what belonged to servers that are deleted."""
        servers = Server.objects.only("host_name")
        return super().get_queryset(request).prefetch_related(Prefetch("server", servers))

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> Any:
        if not search_term:
            return queryset, False
        found = Server.objects.filter(host_name__icontains=search_term).values_list("pk", flat=True)[:MOST_FOUND]
        return queryset.filter(server__in=list(found)), False

    @display(description=_("server"))
    def name(self, obj: Any) -> str:
        """The number of a server that is deleted."""
        server: Model | None = getattr(obj, "server", None)
        return str(server) if server else f"({obj.server_id})"


@admin.register(PastOutcome)
class PastOutcomeAdmin(HistoryAdmin):
    slot_at = instant_column("slot", _("slot"))

    list_display = (slot_at, "name", "outcome", "milliseconds", "status")
    list_filter = (FailureFilter,)
    fields = readonly_fields = ("name", slot_at, "outcome", "milliseconds", "status", "stages_line")

    @display(description=_("outcome"))
    def outcome(self, obj: PastOutcome) -> str:
        return failure_text(obj) or str(_("ok"))

    @display(description=_("time taken (ms)"))
    def milliseconds(self, obj: PastOutcome) -> float:
        return obj.elapsed_us / 1000

    @display(description=_("stages"))
    def stages_line(self, obj: PastOutcome) -> str:
        return _stages(obj.stages)


class ResolutionFilter(ChoiceFilter):
    title = _("seconds covered")
    parameter_name = field = "resolution"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return [(str(Rollup.MINUTE), _("minute")), (str(Rollup.HOUR), _("hour")), (str(Rollup.DAY), _("day"))]


@admin.register(Rollup)
class RollupAdmin(HistoryAdmin):
    start_at = instant_column("start", _("start"))

    list_display = (start_at, "resolution", "name", "succeeded", "failed", "inconclusive", "blips", "mean", "longest")
    list_filter = (ResolutionFilter,)
    fields = readonly_fields = (
        "name",
        start_at,
        "resolution",
        "succeeded",
        "failed",
        "inconclusive",
        "blips",
        "mean",
        "longest",
    )

    @display(description=_("mean of the successes (ms)"))
    def mean(self, obj: Rollup) -> float | None:
        return round(obj.elapsed_sum_us / obj.succeeded / 1000, 1) if obj.succeeded else None

    @display(description=_("longest success (ms)"))
    def longest(self, obj: Rollup) -> float:
        return obj.elapsed_max_us / 1000
