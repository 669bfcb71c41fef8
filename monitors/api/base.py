"""What the views of the API have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from rest_framework import viewsets
from rest_framework.request import Request

from monitors.targets import policies

ID = "[0-9]{1,18}"
"""A key that fits into the database; a longer one is 404 without asking."""


class ViewSet(viewsets.GenericViewSet[Any]):
    """Hands the instant and the policies to the serializers: the policies are one query per request, when needed."""

    lookup_value_regex = ID
    required_permission: str | Mapping[str, str] | None = None

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "policies": SimpleLazyObject(policies), "now": timezone.now()}


def actor(request: Request) -> str:
    """Who did it, for the history."""
    return str(request.user.get_username())
