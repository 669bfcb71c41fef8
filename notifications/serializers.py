"""Channels and deliveries in and out of JSON. A webhook's URL goes in and never comes out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from monitors.models import Environment
from monitors.patterns import INVISIBLE, NO_NUL, none_of
from monitors.serializers.fields import StrictSerializer, TextOrNullField
from notifications.models import OPEN_STATES, Channel, Delivery, Guarantee, Kind, State, WorkspaceChannel
from notifications.promises import describe_guarantee
from notifications.transports import TRANSPORTS, by_kind, family, kind_for, kinds, new_id, of
from notifications.transports.base import Setting, Transport, Verdict, declared
from notifications.transports.settings import COLUMNS, clean, columns, masked, stored
from notifications.validation import (
    CHANNEL_ID,
    LONGEST_CHANNEL_NAME,
    clean_channel_id,
    clean_channel_name,
    clean_environments,
    clean_name,
)

LANGUAGES = settings.LANGUAGES
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


class SettingColumnField(serializers.CharField):
    """A setting that is a field of its own."""

    def __init__(self, transport: Transport, setting: Setting) -> None:
        self.transport, self.setting = transport, setting
        text = _("%(label)s, for the kind %(kind)s. null = another kind. Omitted, it stays as it is.")
        help_text = text % {"label": setting.label, "kind": transport.kind}
        super().__init__(write_only=True, required=False, allow_null=True, help_text=help_text)

    def to_internal_value(self, data: Any) -> Any:
        name = self.setting.name
        try:
            return clean(self.transport, {name: super().to_internal_value(data)}, {})[name]
        except DjangoValidationError as error:
            raise ValidationError(error.message_dict[name]) from None


class SettingsField(serializers.DictField):
    """Of the kind; secrets go in and come out masked."""

    def get_attribute(self, instance: Channel) -> Any:
        return instance

    def to_representation(self, value: Any) -> Any:
        return masked(value)


class ChannelSerializer(StrictSerializer[Channel], serializers.ModelSerializer[Channel]):
    """A channel that receives alerts, of one of the kinds of `channel-kinds/`."""

    bounds = {
        "channel_id": {"pattern": f"^{CHANNEL_ID.pattern}$"},
        "name": {"pattern": none_of(INVISIBLE, blank=False)},
        **{name: one.bounds for name, one in COLUMNS.items()},
    }
    reasons = {
        "channel_id": "The channel exists already; in a change, it is that of another channel; with neither it nor a "
        "webhook, nothing can be sent. `selection` is none.",
        "name": "Has a character that an adopted table cannot hold.",
        "settings": "Has a setting that the kind does not have, lacks one that it needs, or has a value that it "
        "refuses: `channel-kinds/` describes them.",
        **{name: one.reason for name, one in COLUMNS.items()},
    }

    channel_id = serializers.CharField(
        required=False,
        max_length=255,
        help_text=_("The medium's id, for Slack such as C024BE91L; of other kinds it is generated. Never changes."),
    )
    name = serializers.CharField(max_length=80, allow_null=True, default=None)
    settings = SettingsField(
        required=False,
        help_text=_(
            "Of the kind, see channel-kinds/. A masked secret that comes back stays as it is; so does all when "
            "it is omitted."
        ),
    )
    enabled = serializers.BooleanField(default=True, help_text=_("Off: nothing is sent here, the channel is kept."))
    environments = EnvironmentsField(default=None, help_text=_("Only servers of these; null = all."))

    language = ChoiceOrNullField(
        choices=LANGUAGES,
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
            "kind",
            "settings",
            *(f"{name}_hint" for name in COLUMNS),
            "enabled",
            "environments",
            "language",
            "guarantee",
            "lacks",
            "explanation",
            "updated_at",
        )
        read_only_fields = (*(f"{name}_hint" for name in COLUMNS), "updated_at")

    def get_fields(self) -> dict[str, Any]:
        declarations = [(by, one) for by in TRANSPORTS for one in declared(by.settings) if one.column]
        own = {one.name: SettingColumnField(by, one) for by, one in declarations}
        usual = _("Without it, it follows from the settings that are given.")
        kind = serializers.ChoiceField(choices=kinds(), required=False, help_text=usual)
        return {**super().get_fields(), "kind": kind, **own}

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

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Of a channel that exists, the columns to write; they follow from what was sent alone."""
        channel = self.instance if isinstance(self.instance, Channel) else None
        own = {name: attrs.pop(name) for name in COLUMNS if name in attrs}
        kind, given = attrs.pop("kind", ""), attrs.pop("settings", None)
        own = {**{name: given[name] for name in COLUMNS if given and name in given}, **own}
        if channel is not None and not any(own.values()) and not _has_column(channel.kind):
            own = {}  # null means nothing where the kind has no such setting
        if channel is not None and not own and kind in ("", channel.kind) and given in (None, masked(channel)):
            transport = of(channel)  # nothing of it changes
        else:
            transport = by_kind(kind or (kind_for(own) if own or channel is None else channel.kind))
            attrs |= _settings(channel, transport, {**(given or {}), **own}, whole=given is not None)
        if channel is not None:
            attrs.pop("channel_id", None)
        elif "channel_id" not in attrs:
            if transport.own_ids:
                raise ValidationError({"channel_id": [gettext("Give the channel's id, or a webhook.")]})
            attrs["channel_id"] = new_id(transport)
        return attrs


