"""`/api/audit/`: who changed what."""

from __future__ import annotations

from typing import Any, cast

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.settings import api_settings

from monitors.api.base import ViewSet
from monitors.audit_log import csv_response
from monitors.errors import render_as_json
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
    renderer_classes = (*cast(Any, api_settings.DEFAULT_RENDERER_CLASSES), CsvRenderer)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(request.accepted_renderer, CsvRenderer):
            return super().list(request, *args, **kwargs)
        return csv_response(self.filter_queryset(self.get_queryset()), timezone.now())

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """JSON, whatever was asked for, as an error is."""
        render_as_json(request)
        return super().options(request, *args, **kwargs)
