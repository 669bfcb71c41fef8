"""`/api/audit/`: who changed what."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from monitors.api.base import ViewSet
from monitors.audit_log import csv_response
from monitors.filters import AuditFilter
from monitors.models import AuditEntry
from monitors.serializers import AuditEntrySerializer


class CsvRenderer(BaseRenderer):
    """Says that the list is to be had as CSV, too; it is streamed, so that nothing is left to render."""

    media_type = "text/csv"
    format = "csv"


@extend_schema_view(
    list=extend_schema(
        summary="List who changed what",
        description="Newest first, kept for 400 days. `format=csv` answers with the whole list, not by pages.",
        parameters=[OpenApiParameter("format", str, enum=["json", "csv"])],
        responses={
            (200, "application/json"): AuditEntrySerializer(many=True),
            (200, "text/csv"): OpenApiTypes.STR,
        },
    )
)
class AuditViewSet(mixins.ListModelMixin, ViewSet):
    queryset = AuditEntry.objects.order_by("-at", "-id")
    serializer_class = AuditEntrySerializer
    filterset_class = AuditFilter

    def get_renderers(self) -> Any:
        """CSV for the list alone: there is none of what `OPTIONS` answers."""
        others = super().get_renderers()
        return [*others, CsvRenderer()] if self.action == "list" else others

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(request.accepted_renderer, CsvRenderer):
            return super().list(request, *args, **kwargs)
        return csv_response(self.filter_queryset(self.get_queryset()), timezone.now())

    def handle_exception(self, exc: Exception) -> Any:
        """An error is JSON, whatever was asked for."""
        if isinstance(getattr(self.request, "accepted_renderer", None), CsvRenderer):
            self.request.accepted_renderer = JSONRenderer()
            self.request.accepted_media_type = JSONRenderer.media_type
        return super().handle_exception(exc)
