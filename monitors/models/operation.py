"""The monitor's own pulse: when its parts last ran, when it was blind, and what the inventory last said."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _


class Heartbeat(models.Model):
    """When a part of the monitor last did its work."""

    name = models.CharField(_("part"), max_length=50, primary_key=True)
    at = models.DateTimeField(_("last ran"))
    skew_seconds = models.FloatField(_("clock ahead (s)"), null=True)
    """How far its host's clock is ahead of the database's, where that is what it tells (`monitors.skew`)."""

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return self.name


class Gap(models.Model):
    """A time in which nothing was probed, because the monitor or its broker was down."""

    began_at = models.DateTimeField(_("began"))
    ended_at = models.DateTimeField(_("ended"))

    class Meta:
        verbose_name = _("gap in probing")
        verbose_name_plural = _("gaps in probing")
        indexes = [models.Index(fields=["ended_at"], name="gap_ended")]

    def __str__(self) -> str:
        return f"{self.began_at:%Y-%m-%d %H:%M:%S} + {self.duration}"

    @property
    def duration(self) -> timedelta:
        return max(self.ended_at - self.began_at, timedelta(0))


class InventoryRun(models.Model):
    """One synchronisation with the inventory. The names are kept up to a thousand of each."""

    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    dry_run = models.BooleanField(_("dry run"), default=False)
    created = models.JSONField(_("created"), default=list)
    changed = models.JSONField(_("changed"), default=list)
    vanished = models.JSONField(_("vanished"), default=list)
    rejected = models.JSONField(_("rejected"), default=list)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    error = models.CharField(_("error"), max_length=500, default="")

    class Meta:
        verbose_name = _("inventory run")
        verbose_name_plural = _("inventory runs")

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M}"
