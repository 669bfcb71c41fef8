"""What was seen: every outcome for a day, then sums per minute, hour and day; and when nothing was seen. See
`monitors.retention`."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from monitors.fields import InstantField
from monitors.models.server import Server


class PastOutcome(models.Model):
    """One recorded outcome. No foreign key in the database: deleting a server returns at once, its rows expire."""

    server = models.ForeignKey(
        Server,
        models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="outcomes",
        verbose_name=_("server"),
    )
    slot = InstantField(_("slot"))
    failure = models.CharField(_("failure"), max_length=20, default="")
    elapsed_us = models.PositiveIntegerField(_("time taken (µs)"))
    status = models.PositiveSmallIntegerField(_("status code"), null=True)
    stages = models.CharField(_("stages"), max_length=60, default="")
    detail = models.CharField(_("detail"), max_length=200, default="")

    class Meta:
        verbose_name = _("outcome")
        verbose_name_plural = _("outcomes")
        constraints = [models.UniqueConstraint(fields=["server", "slot"], name="outcome_once_per_slot")]

    def __str__(self) -> str:
        return f"{self.slot:%Y-%m-%d %H:%M:%S} {self.failure or 'ok'}"


class Rollup(models.Model):
    """Sums of the outcomes of one server in one minute, hour or day. Inconclusive ones count for nothing else."""

    MINUTE, HOUR, DAY = 60, 3_600, 86_400

    server = models.ForeignKey(
        Server, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="rollups", verbose_name=_("server")
    )
    resolution = models.PositiveIntegerField(_("seconds covered"))
    start = InstantField(_("start"))
    succeeded = models.PositiveIntegerField(_("succeeded"))
    failed = models.PositiveIntegerField(_("failed"))
    inconclusive = models.PositiveIntegerField(_("inconclusive"))
    blips = models.PositiveIntegerField(_("single failures"), null=True)
    """Failed ones of runs that a success ended before they were an incident, counted with that success. Null in sums
    that were begun before these were counted."""
    elapsed_sum_us = models.PositiveBigIntegerField(_("time taken by successes (µs)"))
    elapsed_max_us = models.PositiveIntegerField(_("longest success (µs)"))

    class Meta:
        verbose_name = _("rollup")
        verbose_name_plural = _("rollups")
        constraints = [models.UniqueConstraint(fields=["server", "resolution", "start"], name="rollup_once")]
        indexes = [models.Index(fields=["resolution", "start"], name="rollup_age")]

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M} +{self.resolution} s"


class UnknownTime(models.Model):
    """A time in which it was not known how a server was: from two intervals after one conclusive outcome to the next.
    Nothing is written while outcomes come in time. See `monitors.uptime`.

    The first one of a server begins at the epoch: before its first outcome nothing was known.
    """

    server = models.ForeignKey(
        Server,
        models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="unknown_times",
        verbose_name=_("server"),
    )
    began_at = models.DateTimeField(_("began"))
    ended_at = models.DateTimeField(_("ended"))

    class Meta:
        verbose_name = _("unknown time")
        verbose_name_plural = _("unknown times")
        default_permissions = ()  # people see it as figures, in no list of its own
        constraints = [models.UniqueConstraint(fields=["server", "ended_at"], name="unknown_time_once")]
        indexes = [models.Index(fields=["ended_at"], name="unknown_time_age")]

    def __str__(self) -> str:
        return f"{self.began_at:%Y-%m-%d %H:%M:%S} – {self.ended_at:%Y-%m-%d %H:%M:%S}"
