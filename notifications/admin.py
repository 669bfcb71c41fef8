"""Channels and what was sent to them. What a channel must be told goes through the outbox."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from monitors.admin.base import ChoiceFilter, ExplainingAdmin, RecordAdmin, SecretTextarea
from notifications import outbox, storm_admin, workspace_admin
from notifications.admin_help import SHOWN
from notifications.forms import ChannelForm
from notifications.models import Channel, Delivery, Guarantee, SkipReason, State
from notifications.refusals import describe_refusal
from notifications.trial import try_channel
from notifications.workspace.wording import describe_guarantee

__all__ = ["ChannelAdmin", "DeliveryAdmin", "storm_admin", "workspace_admin"]

STATE_COLOURS = {
    State.SENT.value: "success",
    State.FAILED.value: "danger",
    State.UNCERTAIN.value: "warning",
    State.PENDING.value: "info",
    State.SENDING.value: "info",
}
GUARANTEE_COLOURS = {Guarantee.EXACTLY_ONCE.value: "success", Guarantee.AT_LEAST_ONCE.value: "warning"}
MOST_TESTS = 10
"""Test messages sent by one request, one after the other."""


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
        return obj.guarantee, obj.get_guarantee_display()

    @display(description=gettext_lazy("what it means"))
    def explanation(self, obj: Channel) -> str:
        return describe_guarantee(obj)

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        """Whoever begins to listen is told of what is down now. Two who take the same id at once: the database says who
        came second."""
        columns = form.columns()
        if change:
            outbox.change_channel(obj.pk, columns, timezone.now())
        else:
            for name, value in columns.items():
                setattr(obj, name, value)
            outbox.add_channel(obj, timezone.now())

    def delete_model(self, request: HttpRequest, obj: Channel) -> None:
        outbox.remove_channels([obj.pk], timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        outbox.remove_channels(list(queryset.values_list("pk", flat=True)), timezone.now())

    @admin.action(description=gettext_lazy("Send alerts there"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        self._set_enabled(request, queryset, enabled=True)

    @admin.action(description=gettext_lazy("Send no alerts there"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Channel]) -> None:
        self._set_enabled(request, queryset, enabled=False)

    def _set_enabled(self, request: HttpRequest, queryset: QuerySet[Channel], *, enabled: bool) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        count = outbox.set_enabled(ids, enabled, timezone.now())
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
            level, verdict = try_channel(channel.pk, timezone.now)
            self.message_user(request, f"{channel}: {verdict}", level)


class ChannelFilter(admin.SimpleListFilter):
    """By value: the tables are never joined, see `Channel`."""

    title = gettext_lazy("channel")
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[Any, Any]]:
        channels = Channel.objects.only("channel_id", "name").order_by("name", "channel_id")
        return [(channel.pk, str(channel)) for channel in channels]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        return queryset.filter(channel=self.value()) if self.value() else queryset


@admin.register(Delivery)
class DeliveryAdmin(RecordAdmin):
    shown = SHOWN
    list_display = (
        "created_at",
        "kind",
        "about",
        "to",
        "state_label",
        "reason_in_words",
        "attempts",
        "doubts",
        "sent_at",
        "seconds",
    )
    list_filter = ("state", "kind", ChannelFilter, "found", "possible_repeat", "created_at")
    search_fields = ("key", "transition__host_name", "reason", "error")
    ordering = ("-id",)
    list_select_related = ("transition", "storm")
    actions = ("send_again",)
    fields = readonly_fields = (
        "kind",
        "about",
        "to",
        "state",
        "reason_in_words",
        "key",
        "transition",
        "incident_id",
        "storm",
        "facts",
        "attempts",
        "created_at",
        "first_attempt_at",
        "next_attempt_at",
        "attempt_ended_at",
        "looks",
        "found",
        "possible_repeat",
        "sent_at",
        "seconds",
        "edited_at",
        "edit_due_at",
        "slack_ts",
        "thread_ts",
        "error",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        channels = Channel.objects.only("channel_id", "name")
        return super().get_queryset(request).prefetch_related(Prefetch("channel", channels))

    @display(description=gettext_lazy("about"))
    def about(self, obj: Delivery) -> str:
        if obj.transition:
            return obj.transition.host_name
        if obj.incident_id:
            return _("incident %(number)d") % {"number": obj.incident_id}
        return str(obj.storm or "")

    @display(description=gettext_lazy("channel"))
    def to(self, obj: Delivery) -> str:
        """The id of a channel that is deleted."""
        return str(obj.channel or obj.channel_id or "")

    @display(description=gettext_lazy("state"), ordering="state", label=STATE_COLOURS)
    def state_label(self, obj: Delivery) -> tuple[str, str]:
        return obj.state, obj.get_state_display()

    @display(description=gettext_lazy("reason"), ordering="reason")
    def reason_in_words(self, obj: Delivery) -> str:
        """Why it was skipped is a code of ours, why it failed is one of Slack's."""
        if obj.state == State.SKIPPED:
            return str(dict(SkipReason.choices).get(obj.reason, obj.reason))
        return describe_refusal(obj.reason) if obj.reason else ""

    @display(description=gettext_lazy("doubts"))
    def doubts(self, obj: Delivery) -> str:
        """What became of a message whose answer was lost."""
        told = ((obj.found, _("found")), (obj.possible_repeat, _("possible repeat")))
        return ", ".join(words for is_so, words in told if is_so)

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("notifications.change_delivery")

    @admin.action(description=gettext_lazy("Send again"), permissions=["resend"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        now = timezone.now()
        count = sum(outbox.resend(pk, now) for pk in list(queryset.values_list("pk", flat=True)))
        text = ngettext("%(n)d message is sent again.", "%(n)d messages are sent again.", count)
        self.message_user(request, text % {"n": count}, messages.SUCCESS if count else messages.WARNING)
