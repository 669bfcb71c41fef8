"""Servers in and out of JSON."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from monitors import concealing, kinds
from monitors.address import EXPECTED_STATUS, SCHEME, UNBROKEN
from monitors.models import Server
from monitors.patterns import BREAKING, CONTROLS, IN_LINE_BREAKING, INVISIBLE, none_of
from monitors.permissions import may
from monitors.policy import RULES, Origin, Rule
from monitors.serializers.fields import (
    HeadersField,
    KindField,
    NumberField,
    OptionsField,
    StrictSerializer,
    TagsField,
    WholeNumberField,
)
from monitors.settings_table import OPTIONAL
from monitors.targets import address_text, effective_of
from monitors.validation import MAX_HEADER_VALUE, MAX_HEADERS, MAX_TAG, TOKEN, name_key, settle, type_of

MAX_ROWS = 5_000
"""Servers in one request."""


def _help(column: str) -> str:
    return Server._meta.get_field(column).help_text  # type: ignore[return-value,union-attr]  # lazy; never a relation


class OriginSerializer(serializers.Serializer[Any]):
    origin = serializers.ChoiceField(choices=[(origin.value, origin.value) for origin in Origin])


class WholeWithOrigin(OriginSerializer):
    value = serializers.IntegerField()


class WholeOrNullWithOrigin(OriginSerializer):
    value = serializers.IntegerField(allow_null=True)


class NumberWithOrigin(OriginSerializer):
    value = serializers.FloatField()


class AddressWithOrigin(OriginSerializer):
    value = serializers.CharField()


def _with_origin(rule: Rule) -> OriginSerializer:
    if rule.optional:
        return WholeOrNullWithOrigin()
    return WholeWithOrigin() if rule.whole else NumberWithOrigin()


class EffectiveSerializer(serializers.Serializer[Any]):
    """The values in force, each with where it comes from."""

    def get_fields(self) -> dict[str, Any]:
        return {**{name: _with_origin(rule) for name, rule in RULES.items()}, "address": AddressWithOrigin()}


class ServerList(serializers.ListSerializer[Any]):
    """A list whose rows are all checked, also against each other."""

    most = MAX_ROWS

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            raise ValidationError([gettext("Give a list of servers.")])
        if len(data) > self.most:
            raise ValidationError([gettext("At most %(n)d servers are possible at once.") % {"n": self.most}])
        rows: list[Any] = []
        problems: dict[int, Any] = {}
        first_row: dict[str, int] = {}
        for index, item in enumerate(data):
            try:
                row = self.run_child_validation(item)
                _refuse_repeated_name(row["host_name"], index + 1, first_row)
            except ValidationError as error:
                problems[index] = error.detail
            else:
                rows.append(row)
        if problems:
            raise ValidationError(problems)  # type: ignore[arg-type]
        return rows


def _refuse_repeated_name(name: str, row: int, first_row: dict[str, int]) -> None:
    first = first_row.setdefault(name_key(name), row)
    if first != row:
        raise ValidationError({"host_name": [gettext("Row %(n)d has this name already.") % {"n": first}]})


class ServerSerializer(StrictSerializer[Server], serializers.ModelSerializer[Server]):
    """A server that is probed. Omitted in a replacement, an optional field becomes null."""

    bounds = {
        "host_name": {"pattern": none_of(INVISIBLE, blank=False)},
        "host": {"pattern": UNBROKEN},
        "path": {"pattern": UNBROKEN},
        "scheme": {"pattern": SCHEME},
        "expected_status": {"pattern": EXPECTED_STATUS},
        "expected_text": {"pattern": none_of(BREAKING)},
        "subprotocol": {"pattern": f"^(?:{TOKEN.pattern})?$"},
        "request_headers": {
            "maxProperties": MAX_HEADERS,
            "additionalProperties": {
                "type": "string",
                "maxLength": MAX_HEADER_VALUE,
                "pattern": none_of(IN_LINE_BREAKING),
            },
        },
        "tags": {
            "items": {"type": "string", "maxLength": MAX_TAG, "pattern": none_of(rf"{CONTROLS},", blank=False)},
        },
    }
    reasons = {
        "host_name": "A server with this name exists already, or stands earlier in the list.",
        "host": "Holds no name and no address that can be probed, an address that is denied, or a user.",
        "path": "In it, or in the host, is a secret that has to be given anew for another scheme, host or port.",
        "kind": "With neither it nor `type` nothing says how to look; `type` is none of this kind.",
        "type": "With neither it nor `kind` nothing says how to look; it is none of the kind that is given.",
        "options": "Has an option that the kind does not have, or a value that it refuses: `kinds/` describes them.",
        "scheme": "It is none of the kind.",
        "subprotocol": "The kind has no such setting; so it may be with others of the request.",
        "expected_status": "A range is the wrong way round.",
        "expected_text": "Has a character that an adopted table cannot hold; so may other texts.",
        "timeout_seconds": "Longer than the interval of the same server.",
        "request_headers": (
            "A name is no HTTP token, is longer than 100 characters, is given twice, or belongs to the prober; or a "
            "value is masked and none is stored, or has to be given anew for another scheme, host or port."
        ),
        "tags": "All together have more than about 500 characters.",
    }

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.IntegerField: WholeNumberField,
        models.PositiveIntegerField: WholeNumberField,
        models.PositiveSmallIntegerField: WholeNumberField,
        models.FloatField: NumberField,
    }
    paused = serializers.BooleanField(
        required=False,
        help_text=_("Not probed while true. Omitted in a replacement, it stays as it is: pausing is its own act."),
    )
    kind = KindField(required=False, help_text=_("The kind of check: a word instead of the number in `type`."))
    options = OptionsField(
        allow_null=True,
        default=None,
        help_text=_("Settings that only this kind of check has: see `/api/kinds/`. Secrets are masked."),
    )
    request_headers = HeadersField(allow_null=True, default=None, help_text=_help("request_headers"))
    tags = TagsField(allow_null=True, default=None, help_text=_help("tags"))
    effective = serializers.SerializerMethodField(help_text=_("The values in force, each with where it comes from."))

    class Meta:
        model = Server
        list_serializer_class = ServerList
        fields = (
            "id",
            "host_name",
            "host",
            "port",
            "type",
            "kind",
            "environment",
            "notification",
            "paused",
            "paused_reason",
            *OPTIONAL,
            "request_headers",
            "options",
            "tags",
            "effective",
            "created_at",
            "updated_at",
        )
        extra_kwargs = {
            # Whether a name is taken is for the database to say when it writes: it compares by its own rules, and no
            # other request comes in between.
            "host_name": {"validators": []},
            "type": {"required": False, "error_messages": {"invalid_choice": _("There is no such type of server.")}},
            "environment": {"error_messages": {"invalid_choice": _("Choose one of DEV, STAGE, LIVE and UNKNOWN.")}},
            "notification": {"default": True},
            **{name: {"default": None} for name in OPTIONAL},
            "expected_text": {"default": None, "trim_whitespace": False},
        }

    @extend_schema_field(EffectiveSerializer)
    def get_effective(self, server: Server) -> dict[str, Any]:
        address = {"value": address_text(server), "origin": str(Origin.SERVER)}
        return {**effective_of(server, self.context["policies"]).as_dict(), "address": address}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        stored = self.instance if isinstance(self.instance, Server) else Server()
        number = type_of(attrs.pop("kind", None), attrs.get("type"), stored.type)
        attrs |= {} if number is None else {"type": number}
        anew = concealing.given(attrs)
        try:
            attrs |= {
                column: concealing.unmasked(column, attrs[column], getattr(stored, column))
                for column in concealing.COLUMNS
                if column in attrs
            }
        except concealing.MaskedError as error:
            words = gettext("%(name)s is masked, and no value is stored for it.") % {"name": error.name}
            raise ValidationError({error.column: [words]}) from None
        candidate = self.changed(attrs)
        candidate.clean()
        if problems := concealing.carried_off(stored, candidate, anew):
            raise ValidationError(problems)
        return {name: getattr(candidate, name) for name in {**attrs, **dict.fromkeys(settle(candidate))}}

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(self._fitted(data) if isinstance(data, Mapping) else data)

    def _fitted(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """`data` without the nothing that stands for what its kind does not have. Requires what it has."""
        word = data.get("kind")
        named = kinds.named(word) if isinstance(word, str) else None
        kind = named or kinds.chosen(data.get("type", getattr(self.instance, "type", "")))
        self.fields["type"].required = word is None
        for name in ("host", "port"):
            self.fields[name].required = getattr(kind.shape, name)
        absent = [name for name in ("host", "port") if not getattr(kind.shape, name)]
        return {name: value for name, value in data.items() if value or name not in absent}

    def to_representation(self, instance: Server) -> dict[str, Any]:
        """Whoever may not change a server is shown its address without the secrets in it."""
        shown: dict[str, Any] = super().to_representation(instance)
        request = self.context.get("request")
        if request is None or not may(request, "monitors.change_server"):
            shown |= {column: concealing.masked(column, shown[column]) for column in ("host", "path")}
        return shown

    def changed(self, attrs: dict[str, Any]) -> Server:
        """The server as it would be with `attrs`; nothing is written."""
        server = copy(self.instance) if isinstance(self.instance, Server) else Server()
        for name, value in attrs.items():
            setattr(server, name, value)
        return server


class NotificationSerializer(StrictSerializer[Any]):
    """Whether anybody is told of a server."""

    whole = True
    notification = serializers.BooleanField(help_text=_("Whether anybody is told. The server is probed either way."))


class BulkCreatedSerializer(serializers.Serializer[Any]):
    created = ServerSerializer(many=True)
    skipped = serializers.ListField(child=serializers.CharField(), help_text=_("Names that existed already."))


class DeletedSerializer(serializers.Serializer[Any]):
    deleted = serializers.IntegerField()


class StagesSerializer(serializers.Serializer[Any]):
    """Milliseconds of each stage; null where it was not reached or not needed, absent where the kind has no such."""

    def get_fields(self) -> dict[str, Any]:
        return {name: serializers.FloatField(allow_null=True, required=False) for name in kinds.stages()}


class FailureField(serializers.ChoiceField):
    """The name of a failure."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=[(str(failure), str(failure)) for failure in kinds.failures()], **kwargs)


class OutcomeSerializer(serializers.Serializer[Any]):
    """What one look at the server found."""

    ok = serializers.BooleanField(allow_null=True, help_text=_("null when the monitor itself could not look."))
    failure = FailureField(allow_null=True)
    detail = serializers.CharField(allow_null=True)
    latency_ms = serializers.FloatField()
    stages = StagesSerializer()
    status = serializers.IntegerField(allow_null=True, help_text=_("Status code of the answer, when there was one."))
    address = serializers.CharField(allow_null=True, help_text=_("The address that was connected to."))
    answer = serializers.CharField(
        allow_null=True, help_text=_("How an answer that failed the probe began. Foreign text: escape it.")
    )
    certificate_expires_at = serializers.DateTimeField(
        allow_null=True, help_text=_("The earliest end of the certificates that were shown; null without TLS.")
    )
    certificate_subject = serializers.CharField(
        allow_null=True, help_text=_("Whose certificate ends first: that of the server or one of its authorities.")
    )
