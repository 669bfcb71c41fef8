"""`/api/deliveries/`: what became of every message."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from monitors.api.base import ViewSet
from monitors.errors import Conflict
from notifications import outbox
from notifications.filters import DeliveryFilter
from notifications.models import Delivery, State
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
        description="One that failed, was skipped, or may not have arrived. It leaves within seconds.",
        request=None,
        responses=DeliverySerializer,
    )
    @action(detail=True, methods=["post"], required_permission="notifications.change_delivery")
    def resend(self, request: Request, pk: str) -> Response:
        delivery = self.get_object()
        if not outbox.resend(delivery.pk, timezone.now()):
            raise Conflict(_why_not(delivery))
        return Response(self.get_serializer(self.get_object()).data)


def _why_not(delivery: Delivery) -> str:
    match delivery.state:
        case State.SENT:
            return _("Slack has accepted this message already.")
        case State.PENDING | State.SENDING:
            return _("This message is on its way.")
    return _("This message cannot be sent again: its channel is disabled or gone, or its outage is no longer kept.")
