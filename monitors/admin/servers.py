"""Servers: edited here, recorded by `monitors.recording`, so that whoever was told of a failure is told its end."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import IntegrityError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from monitors import concealing, kinds, recording
from monitors.admin.base import HEALTH_COLOURS, EnvironmentFilter, ExplainingAdmin, SecretTextarea, actor
from monitors.clock import database_now
from monitors.display import (
    HEALTH_WORDS,
    STALE,
    effective_settings,
    failure_text,
    health_word,
    instant,
    outcome_text,
    status_of,
    type_word,
)
from monitors.fields import UnreadableHeaders
from monitors.forms.base import BaseServerForm
from monitors.forms.fields import expected_text_field, scheme_field, tags_field, verify_tls_field
from monitors.forms.options import fields_of
from monitors.freshness import stale
from monitors.kinds.base import Kind
from monitors.looking import MOST, look
from monitors.models import Server, Subject
from monitors.models.server import found_by
from monitors.policy import RULES
from monitors.settings_table import MAIN, REQUEST
from monitors.targets import address_text, policies
from monitors.wording import duration_words

WIDGETS: dict[type[forms.Widget], type[forms.Widget]] = {
    forms.TextInput: UnfoldAdminTextInputWidget,
    forms.NumberInput: UnfoldAdminTextInputWidget,
    forms.Textarea: UnfoldAdminTextareaWidget,
    forms.Select: UnfoldAdminSelectWidget,
}


class ServerForm(BaseServerForm):
    scheme = scheme_field(widget=UnfoldAdminSelectWidget)
    expected_text = expected_text_field(widget=UnfoldAdminTextInputWidget)
    verify_tls = verify_tls_field(widget=UnfoldAdminSelectWidget)
    tags = tags_field(widget=UnfoldAdminTextInputWidget)
    request_headers = forms.CharField(
        widget=SecretTextarea({"rows": 3}),
        label=gettext_lazy("Replace the request headers"),
        required=False,
        help_text=gettext_lazy(
            'A JSON object of texts, such as {"Authorization": "Bearer …"}; it replaces all that are stored and is '
            "never shown again. Empty = they stay as they are; {} removes them."
        ),
    )

    class Meta:
        model = Server
        fields = "__all__"  # the fieldsets of the admin choose

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["request_headers"] = ""

    def clean_request_headers(self) -> Any:
        text = self.cleaned_data["request_headers"]
        if not text.strip():
            return concealing.masked("request_headers", self.instance.request_headers)
        try:
            return json.loads(text) or None
        except (ValueError, RecursionError):
            raise forms.ValidationError(_("Give the headers as a JSON object of texts.")) from None


class HealthFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "health"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return [(health, word) for health, word in HEALTH_WORDS.items() if health != STALE]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(shown_health=self.value()) if self.value() else queryset


class KnownTypeFilter(admin.SimpleListFilter):
    title = gettext_lazy("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[Any, Any]]:
        return [*Server._meta.get_field("type").choices, ("other", gettext_lazy("not known"))]  # type: ignore[misc]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        known = {str(value) for value, _label in Server._meta.get_field("type").choices or ()}
        if self.value() == "other":
            return queryset.exclude(type__in=known)
        return queryset.filter(type=self.value()) if self.value() in known else queryset


@admin.register(Server)
class ServerAdmin(ExplainingAdmin):
    subject = Subject.SERVER
    form = ServerForm
    explained = {"environment": gettext_lazy("Which policy it inherits, and which channels are told of it.")}
    actions_list = ("paste", "export")
    list_display = (
        "host_name",
        "state_label",
        "for_how_long",
        "failure",
        "environment",
        "type_in_words",
        "address",
        "latency",
        "notification",
    )
    list_filter = (HealthFilter, EnvironmentFilter, KnownTypeFilter, "notification", "from_inventory")
    search_fields = ("host_name", "host", "tags")
    search_help_text = gettext_lazy("A part of the name, the host or a tag.")
    list_per_page = 50
    show_full_result_count = False
    actions = ("pause", "resume", "notification_on", "notification_off", "probe_now")
    readonly_fields = (
        "state",
        "since",
        "failure",
        "latency",
        "last_checked",
        "next_probe",
        "in_force",
        "masked_host",
        "masked_path",
        "stored_headers",
        "paused",
        "paused_reason",
        "from_inventory",
        "created_at",
        "updated_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Server]:
        """Without the secrets: they would be decrypted for nothing."""
        servers = Server.objects.worst_first().annotate(stale=stale(timezone.now()))
        return servers.defer("request_headers", "options")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """An address filters nothing, or its secrets would be found out letter by letter."""
        return lookup.partition("__")[0] not in concealing.COLUMNS and super().lookup_allowed(lookup, value, request)

    def get_fieldsets(self, request: HttpRequest, obj: Server | None = None) -> list[Any]:
        """What holds secrets only for those who may change it: read-only, Django would show what is stored."""
        editable = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        headers = (*(("stored_headers",) if obj else ()), *(("request_headers",) if editable else ()))
        host, path = ("host", "path") if editable else ("masked_host", "masked_path")
        kind = _kind(request, obj)
        own: dict[str, Sequence[str]] = {"host": (host,), "path": (path,), "request_headers": headers}
        expectations = [field for name in REQUEST if name in kind.columns for field in own.get(name, (name,))]
        main = [field for name in MAIN for field in own.get(name, (name,))]
        fieldsets: list[Any] = [(None, {"fields": main})]
        if editable and (options := list(fields_of(kind))):
            fieldsets.append((gettext_lazy("Options"), {"fields": options}))
        if obj:
            status = ("state", "since", "failure", "latency", "last_checked", "next_probe", "paused", "paused_reason")
            fieldsets.append((gettext_lazy("Status"), {"fields": status}))
        fieldsets += [
            (gettext_lazy("Rules"), {"fields": (*(("in_force",) if obj else ()), *RULES)}),
            *([(gettext_lazy("Request and answer"), {"fields": expectations})] if expectations else []),
        ]
        if obj:
            fieldsets.append((gettext_lazy("Row"), {"fields": ("from_inventory", "created_at", "updated_at")}))
        return fieldsets

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """With the options of the chosen kind as fields of its own."""
        fields = fields_of(_kind(request, obj))
        for field in fields.values():
            widget = WIDGETS.get(type(field.widget))
            if widget:
                field.widget, choices = widget(attrs=field.widget.attrs), getattr(field, "choices", None)
                if choices is not None:
                    field.choices = choices  # type: ignore[attr-defined]  # the widget's, too
        form = type("ServerForm", (self.form,), fields)
        return super().get_form(request, obj, change=change, form=form, **kwargs)

    def view_on_site(self, obj: Server) -> str:
        return reverse("monitors:server", args=[obj.pk])

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> Any:
        for word in search_term.split():
            queryset = queryset.filter(found_by(word) | Q(tags__icontains=word))
        return queryset, False

    # columns

    @display(description=gettext_lazy("state"), ordering="severity", label=HEALTH_COLOURS)
    def state_label(self, obj: Any) -> tuple[str, str]:
        shown = _shown_health(obj)
        return shown, health_word(shown)

    @display(description=gettext_lazy("for"), ordering="status__since")
    def for_how_long(self, obj: Server) -> str:
        status = status_of(obj)
        return duration_words(timezone.now() - status.since) if status and status.since else ""

    @display(description=gettext_lazy("state"))
    def state(self, obj: Any) -> str:
        return health_word(_shown_health(obj))

    @display(description=gettext_lazy("since"))
    def since(self, obj: Server) -> str:
        status = status_of(obj)
        return instant(status.since) if status else ""

    @display(description=gettext_lazy("last error"))
    def failure(self, obj: Server) -> str:
        return failure_text(status_of(obj))

    @display(description=gettext_lazy("type"), ordering="type")
    def type_in_words(self, obj: Server) -> str:
        return type_word(obj)

    @display(description=gettext_lazy("address"), ordering="host")
    def address(self, obj: Server) -> str:
        return address_text(obj)

    @display(description=gettext_lazy("latency"), ordering="status__elapsed_us")
    def latency(self, obj: Server) -> str:
        status = status_of(obj)
        return f"{status.latency_ms} ms" if status and status.latency_ms is not None else ""

    @display(description=gettext_lazy("last checked"))
    def last_checked(self, obj: Server) -> str:
        status = status_of(obj)
        return instant(status.last_checked_at) if status else ""

    @display(description=gettext_lazy("next probe"))
    def next_probe(self, obj: Server) -> str:
        status = status_of(obj)
        return instant(status.next_probe_at) if status else ""

    @display(description=gettext_lazy("in force"))
    def in_force(self, obj: Server) -> SafeString:
        rows = format_html_join("", "<li>{}: <b>{}</b> ({})</li>", effective_settings(obj, policies()))
        return format_html("<ul>{}</ul>", rows)

    @display(description=gettext_lazy("host"))
    def masked_host(self, obj: Server) -> str:
        return str(concealing.masked("host", obj.host))

    @display(description=gettext_lazy("path"))
    def masked_path(self, obj: Server) -> str:
        return concealing.masked("path", obj.path) or ""

    @display(description=gettext_lazy("stored request headers"))
    def stored_headers(self, obj: Server) -> str:
        """Their names. The values are secrets and stay where they are."""
        if isinstance(obj.request_headers, UnreadableHeaders):
            return _(obj.request_headers.problem)
        return ", ".join(f"{name}: ****" for name in obj.request_headers or ())

    # writing

    def save_model(self, request: HttpRequest, obj: Server, form: Any, change: bool) -> None:
        recording.save(obj, actor=actor(request), now=database_now())

    def delete_model(self, request: HttpRequest, obj: Server) -> None:
        recording.delete([obj.pk], actor=actor(request), now=database_now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Server]) -> None:
        recording.delete(_keys(queryset), actor=actor(request), now=database_now())

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Only the servers: their status goes along, their history expires. Django would ask for the permission to
        delete a status, which nobody has."""
        names = [str(obj) for obj in objs]
        options = Server._meta
        missing = set() if self.has_delete_permission(request) else {str(options.verbose_name)}
        return names, {options.verbose_name_plural: len(names)}, missing, []

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Two people may take the same name between the check and the write; the database says who came second."""
        try:
            response: HttpResponseBase = super().changeform_view(request, *args, **kwargs)
        except IntegrityError:
            self.message_user(request, _("A server with this name exists already. Nothing was saved."), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        return response

    # buttons above the list: what they lead to is made for it

    @action(description=gettext_lazy("Paste or upload a list"), permissions=["add"], icon="upload")
    def paste(self, request: HttpRequest) -> HttpResponseBase:
        return HttpResponseRedirect(reverse("monitors:paste"))

    @action(description=gettext_lazy("Export as CSV"), permissions=["view"], icon="download")
    def export(self, request: HttpRequest) -> HttpResponseBase:
        return HttpResponseRedirect(reverse("monitors:export", args=["csv"]))

    # actions: Django runs them outside any transaction

    @admin.action(description=gettext_lazy("Pause"), permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Server]) -> None:
        count = recording.pause(_keys(queryset), actor=actor(request), now=database_now())
        self.message_user(request, ngettext("%(n)d server paused.", "%(n)d servers paused.", count) % {"n": count})

    @admin.action(description=gettext_lazy("Resume"), permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Server]) -> None:
        count = recording.resume(_keys(queryset), actor=actor(request), now=database_now())
        self.message_user(request, ngettext("%(n)d server resumed.", "%(n)d servers resumed.", count) % {"n": count})

    @admin.action(description=gettext_lazy("Switch notification on"), permissions=["change"])
    def notification_on(self, request: HttpRequest, queryset: QuerySet[Server]) -> None:
        self._set_notification(request, queryset, on=True)

    @admin.action(description=gettext_lazy("Switch notification off"), permissions=["change"])
    def notification_off(self, request: HttpRequest, queryset: QuerySet[Server]) -> None:
        self._set_notification(request, queryset, on=False)

    def _set_notification(self, request: HttpRequest, queryset: QuerySet[Server], *, on: bool) -> None:
        count = recording.set_notification(_keys(queryset), on, actor=actor(request), now=database_now())
        text = ngettext("Notification of %(n)d server switched.", "Notification of %(n)d servers switched.", count)
        self.message_user(request, text % {"n": count})

    @admin.action(description=gettext_lazy("Probe now"), permissions=["change"])
    def probe_now(self, request: HttpRequest, queryset: QuerySet[Server]) -> None:
        servers = list(queryset.defer(None)[: MOST + 1])
        if len(servers) > MOST:
            text = _("At most %(n)d servers can be probed at once: choose fewer.") % {"n": MOST}
            self.message_user(request, text, messages.ERROR)
            return
        levels = {True: messages.SUCCESS, False: messages.ERROR, None: messages.WARNING}
        for server, outcome in zip(servers, look(servers), strict=True):
            self.message_user(request, f"{server}: {outcome_text(outcome)}", levels[outcome.ok])


def _kind(request: HttpRequest, obj: Server | None) -> Kind:
    """The chosen one."""
    return kinds.chosen(request.POST.get("type") or request.GET.get("type") or (obj.type if obj else ""))


def _shown_health(server: Any) -> str:
    """Needs `get_queryset`."""
    return STALE if server.stale and server.shown_health == "HEALTHY" else str(server.shown_health)


def _keys(queryset: QuerySet[Server]) -> list[int]:
    return list(queryset.order_by().values_list("pk", flat=True))
