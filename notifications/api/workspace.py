"""`/api/slack/channels/`: the workspace's channels, listed from what was read in the background."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import SimpleLazyObject
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from monitors.api.base import ViewSet
from monitors.clock import database_now
from monitors.pagination import Pagination
from notifications.filters import WorkspaceChannelFilter
from notifications.models import Channel, WorkspaceChannel
from notifications.serializers import (
    ArchivedChannelSerializer,
    NewWorkspaceChannelSerializer,
    RenamedChannelSerializer,
    WorkspaceChannelSerializer,
)
from notifications.transports.slack import RefusedError, Reply, workspace
from notifications.transports.slack.workspace.turns import may_pass
from notifications.transports.slack.workspace.wording import BAD_NAMES, describe_error, describe_managing

TRY_AGAIN = timedelta(seconds=5)
"""Where Slack did not say when."""
STATUS = {"name_taken": status.HTTP_409_CONFLICT, "channel_not_found": status.HTTP_404_NOT_FOUND}
REFUSALS = {
    404: OpenApiResponse(description="`slack_channel_not_found`, or it is not in the list."),
    424: OpenApiResponse(description="`slack_<code>`: Slack refuses, for its token or a scope that `detail` names."),
    503: OpenApiResponse(description="Slack is slow or cannot be reached: see Retry-After."),
}
NAME_REFUSALS = {409: OpenApiResponse(description="`slack_name_taken`: a channel of this name exists."), **REFUSALS}


class SlackRefusal(APIException):
    """What Slack did not do, as an error of ours."""

    status_code: int = status.HTTP_424_FAILED_DEPENDENCY

    def __init__(self, reply: Reply) -> None:
        super().__init__(describe_managing(reply.code, reply.detail), f"slack_{reply.code}")
        self.status_code = STATUS.get(reply.code, self.status_code)
        if may_pass(reply):
            self.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
            self.wait = math.ceil((reply.retry_after or TRY_AGAIN).total_seconds())


def as_error(refused: RefusedError) -> APIException:
    reply = refused.reply
    if reply.code in BAD_NAMES:
        return ValidationError({"name": [describe_managing(reply.code)]})
    return SlackRefusal(reply)


class WorkspacePagination(Pagination):
    """Says as well how old the list is, and why it is not younger."""

    def get_paginated_response(self, data: Any) -> Response:
        response = super().get_paginated_response(data)
        seen = workspace.seen()
        response.data["refreshed_at"] = seen.refreshed_at
        response.data["explanation"] = describe_error(seen.error or seen.refresh_error) or None
        return response

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        document: dict[str, Any] = super().get_paginated_response_schema(schema)
        document["properties"]["refreshed_at"] = {
            "type": "string",
            "format": "date-time",
            "nullable": True,
            "description": "When the list was last read to its end; null = not yet.",
        }
        document["properties"]["explanation"] = {
            "type": "string",
            "nullable": True,
            "description": "Why it cannot be read at the moment, and what to do.",
        }
        return document


@extend_schema_view(
    list=extend_schema(
        summary="List the workspace's channels",
        description="As they were read in the background at `refreshed_at`, by name. Slack is not asked.",
    ),
    retrieve=extend_schema(summary="Read a channel of the workspace"),
)
class WorkspaceChannelViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ViewSet):
    queryset = WorkspaceChannel.objects.order_by("name", "slack_id")
    serializer_class = WorkspaceChannelSerializer
    filterset_class = WorkspaceChannelFilter
    pagination_class = WorkspacePagination
    lookup_value_regex = "[A-Z0-9]{1,32}"
    required_permission = {
        "GET": "notifications.view_channel",
        "POST": "notifications.add_channel",
        "PATCH": "notifications.change_channel",
        "DELETE": "notifications.delete_channel",
    }

    def get_queryset(self) -> QuerySet[Any]:
        """Nothing of another token's workspace."""
        everything = super().get_queryset()
        return everything if workspace.seen().token_mark else everything.none()

    def get_serializer_context(self) -> dict[str, Any]:
        listening = SimpleLazyObject(lambda: set(Channel.objects.enabled().values_list("pk", flat=True)))
        return {**super().get_serializer_context(), "listening": listening}

    @extend_schema(
        summary="Make a channel in the workspace",
        description="The app is in it. It receives alerts when it is selected, or added to `channels/`.",
        request=NewWorkspaceChannelSerializer,
        responses={201: WorkspaceChannelSerializer, **NAME_REFUSALS},
    )
    def create(self, request: Request) -> Response:
        wanted = NewWorkspaceChannelSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        try:
            made = workspace.create(**wanted.validated_data, clock=database_now)
        except RefusedError as refused:
            raise as_error(refused) from None
        return Response(self.get_serializer(made).data, status.HTTP_201_CREATED)

    @extend_schema(
        summary="Rename a channel of the workspace",
        description="Slack lets the app rename only channels that it made.",
        request=RenamedChannelSerializer,
        responses={200: WorkspaceChannelSerializer, **NAME_REFUSALS},
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        channel = self.get_object()
        wanted = RenamedChannelSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        try:
            renamed = workspace.rename(channel, wanted.validated_data["name"], database_now)
        except RefusedError as refused:
            raise as_error(refused) from None
        return Response(self.get_serializer(renamed).data)

    @extend_schema(
        summary="Archive a channel of the workspace",
        description="If it receives alerts, it is disabled, and `disabled` says so. Archiving it again is no error.",
        responses={200: ArchivedChannelSerializer, **REFUSALS},
    )
    def destroy(self, request: Request, pk: str) -> Response:
        try:
            disabled = workspace.archive(self.get_object(), database_now)
        except RefusedError as refused:
            raise as_error(refused) from None
        return Response({**self.get_serializer(self.get_object()).data, "disabled": disabled})
