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
from notifications import delivery_admin, outbox, storm_admin, workspace_admin
from notifications.admin_help import SHOWN
from notifications.forms import ChannelForm
from notifications.models import Channel, Guarantee
from notifications.transports.slack.lacks import CUT_OFF
from notifications.transports.slack.workspace.wording import describe_guarantee
from notifications.trial import try_channel

__all__ = ["ChannelAdmin", "delivery_admin", "storm_admin", "workspace_admin"]

NOTHING = "nothing"
GUARANTEE_COLOURS = {
    Guarantee.EXACTLY_ONCE.value: "success",
    Guarantee.AT_LEAST_ONCE.value: "warning",
    NOTHING: "danger",
}
MOST_TESTS = 3
"""Test messages sent by one request, one after the other; a Slack that hangs holds it for ten seconds each."""


class AdminChannelForm(ChannelForm):
    """The same form in the admin's own dress."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        widgets = {
            "channel_id": UnfoldAdminTextInputWidget(),
            "webhook": SecretTextarea({"rows": 2}),
            "remove_webhook": UnfoldBooleanSwitchWidget(),
            "environments": UnfoldAdminCheckboxSelectMultipleWidget(),
            "language": UnfoldAdminSelectWidget(),
        }
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
    shown = SHOWN
    explained = {"name": gettext_lazy("Shown instead of the id; as in Slack, without the #.")}
    form = AdminChannelForm
    list_display = (
        "__str__",
        "channel_id",
        "enabled",
        "environments_in_words",
        "hook_url_hint",
        "guarantee_label",
        "explanation",
        "updated_at",
    )
    list_filter = ("enabled", GuaranteeFilter)
    search_fields = ("channel_id", "name")
    ordering = ("name", "channel_id")
    actions = ("enable", "disable", "test")
    add_fields = ("channel_id", "name", "webhook", "enabled", "environments", "language")
    change_fields = (
        "channel_id",
        "name",
        "hook_url_hint",
        "webhook",
        "remove_webhook",
        "enabled",
        "environments",
        "language",
        "guarantee_label",
        "explanation",
        "checked_at",
        "updated_at",
    )
    shown_fields = ("channel_id", "hook_url_hint", "guarantee_label", "explanation", "checked_at", "updated_at")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("hook_url")

    def get_fields(self, request: HttpRequest, obj: Channel | None = None) -> Any:
        if obj is None:
            return self.add_fields
        if self.has_change_permission(request, obj):
            return self.change_fields
        return [name for name in self.change_fields if name not in ("webhook", "remove_webhook")]

    def get_readonly_fields(self, request: HttpRequest, obj: Channel | None = None) -> Any:
        return self.shown_fields if obj else ()

    @display(description=gettext_lazy("environments"))
    def environments_in_words(self, obj: Channel) -> str:
        return ", ".join(obj.environments) if obj.environments else _("all")

    @display(description=gettext_lazy("guarantee"), ordering="guarantee", label=GUARANTEE_COLOURS)
    def guarantee_label(self, obj: Channel) -> tuple[str, str]:
        if obj.lacks in CUT_OFF:
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
        """Runs outside any transaction, as all actions do: Slack is asked."""
        channels = list(queryset[: MOST_TESTS + 1])
        if len(channels) > MOST_TESTS:
            text = _("At most %(n)d channels can be tested at once: choose fewer.") % {"n": MOST_TESTS}
            self.message_user(request, text, messages.ERROR)
            return
        for channel in channels:
            level, verdict = try_channel(channel.pk, database_now)
            self.message_user(request, f"{channel}: {verdict}", level)
