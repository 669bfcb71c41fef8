"""Who is told, and every message that was to be sent."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from monitors.fields import ChoiceCharField, CurrentSecond, EncryptedTextField, SecondsDateTimeField, TagsField
from monitors.models import StatusTransition
from notifications.validation import clean_channel


class ChannelQuerySet(models.QuerySet["Channel"]):
    def enabled(self) -> Self:
        return self.filter(enabled=True)


class Channel(models.Model):
    """A Slack channel that receives alerts: the predecessor's table `notifications`, with the columns that we add.

    Never joined in SQL: an adopted table may have another collation than ours, and MySQL refuses to compare the two.
    Use `prefetch_related`, which sends values.
    """

    channel_id = models.CharField(
        _("channel id"), max_length=255, primary_key=True, help_text=_("Slack's id, such as C024BE91L.")
    )
    updated_at = SecondsDateTimeField(_("updated"), editable=False, auto_now=True, db_default=CurrentSecond())

    name = models.CharField(_("name"), max_length=80, null=True, blank=True)
    hook_url = EncryptedTextField(
        _("webhook URL"),
        null=True,
        blank=True,
        help_text=_("An incoming webhook; stored encrypted. Empty = messages go out by the bot token."),
    )
    hook_url_hint = models.CharField(_("webhook"), max_length=20, null=True, editable=False)
    enabled = models.BooleanField(
        _("receives alerts"),
        default=True,
        db_default=True,
        help_text=_("Off: nothing is sent here, the channel is kept."),
    )
    environments = TagsField(
        _("environments"), max_length=50, null=True, blank=True, help_text=_("Only servers of these. Empty = all.")
    )
    next_send_at = models.DateTimeField(
        _("next message not before"), null=True, editable=False, help_text=_("Slack allows one message a second.")
    )

    objects = ChannelQuerySet.as_manager()

    class Meta:
        db_table = "notifications"
        verbose_name = _("channel")
        verbose_name_plural = _("channels")

    def __str__(self) -> str:
        return self.name or self.channel_id

    def clean(self) -> None:
        super().clean()
        clean_channel(self)

    def wants(self, environment: str) -> bool:
        return not self.environments or environment in self.environments


class Kind(models.TextChoices):
    FAILURE = "failure", _("failure")
    RECOVERY = "recovery", _("recovery")
    ENDED = "ended", _("end of watching")
    ONGOING = "ongoing", _("still down")
    EXPIRED = "expired", _("summary of old news")
    TEST = "test", _("test")


class State(models.TextChoices):
    PENDING = "pending", _("pending")
    SENDING = "sending", _("being sent")
    SENT = "sent", _("sent")
    UNCERTAIN = "uncertain", _("uncertain")
    SKIPPED = "skipped", _("skipped")
    FAILED = "failed", _("failed")


OPEN_STATES = (State.PENDING, State.SENDING, State.UNCERTAIN)
TOLD_STATES = (*OPEN_STATES, State.SENT)


class SkipReason(models.TextChoices):
    NO_CHANNEL = "no_channel", _("no channel receives alerts of this environment")
    NOTIFICATION_OFF = "notification_off", _("the server's notification is off")
    MAINTENANCE = "maintenance", _("maintenance")
    CHANNEL_DISABLED = "channel_disabled", _("the channel is disabled or gone")
    SERVER_DELETED = "server_deleted", _("the server was deleted")
    ABSORBED = "absorbed", _("another message says it")
    EXPIRED = "expired", _("too old to be news")


class Delivery(models.Model):
    """One message to one channel, from the news to Slack's answer. Written by `notifications.outbox` alone."""

    kind = ChoiceCharField(_("kind"), max_length=20, choices=Kind.choices)
    channel = models.ForeignKey(
        Channel, models.DO_NOTHING, null=True, db_constraint=False, related_name="deliveries", verbose_name=_("channel")
    )
    key = models.CharField(_("key"), max_length=100, help_text=_("What it is about; once per channel."))
    transition = models.ForeignKey(
        StatusTransition,
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        related_name="deliveries",
        verbose_name=_("transition"),
    )
    incident_id = models.BigIntegerField(_("incident"), null=True, db_index=True)
    facts = models.JSONField(
        _("facts"), default=dict, help_text=_("What the message says, where no transition says it.")
    )
    state = ChoiceCharField(_("state"), max_length=10, choices=State.choices, default=State.PENDING)
    reason = models.CharField(_("reason"), max_length=50, default="", help_text=_("Why it was skipped or failed."))
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    next_attempt_at = models.DateTimeField(_("next attempt"), default=timezone.now)
    first_attempt_at = models.DateTimeField(_("first attempt"), null=True)
    lease_until = models.DateTimeField(_("lease until"), null=True, editable=False)
    token = models.CharField(max_length=32, default="", editable=False)
    sent_at = models.DateTimeField(_("sent"), null=True)
    seconds = models.FloatField(_("seconds"), null=True, help_text=_("From the transition to Slack's acceptance."))
    slack_ts = models.CharField(_("Slack's timestamp"), max_length=20, default="")
    possible_repeat = models.BooleanField(_("possible repeat"), default=False)
    error = models.CharField(_("last error"), max_length=200, default="")

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [models.UniqueConstraint(fields=["channel", "key"], name="delivery_once")]
        indexes = [
            models.Index(fields=["state", "next_attempt_at"], name="delivery_due"),
            models.Index(fields=["created_at"], name="delivery_created"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key} {self.state}"
