"""Records shown in the form of what they belong to."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from unfold.admin import TabularInline

from monitors.models import IncidentNote


class NoteInline(TabularInline):
    """Notes are written on the incident's page; whoever sees the incident sees them."""

    model = IncidentNote
    fields = readonly_fields = ("at", "author", "text")
    ordering = ("at", "id")
    extra = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("monitors.view_incident")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
