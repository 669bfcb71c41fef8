"""Who is told, and every message that was to be sent."""

from __future__ import annotations

from typing import Any, Self

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from monitors.fields import ChoiceCharField, CurrentSecond, SecondsDateTimeField, TagsField
from monitors.models import StatusTransition
from monitors.models.server import Environment
from notifications.fields import KindField, SecretField, SettingsField, usual_kind
from notifications.validation import clean_channel


class Guarantee(models.TextChoices):
    """What a channel can be promised. Slack has no idempotency key: after a lost answer the message has to be looked
    for, or sent again at the risk of a repeat."""

    EXACTLY_ONCE = "exactly_once", _("exactly once")
    AT_LEAST_ONCE = "at_least_once", _("at least once")
    UNCHECKED = "", _("not checked yet")


class ChannelQuerySet(models.QuerySet["Channel"]):
    def enabled(self) -> Self:
        return self.filter(enabled=True)


class Channel(models.Model):
    """Where alerts go: the predecessor's table `notifications`, with the columns that we add.

    Never joined in SQL: an adopted table may have another collation than ours, and MySQL refuses to compare the two.
    Use `prefetch_related`, which sends values.
    """

    channel_id = models.CharField(
        _("channel id"), max_length=255, primary_key=True, help_text=_("Slack's id, such as C024BE91L.")
    )
    updated_at = SecondsDateTimeField(_("updated"), editable=False, auto_now=True, db_default=CurrentSecond())

    name = models.CharField(_("name"), max_length=80, null=True, blank=True)
    kind = KindField(_("kind"), max_length=30, default="", db_default="", editable=False)
    settings = SettingsField(null=True, default=dict, editable=False)
    """Of its kind: see `notifications.transports`. Those that are older than kinds have a column of their own."""
    hook_url = SecretField(_("webhook URL"), null=True, blank=True)
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
        _("next message not before"), null=True, editable=False, help_text=_("At the pace that the medium allows.")
    )
    planned_at = models.DateTimeField(null=True, editable=False)
    """When `next_send_at` was decided: see `notifications.instants`."""

    language = models.CharField(
        _("language"),
        max_length=10,
        default="",
        db_default="",
        blank=True,
        help_text=_("Of the messages in this channel. Empty = the monitor's own."),
    )
    guarantee = ChoiceCharField(
        _("guarantee"),
        max_length=20,
        choices=Guarantee.choices,
        default=Guarantee.UNCHECKED,
        db_default=Guarantee.UNCHECKED.value,
        editable=False,
        help_text=_("Exactly once needs a bot token that may read the channel."),
    )
    lacks = models.CharField(
        _("lacks"),
        max_length=100,
        default="",
        db_default="",
        editable=False,
        help_text=_("What exactly once would need: Slack's code, and the missing scope after a colon."),
    )
    checked_at = models.DateTimeField(_("checked"), null=True, editable=False)

    objects = ChannelQuerySet.as_manager()

    class Meta:
        db_table = "notifications"
        verbose_name = _("channel")
        verbose_name_plural = _("channels")

    def __str__(self) -> str:
        return self.name or self.channel_id

    @classmethod
    def from_db(cls, db: Any, field_names: Any, values: Any) -> Channel:  # type: ignore[override]  # of a later Django
        """A row that SQL inserted names no kind."""
        channel = super().from_db(db, field_names, values)
        if "kind" in field_names:
            channel.kind = channel.kind or usual_kind(channel)
        return channel

    def clean(self) -> None:
        super().clean()
        clean_channel(self)

    def wants(self, environment: str) -> bool:
        return not self.environments or environment in self.environments


