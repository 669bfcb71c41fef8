"""Where servers stand, and what happened to them. Read-only."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from monitors.models import Environment, Incident, StatusTransition
from monitors.models.server import HEALTH_ORDER
from monitors.serializers.fields import TextOrNullField

SHOWS_FAILURE = ("UNHEALTHY", "UNKNOWN")


class StatusSerializer(serializers.Serializer[Any]):
    """Where a server stands now. Needs `Server.objects.with_health()` with `monitors.freshness.stale`."""

    id = serializers.IntegerField()
    host_name = serializers.CharField()
    environment = serializers.ChoiceField(choices=Environment.choices)
    health = serializers.ChoiceField(choices=[(health, health) for health in HEALTH_ORDER])
    since = serializers.DateTimeField(allow_null=True)
    last_checked_at = serializers.DateTimeField(allow_null=True)
    latency_ms = serializers.FloatField(allow_null=True)
    failure = serializers.CharField(allow_null=True)
    detail = serializers.CharField(allow_null=True)
    notification = serializers.BooleanField()
    certificate_expires_at = serializers.DateTimeField(
        allow_null=True, help_text=_("The earliest end of the certificates that were seen last; null without TLS.")
    )
    certificate_subject = serializers.CharField(
        allow_null=True, help_text=_("Whose certificate ends first: that of the server or one of its authorities.")
    )
    stale = serializers.BooleanField(
        help_text=_("Nothing was heard of it for two intervals and a timeout: what is shown may no longer be true.")
    )

    def to_representation(self, server: Any) -> dict[str, Any]:
        status: Any = getattr(server, "status", None)  # none before the first tick
        failing = status and server.shown_health in SHOWS_FAILURE and status.failure
        return super().to_representation(
            {
                "id": server.pk,
                "host_name": server.host_name,
                "environment": server.environment,
                "health": server.shown_health,
                "since": status and status.since,
                "last_checked_at": status and status.last_checked_at,
                "latency_ms": status and status.latency_ms,
                "failure": status.failure if failing else None,
                "detail": (status.detail or None) if failing else None,
                "notification": server.notification,
                "certificate_expires_at": status and status.certificate_expires_at,
                "certificate_subject": (status and status.certificate_subject) or None,
                "stale": server.stale,
            }
        )


class TransitionSerializer(serializers.ModelSerializer[StatusTransition]):
    """One change of a status."""

    to = serializers.CharField(source="to_health")
    failure = TextOrNullField(allow_null=True)
    detail = TextOrNullField(allow_null=True)
    actor = TextOrNullField(allow_null=True, help_text=_("Who did it; null for the monitor itself."))

    class Meta:
        model = StatusTransition
        fields = (
            "id",
            "server_id",
            "host_name",
            "environment",
            "to",
            "reason",
            "failure",
            "detail",
            "at",
            "actor",
            "incident_id",
            "notification",
        )
        read_only_fields = fields

    def get_fields(self) -> dict[str, Any]:
        """`from` cannot be the name of an attribute."""
        result: dict[str, Any] = {}
        for name, field in super().get_fields().items():
            if name == "to":
                result["from"] = serializers.CharField(source="from_health", read_only=True)
            result[name] = field
        return result


class IncidentSerializer(serializers.ModelSerializer[Incident]):
    """One outage, from the first failed probe to the first success. Needs `now` in the context."""

    duration_seconds = serializers.SerializerMethodField(help_text=_("Until now while it lasts."))
    acknowledged_by = TextOrNullField(allow_null=True, read_only=True)
    end_reason = TextOrNullField(allow_null=True, read_only=True)

    class Meta:
        model = Incident
        fields = (
            "id",
            "server_id",
            "host_name",
            "environment",
            "address",
            "failure",
            "detail",
            "began_at",
            "confirmed_at",
            "ended_at",
            "end_reason",
            "duration_seconds",
            "acknowledged_by",
            "acknowledged_at",
        )
        read_only_fields = fields

    def get_duration_seconds(self, incident: Incident) -> float:
        return round(incident.duration(self.context["now"]).total_seconds(), 3)
