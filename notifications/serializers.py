"""Channels and deliveries in and out of JSON. A webhook's URL goes in and never comes out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from monitors.models import Environment
from monitors.serializers.fields import StrictSerializer, TextOrNullField
from notifications.models import OPEN_STATES, Channel, Delivery, Guarantee, Kind, State, WorkspaceChannel
from notifications.transports.slack import Verdict
from notifications.transports.slack.webhooks import clean_hook_url, hint
from notifications.transports.slack.workspace.wording import describe_guarantee
from notifications.validation import (
    LONGEST_CHANNEL_NAME,
    clean_channel_id,
    clean_channel_name,
    clean_environments,
    clean_name,
    new_hook_id,
)

MOST_SELECTED = 5_000
"""Channels in one selection."""


@extend_schema_field({"type": "array", "items": {"type": "string", "enum": Environment.values}, "minItems": 1})
class EnvironmentsField(serializers.MultipleChoiceField):
    """A list without repetition, in the usual order; null for all of them, and never an empty list: it could mean all
    as well as none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=Environment.choices, allow_null=True, allow_empty=False, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, list):
            self.fail("not_a_list", input_type=type(data).__name__)
        return clean_environments(super().to_internal_value(data))  # type: ignore[arg-type]  # the stubs want one value

    def to_representation(self, value: Iterable[str]) -> Any:
        return list(value) or None


class ChoiceOrNullField(serializers.ChoiceField):
    """One of a few, of which the database stores "" for null."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_null": True, **kwargs})

    def to_internal_value(self, data: Any) -> Any:
        return "" if data == "" else super().to_internal_value(data)

    def to_representation(self, value: Any) -> Any:
        return value or None


class ChannelSerializer(StrictSerializer[Channel], serializers.ModelSerializer[Channel]):
    """A channel that receives alerts, by the bot token or by an incoming webhook of its own."""

    channel_id = serializers.CharField(
        required=False,
        max_length=255,
        help_text=_("Slack's id, such as C024BE91L; a channel with a webhook may be made without. Never changes."),
    )
    name = serializers.CharField(max_length=80, allow_null=True, default=None)
    hook_url = serializers.CharField(
        write_only=True,
        required=False,
        allow_null=True,
        help_text=_(
            "An incoming webhook of Slack; stored encrypted and never shown. null = messages go out by the bot token. "
            "Omitted, it stays as it is."
        ),
    )
    enabled = serializers.BooleanField(default=True, help_text=_("Off: nothing is sent here, the channel is kept."))
    environments = EnvironmentsField(default=None, help_text=_("Only servers of these; null = all."))

    language = ChoiceOrNullField(
        choices=settings.LANGUAGES,
        default=None,
        help_text=_("Of the messages in this channel; null = the monitor's own."),
    )
    guarantee = ChoiceOrNullField(
        choices=[choice for choice in Guarantee.choices if choice[0]],
        read_only=True,
        help_text=_("What a message that is sent there can be promised; null = not checked yet."),
    )
    lacks = TextOrNullField(
        read_only=True,
        allow_null=True,
        help_text=_("What exactly once would need: webhook, Slack's code, or missing_scope: and the scope."),
    )
    explanation = serializers.SerializerMethodField(help_text=_("What the guarantee means, and what to do for more."))

    class Meta:
        model = Channel
        fields = (
            "channel_id",
            "name",
            "hook_url",
            "hook_url_hint",
            "enabled",
            "environments",
            "language",
            "guarantee",
            "lacks",
            "explanation",
            "updated_at",
        )
        read_only_fields = ("hook_url_hint", "updated_at")

    def get_explanation(self, channel: Channel) -> str:
        return describe_guarantee(channel)

    def validate_channel_id(self, value: str) -> str:
        if not isinstance(self.instance, Channel):
            return clean_channel_id(value)
        if value != self.instance.pk:
            raise ValidationError(gettext("The id of a channel cannot be changed: make another channel."))
        return value

    def validate_name(self, value: str | None) -> str | None:
        return clean_name(value)

    def validate_language(self, value: str | None) -> str:
        return value or ""

    def validate_hook_url(self, value: str | None) -> str | None:
        return clean_hook_url(value) if value else None

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Of a channel that exists, the columns to write; they follow from what was sent alone."""
        if "hook_url" in attrs:
            attrs["hook_url_hint"] = hint(attrs["hook_url"])
        if isinstance(self.instance, Channel):
            attrs.pop("channel_id", None)
        elif "channel_id" not in attrs:
            if not attrs.get("hook_url"):
                raise ValidationError({"channel_id": [gettext("Give the channel's id, or a webhook.")]})
            attrs["channel_id"] = new_hook_id()
        return attrs


