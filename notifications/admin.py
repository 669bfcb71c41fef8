"""Channels. What a channel must be told goes through the outbox."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from monitors.admin.base import ChoiceFilter, ExplainingAdmin, SecretTextarea
from monitors.clock import database_now
from monitors.models import Subject
from notifications import delivery_admin, outbox, storm_admin, transports, workspace_admin
from notifications.admin_help import SHOWN
from notifications.forms import ChannelForm, form_for
from notifications.models import Channel, Guarantee
from notifications.promises import describe_guarantee
from notifications.transports import kinds
from notifications.transports import settings as transport_settings
from notifications.trial import try_channel

__all__ = ["ChannelAdmin", "delivery_admin", "storm_admin", "workspace_admin"]

NOTHING = "nothing"
GUARANTEE_COLOURS = {
    Guarantee.EXACTLY_ONCE.value: "success",
    Guarantee.AT_LEAST_ONCE.value: "warning",
    NOTHING: "danger",
}
MOST_TESTS = 3
"""Test messages sent by one request, one after the other; a medium that hangs holds it for ten seconds each."""


class AdminChannelForm(ChannelForm):
    """The same form in the admin's own dress."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        widgets: dict[str, Any] = {
            "channel_id": UnfoldAdminTextInputWidget(),
            "environments": UnfoldAdminCheckboxSelectMultipleWidget(),
            "language": UnfoldAdminSelectWidget(),
        }
        for name, one in self._settings().items():
            widgets |= {f"remove_{name}": UnfoldBooleanSwitchWidget()}
            if one.secret:
                widgets |= {name: SecretTextarea({"rows": 2})}
        for name in widgets.keys() & self.fields.keys():
            field: Any = self.fields[name]
            widgets[name].is_required = field.required
            field.widget = widgets[name]
            if hasattr(field, "choices"):
                field.choices = field.choices  # hands them to the widget


class GuaranteeFilter(ChoiceFilter):
    title = gettext_lazy("guarantee")
    parameter_name = field = "guarantee"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(choice.value, str(choice.label)) for choice in Guarantee if choice.value]


@admin.register(Channel)
class ChannelAdmin(ExplainingAdmin):
    subject = Subject.CHANNEL
    shown = SHOWN
    explained = {"name": gettext_lazy("Shown instead of the id; as in Slack, without the #.")}
    list_display = (
        "__str__",
        "channel_id",
        "enabled",
        "environments_in_words",
        "kind_label",
        "hint",
        "guarantee_label",
        "explanation",
        "updated_at",
    )
    list_filter = ("enabled", GuaranteeFilter)
    search_fields = ("channel_id", "name")
    ordering = ("name", "channel_id")
    actions = ("enable", "disable", "test")
    general_fields = ("enabled", "environments", "language")
    shown_fields = ("channel_id", "kind_label", "hint", "guarantee_label", "explanation", "checked_at", "updated_at")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = form_for(AdminChannelForm, self._kind(request, obj), adding=obj is None)
        return super().get_form(request, obj, change, **{**kwargs, "form": form})

    def _kind(self, request: HttpRequest, obj: Channel | None) -> str:
        chosen = request.GET.get("kind", "")
        return obj.kind if obj else chosen if chosen in dict(kinds()) else kinds()[0][0]

    def get_fields(self, request: HttpRequest, obj: Channel | None = None) -> Any:
        form = form_for(AdminChannelForm, self._kind(request, obj), adding=obj is None)
        settings = [name for name in form.base_fields if name not in ChannelForm.base_fields]
        if obj is None:
            return ("channel_id", "name", *settings, *self.general_fields)
        identity, *about = self.shown_fields
        settings = settings if self.has_change_permission(request, obj) else []
        return (identity, "name", *about[:2], *settings, *self.general_fields, *about[2:])

    def get_readonly_fields(self, request: HttpRequest, obj: Channel | None = None) -> Any:
        return self.shown_fields if obj else ()

    @display(description=gettext_lazy("kind"), ordering="kind")
    def kind_label(self, obj: Channel) -> str:
        return str(transports.of(obj).label)

    @display(description=gettext_lazy("destination"))
    def hint(self, obj: Channel) -> str:
        return transport_settings.hint(obj)

    @display(description=gettext_lazy("environments"))
    def environments_in_words(self, obj: Channel) -> str:
        return ", ".join(obj.environments) if obj.environments else _("all")

    @display(description=gettext_lazy("guarantee"), ordering="guarantee", label=GUARANTEE_COLOURS)
    def guarantee_label(self, obj: Channel) -> tuple[str, str]:
        if transports.is_cut_off(obj):
            return NOTHING, _("alerts do not arrive")
        return obj.guarantee, obj.get_guarantee_display()

    @display(description=gettext_lazy("what it means"))
    def explanation(self, obj: Channel) -> str:
        return describe_guarantee(obj)

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        """Whoever begins to listen is told of what is down now. Two who take the same id at once: the database says who
        came second."""
        columns = form.columns()
        if change:
            outbox.change_channel(obj.pk, columns, database_now())
        else:
            for name, value in columns.items():
                setattr(obj, name, value)
            outbox.add_channel(obj, database_now())

    def delete_model(self, request: HttpRequest, obj: Channel) -> None:
        outbox.remove_channels([obj.pk], database_now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        outbox.remove_channels(list(queryset.values_list("pk", flat=True)), database_now())

    @admin.action(description=gettext_lazy("Send alerts there"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        self._set_enabled(request, queryset, enabled=True)

    @admin.action(description=gettext_lazy("Send no alerts there"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        self._set_enabled(request, queryset, enabled=False)

    def _set_enabled(self, request: HttpRequest, queryset: QuerySet[Channel], *, enabled: bool) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        count = outbox.set_enabled(ids, enabled, database_now())
        text = ngettext("%(n)d channel changed.", "%(n)d channels changed.", count)
        self.message_user(request, text % {"n": count})

    @admin.action(description=gettext_lazy("Send a test message"), permissions=["change"])
    def test(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        """Runs outside any transaction, as all actions do: the medium is asked."""
        channels = list(queryset[: MOST_TESTS + 1])
        if len(channels) > MOST_TESTS:
            text = _("At most %(n)d channels can be tested at once: choose fewer.") % {"n": MOST_TESTS}
            self.message_user(request, text, messages.ERROR)
            return
        for channel in channels:
            level, verdict = try_channel(channel.pk, database_now)
            self.message_user(request, f"{channel}: {verdict}", level)
