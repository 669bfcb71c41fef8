"""`/api/kinds/`: the kinds of check, with the JSON Schema of the options of each."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from monitors import kinds
from monitors.kinds.base import Kind
from monitors.kinds.options import schema
from monitors.permissions import AUTHENTICATED


class NumberSerializer(serializers.Serializer[Any]):
    type = serializers.IntegerField()
    label = serializers.CharField()  # type: ignore[assignment]  # the name of an attribute, which is not used
    path = serializers.CharField(help_text="What is asked for where a server says no path.")


class KindSerializer(serializers.Serializer[Any]):
    """A kind of check."""

    kind = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the name of an attribute, which is not used
    types = NumberSerializer(many=True, help_text="The numbers in `type`; `kind` is written as the first.")
    schemes = serializers.ListField(child=serializers.CharField())
    needs = serializers.ListField(child=serializers.CharField(), help_text="Of `host` and `port`.")
    settings = serializers.ListField(child=serializers.CharField(), help_text="Those that not every kind has.")
    options = serializers.DictField(help_text="A JSON Schema.")
    stages = serializers.ListField(child=serializers.CharField())
    failures = serializers.ListField(child=serializers.CharField(), help_text="Those that no other kind has.")


class KindViewSet(viewsets.ViewSet):
    required_permission = {"GET": AUTHENTICATED}

    @extend_schema(summary="List the kinds of check", responses=KindSerializer(many=True))
    def list(self, request: Request) -> Response:
        return Response([_described(kind) for kind in kinds.KINDS])


def _described(kind: Kind) -> dict[str, Any]:
    return {
        "kind": kind.word,
        "label": gettext(kind.label),
        "types": [
            {"type": number, "label": gettext(variant.label), "path": kinds.shape_of(number).path}
            for number, variant in kind.numbers.items()
        ],
        "schemes": kind.shape.schemes,
        "needs": [name for name in ("host", "port") if getattr(kind.shape, name)],
        "settings": kind.columns,
        "options": schema(kind.options, gettext),
        "stages": [stage.name for stage in kind.stages],
        "failures": kind.failures,
    }


class OptionsExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """In the OpenAPI document `options` is what one of the kinds has."""

    target_class = "monitors.serializers.fields.OptionsField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        return {"anyOf": [{"title": kind.word, **schema(kind.options)} for kind in kinds.KINDS]}
