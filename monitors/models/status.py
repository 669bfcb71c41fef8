"""Where each server stands, and every change of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from monitors.engine.base import MAX_ANSWER
from monitors.fields import ChoiceCharField, EnumField, InstantField
from monitors.models.server import Environment, Server


class Reason(models.TextChoices):
    """Why a status changed. Stored and part of the API: add, never rename."""

    OUTCOMES = "outcomes", _("probes in a row agreed")
    INCONCLUSIVE = "inconclusive", _("the monitor could not look")
    PAUSED = "paused", _("paused")
    RESUMED = "resumed", _("resumed")
    EDITED = "edited", _("monitoring changed")
    DELETED = "deleted", _("deleted")
    NOTIFICATION_ON = "notification_on", _("notification switched on")


class Outage(models.TextChoices):
    """What a transition says about an outage; empty when it says nothing that anybody needs to be told."""

    BEGAN = "began", _("began")
    ENDED = "ended", _("ended")
    ONGOING = "ongoing", _("goes on")


class EvidenceFields(models.Model):
    """What a failed probe met."""

    status = models.PositiveSmallIntegerField(_("status code"), null=True)
    peer = models.CharField(_("address connected to"), max_length=45, default="", db_default="")
    stages = models.CharField(_("stages"), max_length=60, default="", db_default="")
    answer = models.CharField(
        _("beginning of the answer"),
        max_length=MAX_ANSWER,
        default="",
        db_default="",
        help_text=_("As the server sent it, without what could be a secret of the monitor."),
    )

    class Meta:
        abstract = True


class Incident(EvidenceFields):
    """One outage. Keeps the names it had, so that it outlives its server. The evidence is of the probe that completed
    the run."""

    server = models.ForeignKey(
        Server,
        models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="incidents",
        verbose_name=_("server"),
    )
    host_name = models.CharField(_("name"), max_length=255)
    environment = EnumField(_("environment"), values=Environment.values)
    address = models.CharField(_("address"), max_length=800)
    failure = models.CharField(_("failure"), max_length=20)
    detail = models.CharField(_("detail"), max_length=200)
    began_at = models.DateTimeField(_("began"), help_text=_("The first failed probe of the run."))
    confirmed_at = models.DateTimeField(_("confirmed"), help_text=_("The probe that completed the run."))
    ended_at = models.DateTimeField(_("ended"), null=True, help_text=_("The first success of the recovering run."))
    end_reason = ChoiceCharField(_("how it ended"), max_length=20, choices=Reason.choices, default="")
    acknowledged_by = models.CharField(_("acknowledged by"), max_length=150, default="")
    acknowledged_at = models.DateTimeField(_("acknowledged"), null=True)

    class Meta:
        verbose_name = _("incident")
        verbose_name_plural = _("incidents")
        indexes = [
            models.Index(fields=["ended_at", "began_at"], name="incident_open"),
            models.Index(fields=["server", "began_at"], name="incident_server"),
            models.Index(fields=["acknowledged_at"], name="incident_acknowledged"),
        ]

    def __str__(self) -> str:
        return f"{self.host_name} {self.began_at:%Y-%m-%d %H:%M}"

    def duration(self, now: datetime) -> timedelta:
        """From the first failed probe to the first success, or to `now` while it lasts; never negative."""
        return max((self.ended_at or now) - self.began_at, timedelta(0))


class IncidentNote(models.Model):
    """What somebody wrote down about an outage."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="notes", verbose_name=_("incident"))
    at = models.DateTimeField(_("at"))
    author = models.CharField(_("author"), max_length=150)
    text = models.TextField(_("text"), max_length=2_000)

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")

    def __str__(self) -> str:
        return f"{self.author} {self.at:%Y-%m-%d %H:%M}"


