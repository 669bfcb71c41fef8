"""`/api/inventory/sync/`: what the inventory last said, and asking it again."""

from __future__ import annotations

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from monitors.api.base import AnnouncedBody
from monitors.clock import database_now
from monitors.errors import Conflict
from monitors.inventory import InventoryError, synchronise
from monitors.models import InventoryRun
from monitors.serializers import InventoryRunSerializer, SynchronisationSerializer


class InventoryView(AnnouncedBody):
    """What is watched, by the list that the inventory has of it."""

    required_permission = {"GET": "monitors.view_inventoryrun", "POST": "monitors.change_server"}

    @extend_schema(
        summary="Read the last synchronisation",
        responses={200: InventoryRunSerializer, 404: OpenApiResponse(description="The inventory was never asked.")},
    )
    def get(self, request: Request) -> Response:
        run = InventoryRun.objects.order_by("-id").first()
        if run is None:
            raise NotFound(_("The inventory was never asked."))
        return Response(InventoryRunSerializer(run).data)

    @extend_schema(
        summary="Synchronise with the inventory",
        request=SynchronisationSerializer,
        responses={
            200: InventoryRunSerializer,
            409: OpenApiResponse(description="It cannot be done now, and `detail` says why."),
        },
    )
    def post(self, request: Request) -> Response:
        wanted = SynchronisationSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        try:
            run = synchronise(**wanted.validated_data, now=database_now())
        except InventoryError as error:
            raise Conflict(str(error)) from None
        return Response(InventoryRunSerializer(run).data)
