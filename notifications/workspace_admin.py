"""The workspace as Slack showed it last, in the admin: to be read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from monitors.admin.base import RecordAdmin
from monitors.models import Subject
from notifications.admin_help import SHOWN
from notifications.models import SlackSocket, Workspace, WorkspaceChannel


class WorkspaceRecordAdmin(RecordAdmin):
    shown = SHOWN

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees the channels sees where they come from."""
        return request.user.has_perm("notifications.view_channel")


@admin.register(Workspace)
class WorkspaceAdmin(WorkspaceRecordAdmin):
    list_display = ("__str__", "url", "refreshed_at", "error", "refresh_error")
    ordering = ("id",)
    fields = readonly_fields = ("team", "url", "scopes", "refreshed_at", "error", "refresh_error")
    explained = {
        "team": _("Its name in Slack."),
        "url": _("Where people open it."),
        "scopes": _("What the token may do."),
        "refreshed_at": _("When the list of its channels was last read to the end."),
        "refresh_error": _("Why the list of channels cannot be read."),
    }


@admin.register(WorkspaceChannel)
class WorkspaceChannelAdmin(WorkspaceRecordAdmin):
    subject = Subject.WORKSPACE_CHANNEL
    list_display = ("name", "slack_id", "is_private", "is_member", "is_archived", "members", "seen_at")
    list_filter = ("is_private", "is_member", "is_archived")
    search_fields = ("name", "slack_id")
    ordering = ("name",)
    fields = readonly_fields = list_display
    explained = {
        "name": _("As in Slack, without the #."),
        "slack_id": _("By which Slack knows the channel."),
        "is_private": _("Only those who are invited see it."),
        "is_member": _("The app must be in a channel to look for messages there."),
        "is_archived": _("Nothing can be sent there."),
        "members": _("How many people are in it."),
    }


@admin.register(SlackSocket)
class SlackSocketAdmin(WorkspaceRecordAdmin):
    list_display = fields = readonly_fields = ("connected_at", "seen_at", "error")
    ordering = ("id",)
    explained = {
        "connected_at": _("Since when presses of buttons arrive; empty while they do not."),
        "seen_at": _("When the process that listens last said that it runs."),
        "error": _("Why it is not connected; empty while it is."),
    }