class StatusTransition(models.Model):
    """One change of a status. `handed_over_at` is the mark of whoever passes transitions on; ids commit out of order,
    so a high-water mark would lose some."""

    server = models.ForeignKey(
        Server,
        models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="transitions",
        verbose_name=_("server"),
    )
    incident = models.ForeignKey(
        Incident,
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        related_name="transitions",
        verbose_name=_("incident"),
    )
    host_name = models.CharField(_("name"), max_length=255)
    environment = EnumField(_("environment"), values=Environment.values)
    from_health = models.CharField(_("from"), max_length=9)
    to_health = models.CharField(_("to"), max_length=9)
    reason = ChoiceCharField(_("reason"), max_length=20, choices=Reason.choices)
    outage = ChoiceCharField(_("outage"), max_length=7, choices=Outage.choices, default="")
    notification = models.BooleanField(_("notification"), help_text=_("Whether the server's notification was on."))
    failure = models.CharField(_("failure"), max_length=20, default="")
    detail = models.CharField(_("detail"), max_length=200, default="")
    actor = models.CharField(
        _("by"), max_length=150, default="", help_text=_("Who did it; empty for the monitor itself.")
    )
    at = models.DateTimeField(_("at"))
    created_at = models.DateTimeField(_("stored"), default=timezone.now)
    handed_over_at = models.DateTimeField(_("handed over"), null=True, editable=False)

    class Meta:
        verbose_name = _("status transition")
        verbose_name_plural = _("status transitions")
        indexes = [
            models.Index(fields=["handed_over_at"], name="transition_handover"),
            models.Index(fields=["server", "at"], name="transition_server"),
            models.Index(fields=["at"], name="transition_at"),
        ]

    def __str__(self) -> str:
        return f"{self.host_name} {self.from_health} → {self.to_health}"


class LastFailure(EvidenceFields):
    """What the latest failed probe of a server met. In a table of its own: a probe that succeeds neither reads nor
    writes it."""

    server = models.OneToOneField(
        Server,
        models.CASCADE,
        primary_key=True,
        db_constraint=False,
        related_name="last_failure",
        verbose_name=_("server"),
    )
    at = InstantField(_("at"))
    failure = models.CharField(_("failure"), max_length=20)
    detail = models.CharField(_("detail"), max_length=200, default="", db_default="")

    class Meta:
        verbose_name = _("last failure")
        verbose_name_plural = _("last failures")

    def __str__(self) -> str:
        return self.failure


class ServerStatusQuerySet(models.QuerySet["ServerStatus"]):
    def lock(self, server_ids: Any) -> Self:
        """The rows of `server_ids`, in key order, locked where the database has row locks (SQLite locks it all)."""
        return self.filter(server__in=server_ids).order_by("server_id").select_for_update()


class ServerStatus(models.Model):
    """The state of one server. Written by `monitors.recording` (outcomes) and `monitors.claiming` (schedule) alone."""

    server = models.OneToOneField(
        Server, models.CASCADE, primary_key=True, db_constraint=False, related_name="status", verbose_name=_("server")
    )
    health = models.CharField(_("health"), max_length=9, default="UNKNOWN", db_default="UNKNOWN")
    successes = models.PositiveIntegerField(_("successes in a row"), default=0, db_default=0)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0, db_default=0)
    inconclusive = models.PositiveIntegerField(_("inconclusive in a row"), default=0, db_default=0)
    since = InstantField(_("since"), null=True)
    run_began_at = InstantField(_("run began"), null=True)
    first_failure = models.CharField(_("first failure of the run"), max_length=20, default="", db_default="")
    first_detail = models.CharField(_("first detail of the run"), max_length=200, default="", db_default="")
    failure = models.CharField(_("failure"), max_length=20, default="", db_default="")
    detail = models.CharField(_("detail"), max_length=200, default="", db_default="")
    last_checked_at = InstantField(_("last checked"), null=True)
    elapsed_us = models.PositiveIntegerField(_("time taken (µs)"), null=True)
    stages = models.CharField(_("stages"), max_length=60, default="", db_default="")
    peer = models.CharField(_("address connected to"), max_length=45, default="", db_default="")
    certificate_expires_at = InstantField(_("certificate expires"), null=True)
    certificate_subject = models.CharField(_("certificate of"), max_length=100, default="", db_default="")
    recent = models.CharField(_("recent outcomes"), max_length=960, default="", db_default="")
    incident = models.ForeignKey(
        Incident,
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("open incident"),
    )
    next_probe_at = InstantField(_("next probe"), null=True, db_index=True)
    last_slot = InstantField(_("last recorded slot"), null=True)
    claimed_until = InstantField(_("claimed until"), null=True)
    known_until = InstantField(_("known until"), null=True)
    """Until when the last conclusive outcome speaks for the server: two intervals from its slot on."""

    objects = ServerStatusQuerySet.as_manager()

    class Meta:
        verbose_name = _("server status")
        verbose_name_plural = _("server statuses")

    def __str__(self) -> str:
        return self.health

    @property
    def latency_ms(self) -> float | None:
        return None if self.elapsed_us is None else round(self.elapsed_us / 1000, 1)
