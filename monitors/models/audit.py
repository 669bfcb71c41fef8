"""Who changed what. Written by `monitors.audit` alone, and deleted by retention alone."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from monitors.fields import ChoiceCharField

LONGEST_ACTOR, LONGEST_NAME = 150, 255


class Face(models.TextChoices):
    """By which way somebody acted. Stored: add, never rename."""

    PAGE = "page", _("page")
    ADMIN = "admin", _("admin")
    API = "api", _("API")
    COMMAND = "command", _("command")
    INVENTORY = "inventory", _("inventory")
    SLACK = "slack", _("button in Slack")


class Act(models.TextChoices):
    """What was done. Stored: add, never rename."""

    CREATED = "created", pgettext_lazy("audit log", "created")
    CHANGED = "changed", pgettext_lazy("audit log", "changed")
    DELETED = "deleted", pgettext_lazy("audit log", "deleted")
    PAUSED = "paused", pgettext_lazy("audit log", "paused")
    RESUMED = "resumed", pgettext_lazy("audit log", "resumed")
    ACKNOWLEDGED = "acknowledged", pgettext_lazy("audit log", "acknowledged")
    NOTED = "noted", pgettext_lazy("audit log", "added a note")
    TESTED = "tested", pgettext_lazy("audit log", "sent a test message")
    RESENT = "resent", pgettext_lazy("audit log", "sent again")
    RENAMED = "renamed", pgettext_lazy("audit log", "renamed")
    ARCHIVED = "archived", pgettext_lazy("audit log", "archived")
    LINKED = "linked", pgettext_lazy("audit log", "made a link to set the password")


class Subject(models.TextChoices):
    """What kind of thing it was done to. Stored: add, never rename."""

    SERVER = "server", _("server")
    POLICY = "policy", _("policy")
    STORM_RULE = "storm_rule", _("rule for mass outages")
    INCIDENT = "incident", _("incident")
    CHANNEL = "channel", _("channel")
    WORKSPACE_CHANNEL = "workspace_channel", _("Slack channel")
    DELIVERY = "delivery", _("delivery")
    TOKEN = "token", _("API token")
    USER = "user", _("user")
    ROLE = "role", _("role")
    LOG_IN_FAILURES = "log_in_failures", _("failed log-ins")


class AuditEntry(models.Model):
    """One thing that somebody changed. Names and ids are texts: entries outlive what they are about, and who did it."""

    at = models.DateTimeField(_("time"), help_text=_("When it was done."))
    actor = models.CharField(
        _("who"), max_length=LONGEST_ACTOR, help_text=_("The user, or whoever pressed the button or ran the command.")
    )
    user_id = models.BigIntegerField(
        _("user's number"), null=True, help_text=_("Tells users apart whose names changed. Empty for who is no user.")
    )
    face = ChoiceCharField(_("via"), max_length=20, choices=Face.choices, help_text=_("By which way it was done."))
    address = models.CharField(
        _("address"),
        max_length=64,
        default="",
        help_text=_("The network address of the request, the host of the command, or the channel of the button."),
    )
    action = ChoiceCharField(_("action"), max_length=20, choices=Act.choices, help_text=_("What was done."))
    subject_kind = ChoiceCharField(
        _("kind"), max_length=20, choices=Subject.choices, help_text=_("What kind of thing it was done to.")
    )
    subject_id = models.CharField(_("id"), max_length=255, help_text=_("Of what it was done to."))
    subject_name = models.CharField(_("name"), max_length=LONGEST_NAME, help_text=_("The name that it had then."))
    changes = models.JSONField(
        _("changes"), default=dict, help_text=_("Each field that changed, before and after. Secrets are masked.")
    )

    class Meta:
        verbose_name = _("audit log entry")
        verbose_name_plural = _("audit log")
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["at"], name="audit_at"),
            models.Index(fields=["actor", "at"], name="audit_actor"),
            models.Index(fields=["subject_kind", "subject_id", "at"], name="audit_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.subject_kind} {self.subject_name}"