class Workspace(models.Model):
    """The workspace of the bot token, as Slack showed it last: one row. Written by `slack.workspace` alone."""

    THE_ONE = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=THE_ONE, editable=False)
    token_mark = models.CharField(max_length=32, default="", editable=False)
    """Of the token that all of this is about; no way back to it."""
    team_id = models.CharField(max_length=32, default="")
    team = models.CharField(_("workspace"), max_length=255, default="")
    url = models.CharField(_("address"), max_length=255, default="")
    user_id = models.CharField(max_length=32, default="")
    scopes = models.JSONField(_("scopes"), default=list)
    error = models.CharField(_("error"), max_length=160, default="", help_text=_("Why Slack refuses the token."))
    identify_at = models.DateTimeField(null=True)
    """When Slack is next asked whose token this is and what it may do; null = now. So are the two below."""

    refreshed_at = models.DateTimeField(_("channels read"), null=True)
    """When the list of channels was last read to its end."""
    began_at = models.DateTimeField(null=True)
    """Of the reading that is under way; `cursor` is where it goes on."""
    cursor = models.CharField(max_length=500, default="")
    page_at = models.DateTimeField(null=True)
    refresh_error = models.CharField(max_length=160, default="")
    inspect_at = models.DateTimeField(null=True)
    planned_at = models.DateTimeField(null=True)
    """When one of these was decided last: see `notifications.instants`."""

    lease_until = models.DateTimeField(null=True)
    token = models.CharField(max_length=32, default="")
    """Of whoever has the lease."""

    class Meta:
        verbose_name = _("workspace")
        verbose_name_plural = _("workspaces")

    def __str__(self) -> str:
        return self.team or self.team_id


class WorkspaceChannel(models.Model):
    """A channel of the workspace, as Slack showed it last. Whether it receives alerts is told by a `Channel` of the
    same id; the two tables are never joined, see there."""

    slack_id = models.CharField(_("channel id"), max_length=32, primary_key=True)
    name = models.CharField(_("name"), max_length=255)
    is_private = models.BooleanField(_("private"), default=False)
    is_member = models.BooleanField(_("the app is in it"), default=False)
    is_archived = models.BooleanField(_("archived"), default=False)
    members = models.PositiveIntegerField(_("members"), default=0)
    seen_at = models.DateTimeField(_("seen"), help_text=_("When Slack last showed it."))

    class Meta:
        verbose_name = _("channel of the workspace")
        verbose_name_plural = _("channels of the workspace")
        indexes = [models.Index(fields=["is_archived", "name"], name="workspace_channel_name")]

    def __str__(self) -> str:
        return self.name


class SlackSocket(models.Model):
    """The connection on which Slack tells of pressed buttons: one row. Written by `slack.socket` alone."""

    THE_ONE = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=THE_ONE, editable=False)
    seen_at = models.DateTimeField(_("last ran"))
    connected_at = models.DateTimeField(_("connected"), null=True)
    error = models.CharField(_("error"), max_length=50, default="")
    """Why it is not connected: Slack's code, or one of ours."""

    class Meta:
        verbose_name = _("connection for buttons")
        verbose_name_plural = _("connections for buttons")

    def __str__(self) -> str:
        return self.error or f"{self.connected_at:%Y-%m-%d %H:%M:%S}"


class PressCount(models.Model):
    """Presses of buttons so far, for the metrics. Written by `slack.socket` alone."""

    action = models.CharField(max_length=20)
    outcome = models.CharField(max_length=20)
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        default_permissions = ()  # nobody is shown a row
        constraints = [models.UniqueConstraint(fields=["action", "outcome"], name="press_count_once")]

    def __str__(self) -> str:
        return f"{self.action} {self.outcome}: {self.count}"


class Kind(models.TextChoices):
    FAILURE = "failure", pgettext_lazy("kind of message", "failure")
    RECOVERY = "recovery", _("recovery")
    ENDED = "ended", _("end of watching")
    ONGOING = "ongoing", _("still down")
    EXPIRED = "expired", _("summary of old news")
    STORM = "storm", _("storm")
    STORM_SUMMARY = "storm_summary", _("summary of a storm")
    STORM_END = "storm_end", _("end of a storm")
    TEST = "test", _("test")


TELLING = (Kind.FAILURE, Kind.ONGOING)
ENDING = (Kind.RECOVERY, Kind.ENDED)
OF_STORM = (Kind.STORM, Kind.STORM_SUMMARY, Kind.STORM_END)


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


