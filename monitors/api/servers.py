"""`/api/servers/`: what is watched."""

from __future__ import annotations

from typing import Any, cast

from django.db import IntegrityError
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from monitors import recording
from monitors.api.base import ViewSet, actor
from monitors.clock import database_now
from monitors.engine.base import Outcome
from monitors.errors import Conflict
from monitors.filters import OrderedServerFilter
from monitors.looking import look
from monitors.models import Server, ServerStatus
from monitors.pagination import MAX_DIGITS
from monitors.serializers import (
    BulkCreatedSerializer,
    DeletedSerializer,
    NotificationSerializer,
    OutcomeSerializer,
    ServerSerializer,
)
from monitors.strip import pack_stages, stages_ms
from monitors.transactions import retried_atomic
from monitors.validation import name_key


@extend_schema_view(
    list=extend_schema(summary="List servers"),
    create=extend_schema(summary="Register a server"),
    retrieve=extend_schema(summary="Read a server"),
    update=extend_schema(summary="Replace a server", description="Optional fields that are omitted become null."),
    partial_update=extend_schema(summary="Change some fields of a server"),
    destroy=extend_schema(summary="Delete a server", description="Its history expires by itself."),
)
class ServerViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    ViewSet,
):
    queryset = Server.objects.order_by("id")
    serializer_class = ServerSerializer
    filterset_class = OrderedServerFilter

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        now = database_now()
        try:
            server = recording.save(Server(**serializer.validated_data), actor=actor(self.request), now=now)
        except IntegrityError:
            raise _name_taken() from None
        serializer.instance = Server.objects.get(pk=server.pk)  # as the database rounds its instants

    @retried_atomic
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """In one transaction that begins with the lock of the recorder: two changes at once are both kept."""
        list(ServerStatus.objects.lock([int(self.kwargs["pk"])]))
        return super().update(request, *args, **kwargs)

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        changes = dict(serializer.validated_data)
        paused = changes.pop("paused", None)
        who, now = actor(self.request), database_now()
        try:
            server = recording.save(cast(ServerSerializer, serializer).changed(changes), actor=who, now=now)
        except IntegrityError:
            raise _name_taken() from None
        if paused is not None:
            (recording.pause if paused else recording.resume)([server.pk], actor=who, now=now)
        serializer.instance = Server.objects.get(pk=server.pk)

    def perform_destroy(self, instance: Server) -> None:
        recording.delete([instance.pk], actor=actor(self.request), now=database_now())

    @extend_schema(
        summary="Register many servers",
        description="At most 5,000. Names that exist already are skipped. One invalid row refuses the whole list.",
        request=ServerSerializer(many=True),
        responses={201: BulkCreatedSerializer, 200: BulkCreatedSerializer},
    )
    @action(detail=False, methods=["post"], filterset_class=None, pagination_class=None)
    def bulk(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data, many=True)
        serializer.is_valid(raise_exception=True)
        rows = serializer.validated_data
        sent = [row["host_name"] for row in rows]
        existing = Server.objects.filter(host_name__in=sent).values_list("host_name", flat=True)
        taken = set(map(name_key, existing))
        rows = [row for row in rows if name_key(row["host_name"]) not in taken]
        names = [row["host_name"] for row in rows]
        if rows:
            try:
                recording.create([Server(**row) for row in rows], now=database_now())
            except IntegrityError:
                raise _name_taken() from None
        created = self.get_serializer(Server.objects.filter(host_name__in=names).order_by("id"), many=True)
        skipped = [name for name in sent if name_key(name) in taken]
        body = {"created": created.data, "skipped": skipped}
        return Response(body, status=status.HTTP_201_CREATED if rows else status.HTTP_200_OK)

    @extend_schema(summary="Switch telling on or off", request=NotificationSerializer, responses=ServerSerializer)
    @action(detail=True, methods=["patch"])
    def notification(self, request: Request, pk: str) -> Response:
        server = self.get_object()
        wanted = NotificationSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        on = wanted.validated_data["notification"]
        recording.set_notification([server.pk], on, actor=actor(request), now=database_now())
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        summary="Look at a server now",
        description="Outside its schedule; moves no counter and is stored nowhere.",
        request=None,
        responses=OutcomeSerializer,
    )
    @action(detail=True, methods=["post"], required_permission="monitors.change_server")
    def probe(self, request: Request, pk: str) -> Response:
        (outcome,) = look([self.get_object()])
        return Response(OutcomeSerializer(_as_json(outcome)).data)

    @extend_schema(
        summary="Delete all servers",
        parameters=[
            OpenApiParameter(
                "confirm",
                {"type": "integer", "minimum": 0},
                required=True,
                description="How many servers there are.",
            )
        ],
        responses={
            200: DeletedSerializer,
            409: OpenApiResponse(description="There are more or fewer; nothing was deleted."),
        },
    )
    @action(
        detail=False,
        methods=["delete"],
        url_path="all",
        filterset_class=None,
        pagination_class=None,
        required_permission="monitors.delete_all_servers",
    )
    def delete_all(self, request: Request) -> Response:
        text = request.query_params.get("confirm", "")
        if not text.isdecimal():
            raise ValidationError({"confirm": [_("Give the number of servers that you want to delete.")]})
        ids = list(Server.objects.values_list("id", flat=True))
        if len(text) > MAX_DIGITS or int(text) != len(ids):
            raise Conflict(_("There are %(n)d servers now; nothing was deleted.") % {"n": len(ids)})
        return Response({"deleted": recording.delete(ids, actor=actor(request), now=database_now())})


def _name_taken() -> ValidationError:
    return ValidationError({"host_name": [_("A server with this name exists already.")]})


def _as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "ok": outcome.ok,
        "failure": outcome.failure,
        "detail": outcome.detail or None,
        "latency_ms": round(outcome.elapsed.total_seconds() * 1000, 1),
        "stages": stages_ms(pack_stages(outcome.stages)),
        "status": outcome.status,
        "address": outcome.address or None,
        "answer": outcome.answer or None,
        "certificate_expires_at": outcome.certificate_expires_at,
        "certificate_subject": outcome.certificate_subject or None,
    }
