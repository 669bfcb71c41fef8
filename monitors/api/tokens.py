"""`/api/tokens/`: one's own keys to the API."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.request import Request
from rest_framework.response import Response

from monitors import recording
from monitors.api.base import ViewSet
from monitors.clock import database_now
from monitors.models import ApiToken
from monitors.permissions import AUTHENTICATED
from monitors.serializers import IssuedTokenSerializer, TokenSerializer


@extend_schema_view(
    list=extend_schema(summary="List one's own tokens"),
    destroy=extend_schema(summary="Delete one of one's own tokens", description="It is refused from then on."),
)
class TokenViewSet(mixins.ListModelMixin, mixins.DestroyModelMixin, ViewSet):
    queryset = ApiToken.objects.order_by("id")
    serializer_class = TokenSerializer
    required_permission = AUTHENTICATED

    def get_queryset(self) -> QuerySet[ApiToken]:
        return super().get_queryset().filter(user_id=self.request.user.pk)

    def perform_destroy(self, instance: ApiToken) -> None:
        recording.delete_tokens([instance], now=database_now())

    @extend_schema(
        summary="Make a token",
        description=(
            "Its text is in the answer, and nowhere else, ever. It expires when `days` or `expires_at` say so, and "
            "never without; with `read_only` it changes nothing. A token that expires makes none that lasts longer."
        ),
        responses={201: IssuedTokenSerializer},
    )
    def create(self, request: Request) -> Response:
        wanted = self.get_serializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        token, text = recording.issue_token(cast(User, request.user), **wanted.validated_data, now=database_now())
        body = {**self.get_serializer(token).data, "token": text}
        return Response(body, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})
