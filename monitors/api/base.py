"""What the views of the API have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.views import APIView

from monitors.errors import LengthRequired
from monitors.targets import policies

ID = "[0-9]{1,18}"
"""A key that fits into the database; a longer one is 404 without asking."""


class AnnouncedBody(APIView):
    """Refuses a body without Content-Length: the framework would take it for an empty one, so that a PATCH would change
    nothing and say that it did."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if "Transfer-Encoding" in request.headers and "Content-Length" not in request.headers:
            raise LengthRequired


class ViewSet(AnnouncedBody, viewsets.GenericViewSet[Any]):
    """Hands the instant and the policies to the serializers: the policies are one query per request, when needed."""

    lookup_value_regex = ID
    required_permission: str | Mapping[str, str] | None = None

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "policies": SimpleLazyObject(policies), "now": timezone.now()}


def actor(request: Request) -> str:
    """Who did it, for the history."""
    return str(request.user.get_username())
