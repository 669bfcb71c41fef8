"""The settings of environments, the keys to the API, and the inventory."""

from __future__ import annotations

from copy import copy
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from monitors.models import ApiToken, InventoryRun, Policy
from monitors.serializers.fields import NumberField, StrictSerializer, WholeNumberField

RULES = ("interval_seconds", "timeout_seconds", "healthy_threshold", "unhealthy_threshold")


class PolicySerializer(StrictSerializer[Policy], serializers.ModelSerializer[Policy]):
    """The defaults of one environment; null = from the environment variables."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.PositiveIntegerField: WholeNumberField,
        models.PositiveSmallIntegerField: WholeNumberField,
        models.FloatField: NumberField,
    }

    class Meta:
        model = Policy
        fields = ("environment", *RULES)
        extra_kwargs = {name: {"default": None} for name in RULES}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        candidate = copy(self.instance) if isinstance(self.instance, Policy) else Policy()
        for name, value in attrs.items():
            setattr(candidate, name, value)
        candidate.clean()
        return attrs


class TokenSerializer(StrictSerializer[ApiToken], serializers.ModelSerializer[ApiToken]):
    """A key to the API with the rights of its user."""

    class Meta:
        model = ApiToken
        fields = ("id", "name", "hint", "created_at", "last_used_at")
        read_only_fields = ("hint", "created_at", "last_used_at")


class IssuedTokenSerializer(TokenSerializer):
    """A new key, with its text: shown now and never again."""

    token = serializers.CharField(read_only=True, help_text=_("Send it as `Authorization: Token <text>`."))

    class Meta(TokenSerializer.Meta):
        fields = (*TokenSerializer.Meta.fields, "token")  # type: ignore[assignment]


class SynchronisationSerializer(StrictSerializer[Any]):
    """What to do."""

    dry_run = serializers.BooleanField(default=False, help_text=_("Only say what would change."))
    force = serializers.BooleanField(
        default=False, help_text=_("Go on even if more than a fifth of the servers would change or vanish.")
    )


class InventoryRunSerializer(serializers.ModelSerializer[InventoryRun]):
    """One synchronisation with the inventory."""

    error = serializers.SerializerMethodField(help_text=_("null when it worked."))

    class Meta:
        model = InventoryRun
        fields = (
            "id",
            "started_at",
            "finished_at",
            "dry_run",
            "created",
            "changed",
            "vanished",
            "rejected",
            "unchanged",
            "error",
        )
        read_only_fields = fields

    def get_error(self, run: InventoryRun) -> str | None:
        return run.error or None