class SelectionSerializer(StrictSerializer[Any]):
    """The channels that receive alerts."""

    channel_ids = serializers.ListField(child=serializers.CharField(max_length=255), max_length=MOST_SELECTED)


class TrialSerializer(serializers.Serializer[Any]):
    """What became of a test message."""

    verdict = serializers.ChoiceField(
        choices=[(verdict.value, verdict.value) for verdict in Verdict],
        help_text=_(
            "sent; retry = Slack has not posted it, and it is tried again; uncertain = Slack may have posted it; "
            "give_up = Slack will not post it until somebody mends something."
        ),
    )
    code = serializers.CharField(allow_null=True, help_text=_("Slack's code, with slack_ before it; null when sent."))
    explanation = serializers.CharField(help_text=_("What it means and what to do."))
    delivery_id = serializers.IntegerField()


class RefusedTrialSerializer(TrialSerializer):
    """A test message that was not sent: an error, and what became of the message."""

    detail = serializers.CharField()
    errors = serializers.ListField(child=serializers.DictField())  # type: ignore[assignment]  # a field, not its own


class WorkspaceChannelSerializer(serializers.ModelSerializer[WorkspaceChannel]):
    """A channel of the workspace, as Slack showed it last."""

    id = serializers.CharField(source="slack_id")
    receives_alerts = serializers.SerializerMethodField()

    class Meta:
        model = WorkspaceChannel
        fields: tuple[str, ...] = (
            "id",
            "name",
            "is_private",
            "is_member",
            "is_archived",
            "members",
            "receives_alerts",
            "seen_at",
        )
        read_only_fields = fields

    def get_receives_alerts(self, channel: WorkspaceChannel) -> bool:
        return channel.pk in self.context["listening"]


class ArchivedChannelSerializer(WorkspaceChannelSerializer):
    """A channel that nobody can post in any more."""

    disabled = serializers.BooleanField(help_text=_("It received alerts, and no longer does."))

    class Meta(WorkspaceChannelSerializer.Meta):
        fields: tuple[str, ...] = (*WorkspaceChannelSerializer.Meta.fields, "disabled")
        read_only_fields = fields


class RenamedChannelSerializer(StrictSerializer[Any]):
    """A name for a channel of the workspace. What else Slack refuses in one, Slack says."""

    name = serializers.CharField(max_length=LONGEST_CHANNEL_NAME, help_text=_("Lower-case letters, digits, - and _."))

    def validate_name(self, value: str) -> str:
        return clean_channel_name(value)


class NewWorkspaceChannelSerializer(RenamedChannelSerializer):
    """A channel to be made."""

    is_private = serializers.BooleanField(default=False)


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """One message to one channel, from the news to Slack's answer."""

    kind = serializers.ChoiceField(choices=Kind.choices)
    state = serializers.ChoiceField(choices=State.choices)
    channel_id = serializers.CharField(allow_null=True, help_text=_("null when no channel listened."))
    transition_id = serializers.IntegerField(allow_null=True)
    storm_id = serializers.IntegerField(allow_null=True, help_text=_("Of the storm that it tells of or is part of."))
    reason = TextOrNullField(allow_null=True, help_text=_("Why it was skipped, or Slack's code of why it failed."))
    error = TextOrNullField(allow_null=True, help_text=_("What the last attempt met."))
    next_attempt_at = serializers.SerializerMethodField(help_text=_("Not tried before; null when all is done."))

    class Meta:
        model = Delivery
        fields = (
            "id",
            "kind",
            "channel_id",
            "transition_id",
            "incident_id",
            "state",
            "reason",
            "attempts",
            "created_at",
            "sent_at",
            "seconds",
            "error",
            "found",
            "possible_repeat",
            "looks",
            "edited_at",
            "edit_due_at",
            "storm_id",
            "next_attempt_at",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_next_attempt_at(self, delivery: Delivery) -> str | None:
        instant = delivery.next_attempt_at if delivery.state in OPEN_STATES else None
        return serializers.DateTimeField().to_representation(instant) if instant else None
