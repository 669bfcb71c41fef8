"""`/api/channels/`: who is told."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any, cast

from django.db import IntegrityError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from monitors.api.base import AnnouncedBody, ViewSet
from monitors.clock import database_now
from notifications import outbox, transports
from notifications.filters import ChannelFilter
from notifications.models import Channel, Delivery, Guarantee
from notifications.outbox.settling import TRIED_ON
from notifications.serializers import (
    CAPABILITIES,
    ChannelKindSerializer,
    ChannelSerializer,
    RefusedTrialSerializer,
    SelectionSerializer,
    TrialSerializer,
)
from notifications.transports import advice
from notifications.transports.base import Reply, Transport, Verdict
from notifications.transports.settings import COLUMNS, schema
from notifications.trial import accepted

CHANNEL_ID = "[ -.0-~]{1,255}"
"""What can be asked for: an adopted id may be none that we would take."""
TRY_AGAIN = timedelta(seconds=5)
"""Where the medium did not say when."""
MOST_NAMED = 20
"""Unknown ids named in one answer."""


class ChannelBusy(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = gettext_lazy("A channel takes one message at a time, and one a second. Try again shortly.")
    default_code = "channel_busy"

    def __init__(self, wait: timedelta) -> None:
        super().__init__()
        self.wait = max(1, math.ceil(wait.total_seconds()))


@extend_schema_view(
    list=extend_schema(summary="List channels"),
    create=extend_schema(
        summary="Add a channel",
        description=(
            "With `enabled`, it is told at once of what is down now. A webhook's channel needs no id. What it can be "
            "promised is looked at within seconds: see `guarantee`, `lacks` and `explanation`."
        ),
    ),
    retrieve=extend_schema(summary="Read a channel"),
    update=extend_schema(
        summary="Replace a channel",
        description=(
            "Optional fields that are omitted become null, or `enabled`. Only `kind`, `settings` and `"
            + "`, `".join(COLUMNS)
            + "` stay as they are when they are omitted: secrets cannot be read, so whoever sends back what was read "
            "would lose them. A masked secret stays as it is; null removes a webhook."
        ),
    ),
    partial_update=extend_schema(
        summary="Change some fields of a channel",
        description="A channel that begins to listen, or listens to more, is told of what is down now, and once.",
    ),
    destroy=extend_schema(
        summary="Delete a channel",
        description="What was waiting for it is skipped. What was sent there stays on record.",
    ),
)
class ChannelViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    ViewSet,
):
    queryset = Channel.objects.order_by("channel_id")
    serializer_class = ChannelSerializer
    filterset_class = ChannelFilter
    lookup_value_regex = CHANNEL_ID

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        channel = Channel(**serializer.validated_data)
        try:
            outbox.add_channel(channel, database_now())
        except IntegrityError:
            raise ValidationError({"channel_id": [_("A channel with this id exists already.")]}) from None
        serializer.instance = self.get_queryset().get(pk=channel.pk)  # as the database rounds its instants

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        channel = cast(Channel, serializer.instance)
        if not outbox.change_channel(channel.pk, serializer.validated_data, database_now()):
            raise NotFound
        serializer.instance = self.get_object()

    def perform_destroy(self, instance: Channel) -> None:
        outbox.remove_channels([instance.pk], database_now())

    @extend_schema(summary="Read which channels receive alerts", responses=SelectionSerializer)
    @action(detail=False, methods=["get"], filterset_class=None, pagination_class=None)
    def selection(self, request: Request) -> Response:
        return Response(_selection())

    @extend_schema(
        summary="Choose which channels receive alerts",
        description=(
            "Exactly these do from then on, or nothing is changed. No channel is deleted. One that is only in the list "
            "of the workspace, and not archived, is added."
        ),
        request=SelectionSerializer,
        responses=SelectionSerializer,
    )
    @selection.mapping.put
    def select(self, request: Request) -> Response:
        wanted = SelectionSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        try:
            outbox.select(wanted.validated_data["channel_ids"], database_now())
        except outbox.UnknownChannelsError as unknown:
            named = unknown.channel_ids[:MOST_NAMED]
            messages = [_("There is no channel %(id)s; nothing was changed.") % {"id": id_} for id_ in named]
            raise ValidationError({"channel_ids": messages}) from None
        return Response(_selection())

    @extend_schema(
        summary="Send a test message",
        description=(
            "Sends it now, also to a channel that is not enabled, and answers with what the medium said. While one is "
            "still to be sent, asking again tries that one again. 503 `channel_busy`: nothing was sent, for a channel "
            "takes messages at its medium's pace."
        ),
        request=None,
        responses={
            200: TrialSerializer,
            424: OpenApiResponse(RefusedTrialSerializer, "The medium refuses: a secret, a permission, the channel."),
            503: OpenApiResponse(RefusedTrialSerializer, "The medium is slow or cannot be reached: see Retry-After."),
        },
    )
    @action(detail=True, methods=["post"], required_permission="notifications.change_channel")
    def test(self, request: Request, pk: str) -> Response:
        """No transaction is open: the medium is asked."""
        try:
            delivery, reply = outbox.send_test(self.get_object().pk, database_now)
        except outbox.BusyError as busy:
            raise ChannelBusy(busy.wait) from None
        except Channel.DoesNotExist:
            raise NotFound from None
        return _as_response(delivery, reply)


def _selection() -> dict[str, list[str]]:
    return {"channel_ids": list(Channel.objects.enabled().order_by("channel_id").values_list("pk", flat=True))}


def _as_response(delivery: Delivery, reply: Reply) -> Response:
    """An error says more than others do, and all that others say."""
    verdict = {"verdict": reply.verdict, "delivery_id": delivery.pk}
    channel = Channel.objects.filter(pk=delivery.channel_id).first()
    if channel is None:
        raise NotFound
    if reply.verdict is Verdict.SENT:
        return Response({**verdict, "code": None, "explanation": accepted(channel)})
    transport = transports.of(channel)
    code, explanation = f"{transport.prefix or transport.kind}_{reply.code}", advice(channel, reply.code, reply.detail)
    body = {**verdict, "code": code, "explanation": explanation, "detail": explanation, "errors": []}
    if reply.verdict is not Verdict.UNCERTAIN and transport.cause(reply.code) not in TRIED_ON:
        return Response(body, status.HTTP_424_FAILED_DEPENDENCY)
    seconds = math.ceil((reply.retry_after or TRY_AGAIN).total_seconds())
    return Response(body, status.HTTP_503_SERVICE_UNAVAILABLE, headers={"Retry-After": str(seconds)})


class ChannelKindsView(AnnouncedBody):
    """Ways to notify, each with what it can do and what it needs to know."""

    required_permission = "notifications.view_channel"
    serializer_class = ChannelKindSerializer

    @extend_schema(
        summary="List kinds of channels",
        description="`settings` is the JSON Schema of the settings of a channel of the kind.",
        responses=ChannelKindSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        return Response([_described(transport) for transport in transports.TRANSPORTS])


def _described(transport: Transport) -> dict[str, Any]:
    can = transport.capabilities
    return {
        "kind": transport.kind,
        "label": str(transport.label),
        "own_ids": transport.own_ids,
        "guarantee": Guarantee.EXACTLY_ONCE if can.exactly_once else Guarantee.AT_LEAST_ONCE,
        "capabilities": {name: getattr(can, name) for name in CAPABILITIES},
        "problem": transports.explain(transport, transport.problem()) or None,
        "settings": schema(transport),
    }
