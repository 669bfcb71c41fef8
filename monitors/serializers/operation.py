"""The settings of environments, the keys to the API, and the inventory."""

from __future__ import annotations

from copy import copy
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from monitors.models import ApiToken, InventoryRun, Policy
from monitors.models.access import LONGEST_DAYS
from monitors.patterns import NO_NUL
from monitors.policy import RULES
from monitors.serializers.fields import NumberField, StrictSerializer, WholeNumberField


class PolicySerializer(StrictSerializer[Policy], serializers.ModelSerializer[Policy]):
    """The defaults of one environment; null = from the environment variables."""

    reasons = {"timeout_seconds": "Longer than the interval of the same policy."}

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

    bounds = {"name": {"pattern": NO_NUL}}
    reasons = {
        "days": "Given together with `expires_at`.",
        "expires_at": "In the past, later than the end of the token that asks, or no instant of the calendar.",
    }

    days = WholeNumberField(
        write_only=True,
        required=False,
        min_value=1,
        max_value=LONGEST_DAYS,
        help_text=_("Instead of `expires_at`: in how many days it expires."),
    )

    class Meta:
        model = ApiToken
        fields = ("id", "name", "hint", "read_only", "expires_at", "days", "created_at", "last_used_at")
        read_only_fields = ("hint", "created_at", "last_used_at")

    def validate_expires_at(self, value: datetime | None) -> datetime | None:
        if value is not None and value <= self.context["now"]:
            raise serializers.ValidationError(_("This is in the past."))
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A token makes none that lasts longer than itself, or it would never have to end."""
        days = attrs.pop("days", None)
        if days is not None and attrs.get("expires_at") is not None:
            raise serializers.ValidationError({"days": _("Give either days or expires_at.")})
        if days is not None:
            attrs["expires_at"] = self.context["now"] + timedelta(days=days)
        maker = getattr(self.context["request"], "auth", None)
        if isinstance(maker, ApiToken) and maker.expires_at is not None:
            wanted = attrs.setdefault("expires_at", None) or maker.expires_at
            if wanted > maker.expires_at:
                raise serializers.ValidationError(
                    {"expires_at": _("A token makes none that lasts longer than itself.")}
                )
            attrs["expires_at"] = wanted
        return attrs


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
