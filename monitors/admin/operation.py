"""The monitor's own pulse, what the inventory said, and who changed what. Read-only."""

from __future__ import annotations

from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from monitors.admin.base import RecordAdmin
from monitors.audit_log import change_lines
from monitors.models import AuditEntry, Gap, Heartbeat, InventoryRun
from monitors.wording import duration_words


@admin.register(Gap)
class GapAdmin(RecordAdmin):
    list_display = fields = readonly_fields = ("began_at", "ended_at", "length")
    list_filter = ("ended_at",)
    ordering = ("-began_at",)
    explained = {"ended_at": _("When something was probed again.")}

    @display(description=_("duration"))
    def length(self, obj: Gap) -> str:
        return duration_words(obj.duration)


@admin.register(Heartbeat)
class HeartbeatAdmin(RecordAdmin):
    list_display = fields = readonly_fields = ("name", "at", "age")
    ordering = ("name",)
    explained = {"name": _("The part of the monitor that did its work."), "at": _("When it last did.")}

    @display(description=_("age"))
    def age(self, obj: Heartbeat) -> str:
        return duration_words(timezone.now() - obj.at)


@admin.register(InventoryRun)
class InventoryRunAdmin(RecordAdmin):
    list_display = (
        "started_at",
        "dry_run",
        "created_count",
        "changed_count",
        "vanished_count",
        "rejected_count",
        "unchanged",
        "error",
    )
    list_filter = ("dry_run", "started_at")
    search_fields = ("error",)
    ordering = ("-started_at",)
    fields = readonly_fields = (
        "started_at",
        "finished_at",
        "dry_run",
        "unchanged",
        "created",
        "changed",
        "vanished",
        "rejected",
        "error",
    )

    @display(description=_("created"))
    def created_count(self, obj: InventoryRun) -> int:
        return len(obj.created)

    @display(description=_("changed"))
    def changed_count(self, obj: InventoryRun) -> int:
        return len(obj.changed)

    @display(description=_("vanished"))
    def vanished_count(self, obj: InventoryRun) -> int:
        return len(obj.vanished)

    @display(description=_("rejected"))
    def rejected_count(self, obj: InventoryRun) -> int:
        return len(obj.rejected)


@admin.register(AuditEntry)
class AuditEntryAdmin(RecordAdmin):
    """The page of the log shows more; here it is among the other records."""

    list_display = ("at", "actor", "action", "subject_kind", "subject_name", "what", "face", "address")
    list_filter = ("face", "action", "subject_kind", "at")
    search_fields = ("actor", "subject_name")
    ordering = ("-at", "-id")
    fields = readonly_fields = (
        "at",
        "actor",
        "user_id",
        "face",
        "address",
        "action",
        "subject_kind",
        "subject_id",
        "subject_name",
        "what",
    )
    explained = {
        "what": AuditEntry._meta.get_field("changes").help_text,
    }

    @display(description=AuditEntry._meta.get_field("changes").verbose_name)
    def what(self, obj: AuditEntry) -> str:
        return "; ".join(f"{field}: {before or '–'} → {after or '–'}" for field, before, after in change_lines(obj))
