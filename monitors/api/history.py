"""`/api/status/`, `/api/transitions/`, `/api/incidents/`: where servers stand, and what happened."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from monitors import recording
from monitors.api.base import ViewSet, actor
from monitors.clock import database_now
from monitors.filters import IncidentFilter, ServerFilter, TransitionFilter
from monitors.freshness import stale
from monitors.models import Incident, Server, StatusTransition
from monitors.serializers import IncidentSerializer, StatusSerializer, TransitionSerializer

SHOWN = (
    "host_name",
    "environment",
    "notification",
    "paused",
    "created_at",
    "interval_seconds",
    "timeout_seconds",
    "healthy_threshold",
    "unhealthy_threshold",
    "status__health",
    "status__since",
    "status__last_checked_at",
    "status__elapsed_us",
    "status__failure",
    "status__detail",
    "status__certificate_expires_at",
    "status__certificate_subject",
)
"""Columns that a status is made of. The others are not loaded: headers would be decrypted for nothing."""


@extend_schema_view(list=extend_schema(summary="List where servers stand", description="Worst first."))
class StatusViewSet(mixins.ListModelMixin, ViewSet):
    queryset = Server.objects.worst_first().only(*SHOWN)
    serializer_class = StatusSerializer
    filterset_class = ServerFilter

    def get_queryset(self) -> Any:
        return super().get_queryset().annotate(stale=stale(timezone.now()))


@extend_schema_view(list=extend_schema(summary="List changes of health", description="Newest first."))
class TransitionViewSet(mixins.ListModelMixin, ViewSet):
    queryset = StatusTransition.objects.order_by("-at", "-id")
    serializer_class = TransitionSerializer
    filterset_class = TransitionFilter


@extend_schema_view(
    list=extend_schema(summary="List outages", description="Newest first."),
    retrieve=extend_schema(summary="Read an outage"),
)
class IncidentViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ViewSet):
    queryset = Incident.objects.order_by("-began_at", "-id")
    serializer_class = IncidentSerializer
    filterset_class = IncidentFilter

    @extend_schema(
        summary="Take care of an outage",
        description="The first one counts; an outage that has ended stays as it is.",
        request=None,
        responses=IncidentSerializer,
    )
    @action(detail=True, methods=["post"], required_permission="monitors.change_incident")
    def acknowledge(self, request: Request, pk: str) -> Response:
        recording.acknowledge(self.get_object().pk, actor=actor(request), now=database_now())
        return Response(self.get_serializer(self.get_object()).data)
