"""`/api/deliveries/`: what became of every message."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from monitors.api.base import ViewSet
from monitors.clock import database_now
from monitors.errors import Conflict
from notifications import outbox
from notifications.filters import DeliveryFilter
from notifications.models import Delivery
from notifications.resending import describe_not_resent
from notifications.serializers import DeliverySerializer


@extend_schema_view(
    list=extend_schema(summary="List deliveries", description="Newest first."),
    retrieve=extend_schema(summary="Read a delivery"),
)
class DeliveryViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ViewSet):
    queryset = Delivery.objects.order_by("-created_at", "-id")
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilter

    @extend_schema(
        summary="Send a delivery again",
        description="One that failed, was skipped, or may not have arrived. It leaves within seconds; where it would "
        "be skipped all the same, the answer is 409 and says why.",
        request=None,
        responses={
            200: DeliverySerializer,
            409: OpenApiResponse(description="It would be skipped again, or needs no sending; `detail` says why."),
        },
    )
    @action(detail=True, methods=["post"], required_permission="notifications.change_delivery")
    def resend(self, request: Request, pk: str) -> Response:
        delivery = self.get_object()
        try:
            outbox.resend(delivery.pk, database_now())
        except outbox.NotResentError as refused:
            raise Conflict(describe_not_resent(delivery, refused.code)) from None
        return Response(self.get_serializer(self.get_object()).data)