def _has_column(kind: str) -> bool:
    """Whether the kind, or one that a channel of it may become, has a setting that is a column."""
    return any(one.name in COLUMNS for transport in family(kind) for one in declared(transport.settings))


def _settings(channel: Channel | None, transport: Transport, given: dict[str, Any], *, whole: bool) -> dict[str, Any]:
    """The columns of the kind and its settings. What a channel of the same kind had stays where nothing else was given:
    all of it, or with `whole` what is no part of the object `settings`."""
    try:
        before = stored(channel) if channel and channel.kind == transport.kind else {}
    except ValueError:  # it can be entered anew
        before = {}
    names = {one.name for one in declared(transport.settings)}
    kept = {name: value for name, value in before.items() if name in COLUMNS or not whole}
    wanted = {
        name: value
        for name, value in {**kept, **given}.items()
        if name in names or name not in COLUMNS or (name in given and value is not None)
    }
    try:
        return columns(transport, clean(transport, wanted, before))
    except DjangoValidationError as error:
        problems = error.message_dict.items()
        fields = {(name if name in COLUMNS else f"settings.{name}"): messages for name, messages in problems}
        raise ValidationError(fields) from None


CAPABILITIES = ("edit", "thread", "look_up", "resolve", "buttons", "pace")


class CapabilitiesSerializer(serializers.Serializer[Any]):
    """What a medium can do."""

    edit = serializers.BooleanField(help_text=_("Messages are kept up to date."))
    thread = serializers.BooleanField(help_text=_("A recovery is sent as a reply to the failure."))
    look_up = serializers.BooleanField(
        help_text=_("When the answer is lost, the monitor checks whether the message arrived.")
    )
    resolve = serializers.BooleanField(help_text=_("A recovery closes the alert that the failure opened."))
    buttons = serializers.BooleanField(help_text=_("Messages have buttons."))
    pace = serializers.FloatField(help_text=_("Seconds between two messages to one channel."))


class ChannelKindSerializer(serializers.Serializer[Any]):
    """A way to notify."""

    kind = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field, not its own
    own_ids = serializers.BooleanField(help_text=_("A new channel needs the medium's id; else it is generated."))
    guarantee = serializers.ChoiceField(
        choices=[choice for choice in Guarantee.choices if choice[0]],
        help_text=_("The best guarantee that this kind can give."),
    )
    capabilities = CapabilitiesSerializer()
    problem = serializers.CharField(
        allow_null=True, help_text=_("Why nothing can be sent with the present configuration; null when it can.")
    )
    settings = serializers.DictField(help_text=_("JSON Schema of a channel's settings."))


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": 255, "pattern": NO_NUL})
class ChannelIdField(serializers.CharField):
    """Of any channel that exists: an adopted id may be none that we would take."""


class SelectionSerializer(StrictSerializer[Any]):
    """The channels that receive alerts."""

    reasons = {"channel_ids": "There is no such channel; `errors` names up to 20."}

    channel_ids = serializers.ListField(child=ChannelIdField(max_length=255), max_length=MOST_SELECTED)


class TrialSerializer(serializers.Serializer[Any]):
    """What became of a test message."""

    verdict = serializers.ChoiceField(
        choices=[(verdict.value, verdict.value) for verdict in Verdict],
        help_text=_(
            "sent; retry = it was not taken, and is tried again; uncertain = it may have arrived; give_up = it will "
            "not be taken until somebody mends something."
        ),
    )
    code = serializers.CharField(
        allow_null=True, help_text=_("The medium's code after its name, such as slack_not_in_channel; null when sent.")
    )
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

    bounds = {"name": {"pattern": none_of(INVISIBLE, blank=False)}}
    reasons = {"name": "Slack refuses the name, or it is # alone."}
    whole = True

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