class StormRule(models.Model):
    """When failures of an environment are told as one storm and no longer one by one; without a row, the defaults."""

    SERVERS = (2, 1_000)
    SECONDS = (5, 600)
    """The least and the greatest, of what is entered and of what holds."""

    environment = ChoiceCharField(_("environment"), max_length=50, choices=Environment.choices, primary_key=True)
    servers = models.PositiveSmallIntegerField(
        _("servers"),
        default=5,
        validators=[MaxValueValidator(SERVERS[1])],
        help_text=_("So many failures within the window are a storm, 2 to 1,000. 0 = every failure is told by itself."),
    )
    seconds = models.PositiveSmallIntegerField(
        _("window (s)"),
        default=30,
        validators=[MinValueValidator(SECONDS[0]), MaxValueValidator(SECONDS[1])],
        help_text=_("5 to 600."),
    )

    class Meta:
        verbose_name = _("storm rule")
        verbose_name_plural = _("storm rules")

    def __str__(self) -> str:
        return str(self.environment)

    def clean(self) -> None:
        super().clean()
        if self.servers == 1:
            raise ValidationError({"servers": _("One server is no storm: give 0 for never, or 2 and more.")})


class Storm(models.Model):
    """Many servers of an environment down at once, told to one channel as one thing. Written by `outbox` alone.

    Its messages and the failures that it tells instead are the deliveries of this storm.
    """

    channel = models.ForeignKey(
        Channel, models.DO_NOTHING, db_constraint=False, related_name="storms", verbose_name=_("channel")
    )
    environment = ChoiceCharField(_("environment"), max_length=50, choices=Environment.choices)
    began_at = models.DateTimeField(_("began"))
    joined_at = models.DateTimeField(_("last server joined"))
    ended_at = models.DateTimeField(_("ended"), null=True, db_index=True)

    class Meta:
        verbose_name = _("storm")
        verbose_name_plural = _("storms")

    def __str__(self) -> str:
        return f"{self.environment} {self.began_at:%Y-%m-%d %H:%M}"


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
    planned_at = models.DateTimeField(null=True, editable=False)
    """When `next_attempt_at` or `edit_due_at` was decided: see `notifications.instants`."""
    first_attempt_at = models.DateTimeField(_("first attempt"), null=True)
    lease_until = models.DateTimeField(_("lease until"), null=True, editable=False)
    token = models.CharField(max_length=32, default="", editable=False)
    sent_at = models.DateTimeField(_("sent"), null=True)
    seconds = models.FloatField(_("seconds"), null=True, help_text=_("From the transition to Slack's acceptance."))
    storm = models.ForeignKey(
        Storm,
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="deliveries",
        verbose_name=_("storm"),
        help_text=_("What it is a message of, or what tells it instead."),
    )
    remote_id = models.CharField(_("id in the medium"), max_length=255, default="")
    thread_id = models.CharField(_("thread"), max_length=255, default="", help_text=_("The message that it answers."))
    after_id = models.CharField(max_length=255, default="", db_default="", editable=False)
    """Of a message that is older than this one, as was known before the first attempt."""
    attempt_ended_at = models.DateTimeField(_("last attempt ended"), null=True)
    looks = models.PositiveSmallIntegerField(
        _("looks"), default=0, help_text=_("Times it was looked for in Slack and not found, since the last attempt.")
    )
    found = models.BooleanField(
        _("found"), default=False, help_text=_("Slack's answer was lost, and the message found in the channel.")
    )
    edit_due_at = models.DateTimeField(
        _("edit due"), null=True, help_text=_("From then on the message in Slack is to be brought up to date.")
    )
    edited_at = models.DateTimeField(_("written or edited"), null=True)
    possible_repeat = models.BooleanField(_("possible repeat"), default=False)
    error = models.CharField(_("last error"), max_length=200, default="")

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [models.UniqueConstraint(fields=["channel", "key"], name="delivery_once")]
        indexes = [
            models.Index(fields=["state", "next_attempt_at"], name="delivery_due"),
            models.Index(fields=["created_at"], name="delivery_created"),
            models.Index(fields=["edit_due_at"], name="delivery_edit"),
            models.Index(fields=["lease_until"], name="delivery_leased"),
            models.Index(fields=["storm", "kind", "incident_id"], name="delivery_storm"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key} {self.state}"


class DeliveryCount(models.Model):
    """Of the deliveries that are no longer kept, how many there were, for the metrics. Written by `outbox` alone."""

    name = models.CharField(max_length=20, primary_key=True)
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        default_permissions = ()  # nobody is shown a row

    def __str__(self) -> str:
        return f"{self.name}: {self.count}"
