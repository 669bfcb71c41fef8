"""Who changed what. Read-only."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from monitors.audit_log import COLUMNS
from monitors.models import Act, AuditEntry, Face, Subject
from monitors.serializers.fields import TextOrNullField


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    """One thing that somebody changed."""

    face = serializers.ChoiceField(choices=Face.choices, help_text=_("By which way it was done."))
    action = serializers.ChoiceField(choices=Act.choices, help_text=_("What was done."))
    subject_kind = serializers.ChoiceField(choices=Subject.choices)
    address = TextOrNullField(allow_null=True)
    changes = serializers.DictField(
        child=serializers.ListField(child=serializers.JSONField(allow_null=True), min_length=2, max_length=2),
        help_text=_("Value before and value after, by the name of the field. Secrets are masked."),
    )

    class Meta:
        model = AuditEntry
        fields = COLUMNS
        read_only_fields = fields
