"""Fields that take what they say and nothing that merely looks like it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from monitors import kinds
from monitors.concealing import masked

T = TypeVar("T")

WHOLE = re.compile(r"-?[0-9]{1,1000}")


class WholeNumberField(serializers.IntegerField):
    """Without `true`, `30.0` and `3_0`, which the framework takes for numbers."""

    def to_internal_value(self, data: Any) -> int:
        number = isinstance(data, int) and not isinstance(data, bool)
        if not number and not (isinstance(data, str) and WHOLE.fullmatch(data.strip())):
            self.fail("invalid")
        return int(data)

    def to_representation(self, value: Any) -> Any:
        """A text as it is: SQLite keeps one in a column of numbers, and whoever reads the list is shown it."""
        return value


class NumberField(serializers.FloatField):
    """Without `true`."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)

    def to_representation(self, value: Any) -> Any:
        return value


class TextOrNullField(serializers.CharField):
    """A text of which the database stores "" for null."""

    def to_representation(self, value: Any) -> Any:
        return value or None


@extend_schema_field({"type": "array", "items": {"type": "string"}, "example": ["payment", "seoul"]})
class TagsField(serializers.Field[Any, Any, Any, Any]):
    """A list of words; `monitors.validation` says which."""

    def to_internal_value(self, data: Any) -> list[str]:
        if not isinstance(data, list) or not all(isinstance(tag, str) for tag in data):
            raise ValidationError(_("Give a list of words."))
        return data

    def to_representation(self, value: list[str]) -> list[str]:
        return value


@extend_schema_field(
    {"type": "object", "additionalProperties": {"type": "string"}, "example": {"Authorization": "Bearer abc"}}
)
class HeadersField(serializers.Field[Any, Any, Any, Any]):
    """An object of texts that shows no value. `monitors.concealing` puts the stored values back where the
    mask was sent."""

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if not isinstance(data, dict):
            raise ValidationError(_("Give the headers as a JSON object of texts."))
        return data

    def to_representation(self, value: Mapping[str, str]) -> Any:
        return masked("request_headers", value)


class OptionsField(serializers.Field[Any, Any, Any, Any]):
    """An object of options that shows no secret. `monitors.validation` says which ones there are."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise ValidationError(_("Give an object."))
        return data

    def to_representation(self, value: Any) -> Any:
        return masked("options", value)


class KindField(serializers.ChoiceField):
    """The word of a kind of check, which stands for the number in `type`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=kinds.words(), **kwargs)

    def get_attribute(self, instance: Any) -> Any:
        return kinds.of(instance.type).word


class StrictSerializer(serializers.Serializer[T]):
    """Refuses fields that do not exist, so that a typing error is an error and not a change that never happened."""

    bounds: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """What the OpenAPI document says of a field that is sent, beyond what its class and validators say."""
    reasons: ClassVar[Mapping[str, str]] = {}
    """Why a field may be refused that is within its bounds, for the OpenAPI document; `body` for the whole."""
    whole = False
    """What is required is so in a PATCH, too."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = [name for name in data if name not in self.fields] if isinstance(data, Mapping) else []
        if unknown:
            raise ValidationError({name: [_("There is no such field.")] for name in unknown})
        return super().to_internal_value(data)
