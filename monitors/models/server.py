"""What is watched: the predecessor's table `server_health`, with the columns that we add to it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Self

from django.core.validators import BaseValidator, MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Value
from django.db.models.functions import Concat, StrIndex, Substr
from django.db.models.lookups import IContains
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from monitors import kinds
from monitors.fields import (
    ChoiceIntegerField,
    CurrentSecond,
    EncryptedHeadersField,
    EnumField,
    NameField,
    OptionsField,
    TagsField,
    TimestampField,
)
from monitors.policy import BOUNDS
from monitors.validation import clean_rules, clean_server, settle

HEALTH_ORDER = ("UNHEALTHY", "UNKNOWN", "PAUSED", "HEALTHY")
"""Worst first."""


class Environment(models.TextChoices):
    DEV = "DEV", "DEV"
    STAGE = "STAGE", "STAGE"
    LIVE = "LIVE", "LIVE"
    UNKNOWN = "UNKNOWN", "UNKNOWN"


def type_choices() -> list[tuple[int, Any]]:
    """Every number that a kind of check has."""
    return [(number, _(label)) for number, label in kinds.types()]


def _within(lowest: float, highest: float) -> list[BaseValidator]:
    return [MinValueValidator(lowest), MaxValueValidator(highest)]


class RuleFields(models.Model):
    """The settings that a server, and the policy of an environment, may override."""

    interval_seconds = models.PositiveIntegerField(
        _("interval (s)"),
        null=True,
        blank=True,
        validators=_within(*BOUNDS["interval_seconds"]),
        help_text=_("Seconds between two probes, 1 to 86,400. Empty = inherited."),
    )
    timeout_seconds = models.FloatField(
        _("timeout (s)"),
        null=True,
        blank=True,
        validators=_within(*BOUNDS["timeout_seconds"]),
        help_text=_(
            "Seconds that one probe may take in all, 0.1 to 300; never more than the interval. Empty = inherited."
        ),
    )
    healthy_threshold = models.PositiveSmallIntegerField(
        _("successes to recover"),
        null=True,
        blank=True,
        validators=_within(*BOUNDS["healthy_threshold"]),
        help_text=_("Successful probes in a row that end an outage, 1 to 100. Empty = inherited."),
    )
    unhealthy_threshold = models.PositiveSmallIntegerField(
        _("failures to alarm"),
        null=True,
        blank=True,
        validators=_within(*BOUNDS["unhealthy_threshold"]),
        help_text=_("Failed probes in a row that make the server unhealthy, 1 to 100. Empty = inherited."),
    )
    slow_after_ms = models.PositiveIntegerField(
        _("slow after (ms)"),
        null=True,
        blank=True,
        validators=_within(*BOUNDS["slow_after_ms"]),
        help_text=_("A check that succeeds but takes longer than this is slow; 1 to 300,000. Empty = inherited."),
    )

    class Meta:
        abstract = True

    def clean(self) -> None:
        super().clean()
        clean_rules(self)


class Policy(RuleFields):
    """The defaults of one environment. The four rows are made by a migration."""

    environment = models.CharField(_("environment"), max_length=7, primary_key=True, editable=False)

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")

    def __str__(self) -> str:
        return self.environment


_PLACE = Substr("host", 1, StrIndex(Concat("host", Value("?")), Value("?")) - 1)
"""The column `host` without its query."""


def found_by(text: str) -> models.Q:
    """Servers with `text` in name or host, in any case. Not in what is a secret there, the query and what is before an
    @: searched for letter by letter it would be found out."""
    in_host = models.Q(host__icontains=text) & models.Q(IContains(_PLACE, text)) & ~models.Q(host__contains="@")
    return models.Q(host_name__icontains=text) | in_host


def of_kinds(words: Collection[str]) -> models.Q:
    """Servers of these kinds; those with a number that no kind has are of the first."""
    chosen = [number for kind in kinds.KINDS if kind.word in words for number in kind.numbers]
    known = [number for number, _label in kinds.types()]
    found = models.Q(type__in=chosen)
    return found | ~models.Q(type__in=known) if kinds.KINDS[0].word in words else found


class ServerQuerySet(models.QuerySet["Server"]):
    def active(self) -> Self:
        return self.filter(paused=False)

    def with_health(self) -> Self:
        """Adds `shown_health` (PAUSED masks the rest) and `severity` (0 is worst) and joins the status row."""
        shown = models.Case(
            models.When(paused=True, then=models.Value("PAUSED")),
            models.When(status__health__isnull=True, then=models.Value("UNKNOWN")),
            default=models.F("status__health"),
            output_field=models.CharField(max_length=9),
        )
        severity = models.Case(
            *(models.When(shown_health=health, then=models.Value(rank)) for rank, health in enumerate(HEALTH_ORDER)),
            default=models.Value(len(HEALTH_ORDER)),
            output_field=models.SmallIntegerField(),
        )
        return self.select_related("status").annotate(shown_health=shown).annotate(severity=severity)

    def worst_first(self) -> Self:
        return self.with_health().order_by("severity", "host_name")


class Server(RuleFields):
    """A web or WebSocket server.

    Pause, resume, edits of the address and deletion go through `monitors.recording`, so that whoever was told of a
    failure is told its end.
    """

    id = models.BigAutoField(primary_key=True)
    host_name = NameField(
        _("name"), max_length=255, help_text=_("Unique, without regard to case, as the database compares.")
    )
    host = models.CharField(
        _("host"),
        max_length=255,
        help_text=_(
            "A name or an address; may carry scheme, port and path, as in https://web.example.com:8443/health."
        ),
    )
    port = models.IntegerField(
        _("port"),
        validators=[MinValueValidator(1), MaxValueValidator(65_535)],
        help_text=_("1 to 65535. A port inside the host wins. Without a scheme, 443 and 8443 mean TLS."),
    )
    type = ChoiceIntegerField(
        _("type"),
        choices=type_choices,
        help_text=_("1 and 6 are probed by HTTP GET; 2, 3 and 4 by a WebSocket handshake."),
    )
    notification = models.BooleanField(
        _("notification"),
        default=True,
        db_default=True,
        help_text=_("Off: still probed and shown, but nobody is told."),
    )
    environment = EnumField(_("environment"), values=Environment.values)
    created_at = TimestampField(
        _("created"), null=True, editable=False, default=timezone.now, db_default=CurrentSecond()
    )
    updated_at = TimestampField(_("updated"), null=True, editable=False, auto_now=True)

    paused = models.BooleanField(_("paused"), default=False, db_default=False, editable=False)
    paused_reason = models.CharField(_("why paused"), max_length=200, null=True, editable=False)
    path = models.CharField(
        _("path"),
        max_length=500,
        null=True,
        blank=True,
        help_text=_("Path and query to ask for. Empty = from the type."),
    )
    scheme = models.CharField(
        _("scheme"),
        max_length=5,
        null=True,
        blank=True,
        help_text=_("http, https, ws or wss. Empty = from host and port."),
    )
    expected_status = models.CharField(
        _("expected status"),
        max_length=200,
        null=True,
        blank=True,
        help_text=_("Codes and ranges, such as 200-299,301. Empty = any final 2xx or 3xx."),
    )
    expected_text = models.CharField(
        _("expected text"),
        max_length=200,
        null=True,
        blank=True,
        help_text=_("Must occur in the first 64 KiB of the answer. Empty = the body is not read."),
    )
    request_headers = EncryptedHeadersField(
        _("request headers"),
        null=True,
        blank=True,
        help_text=_("A JSON object of texts, stored encrypted and shown masked."),
    )
    verify_tls = models.BooleanField(
        _("verify TLS"), null=True, blank=True, help_text=_("Whether the certificate must be valid. Empty = yes.")
    )
    subprotocol = models.CharField(
        _("subprotocol"),
        max_length=100,
        null=True,
        blank=True,
        help_text=_("WebSocket subprotocol that must be agreed on."),
    )
    options = OptionsField(
        _("options"),
        null=True,
        blank=True,
        help_text=_("Settings that only this kind of check has. Secrets are masked."),
    )
    tags = TagsField(
        _("tags"), max_length=500, null=True, blank=True, help_text=_("Words to filter by, separated by commas.")
    )
    from_inventory = models.BooleanField(_("from the inventory"), default=False, db_default=False, editable=False)

    objects = ServerQuerySet.as_manager()

    class Meta:
        db_table = "server_health"
        verbose_name = _("server")
        verbose_name_plural = _("servers")
        constraints = [
            models.UniqueConstraint(
                fields=["host_name"],
                name="host_name",
                violation_error_message=_("A server with this name exists already."),
            )
        ]
        permissions = [("delete_all_servers", "Can delete all servers at once")]

    def __str__(self) -> str:
        return str(self.host_name)

    def clean_fields(self, exclude: Any = None) -> None:
        super().clean_fields({*(exclude or ()), *settle(self)})

    def clean(self) -> None:
        clean_server(self)
