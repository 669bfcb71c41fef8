"""`/api/policies/`: the defaults of each environment."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.serializers import BaseSerializer

from monitors import recording
from monitors.api.base import ViewSet, actor
from monitors.clock import database_now
from monitors.models import Environment, Policy
from monitors.serializers import PolicySerializer


@extend_schema_view(
    list=extend_schema(summary="List policies"),
    retrieve=extend_schema(summary="Read the policy of an environment"),
    update=extend_schema(summary="Replace the policy of an environment", description="What is omitted becomes null."),
    partial_update=extend_schema(summary="Change the policy of an environment"),
)
class PolicyViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.UpdateModelMixin, ViewSet):
    """A change holds from the next tick on, which plans anew when an interval has become shorter."""

    queryset = Policy.objects.order_by("environment")
    serializer_class = PolicySerializer
    lookup_value_regex = "|".join(Environment.values)

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        """Writes only what was sent: two changes at once are both kept."""
        policy = cast(Policy, serializer.instance)
        recording.change_policy(policy.pk, serializer.validated_data, actor=actor(self.request), now=database_now())
        policy.refresh_from_db()
