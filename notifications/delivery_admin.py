"""Messages and what became of them, to be read and sent again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST
from unfold.decorators import display

from monitors.admin.base import RecordAdmin
from monitors.clock import database_now
from monitors.models import Subject
from notifications import outbox, transports
from notifications.admin_help import SHOWN
from notifications.models import OPEN_STATES, Channel, Delivery, SkipReason, State
from notifications.resending import describe_not_resent

STATE_COLOURS = {
    State.SENT.value: "success",
    State.FAILED.value: "danger",
    State.UNCERTAIN.value: "warning",
    State.PENDING.value: "info",
    State.SENDING.value: "info",
}


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
    subject = Subject.DELIVERY
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
        "seconds_taken",
    )
    list_filter = ("state", "kind", ChannelFilter, "found", "possible_repeat", "created_at")
    search_fields = ("key", "transition__host_name", "reason", "error")
    ordering = ("-id",)
    list_select_related = ("transition", "storm")
    actions = ("send_again",)
    change_form_outer_before_template = "admin/notifications/delivery/send_again.html"
    readonly_fields = (
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
        "seconds_taken",
        "edited_at",
        "edit_due_at",
        "remote_id",
        "thread_id",
        "error",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        channels = Channel.objects.only("channel_id", "name", "kind", "hook_url")
        return super().get_queryset(request).prefetch_related(Prefetch("channel", channels))

    def get_fields(self, request: HttpRequest, obj: Delivery | None = None) -> Any:
        """Without what is not so: of a message that is settled no next attempt, of one that is not there no edit."""
        hidden: set[str] = set()
        if obj is not None and obj.state not in OPEN_STATES:
            hidden.add("next_attempt_at")
        if obj is not None and obj.state != State.SENT:
            hidden |= {"sent_at", "seconds_taken", "edited_at", "edit_due_at", "remote_id"}
        return [name for name in self.readonly_fields if name not in hidden]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_POST(self.send_one_again))
        return [
            path("<path:object_id>/send-again/", view, name="notifications_delivery_send_again"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        delivery = self.get_object(request, object_id)
        may_help = delivery is not None and delivery.state in outbox.TRIED_AGAIN
        context = {**(extra_context or {}), "can_resend": may_help and self.has_resend_permission(request)}
        shown: HttpResponse = super().change_view(request, object_id, form_url, context)
        return shown

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
        """Why it was skipped is a code of ours, why it failed is one of the medium's; so is what holds it up."""
        if obj.state == State.SKIPPED:
            return str(dict(SkipReason.choices).get(obj.reason, obj.reason))
        code, _space, detail = obj.error.partition(" ")
        if obj.state in OPEN_STATES and code:
            return transports.advice(obj.channel, code, detail)
        return transports.advice(obj.channel, obj.reason, detail) if obj.reason else ""

    @display(description=gettext_lazy("took"), ordering="seconds", empty_value="–")
    def seconds_taken(self, obj: Delivery) -> str | None:
        """From the change of state to its acceptance."""
        return None if obj.seconds is None else _("%(seconds).2f s") % {"seconds": obj.seconds}

    @display(description=gettext_lazy("doubts"))
    def doubts(self, obj: Delivery) -> str:
        """What became of a message whose answer was lost."""
        told = ((obj.found, _("found")), (obj.possible_repeat, _("possible repeat")))
        return ", ".join(words for is_so, words in told if is_so)

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("notifications.change_delivery")

    @admin.action(description=gettext_lazy("Send again"), permissions=["resend"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        refused = Counter(_resend(delivery) for delivery in queryset)
        count = refused.pop("", 0)
        for words, number in refused.items():
            text = ngettext("%(n)d message is not sent again.", "%(n)d messages are not sent again.", number)
            self.message_user(request, f"{text % {'n': number}} {words}", messages.WARNING)
        if count:
            text = ngettext("%(n)d message is sent again.", "%(n)d messages are sent again.", count)
            self.message_user(request, text % {"n": count}, messages.SUCCESS)

    def send_one_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        delivery = self.get_object(request, object_id)
        if delivery is None:
            raise Http404
        if not self.has_resend_permission(request):
            raise PermissionDenied
        words = _resend(delivery)
        self.message_user(
            request, words or _("The message is sent again."), messages.WARNING if words else messages.SUCCESS
        )
        return redirect("admin:notifications_delivery_change", delivery.pk)


def _resend(delivery: Delivery) -> str:
    """Why it is not sent again; empty when it is."""
    try:
        outbox.resend(delivery.pk, database_now())
    except outbox.NotResentError as refused:
        return describe_not_resent(delivery, refused.code)
    return ""
