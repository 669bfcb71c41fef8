"""Keys to the API, what people prefer, and how often somebody failed to log in."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

LONGEST_DAYS = 3650
"""That a token may be asked to last; without an end it lasts for ever."""


def digest(token: str) -> str:
    """SHA-256 is enough: a token has 256 random bits, so there is nothing to guess and no need for a slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


class ApiTokenManager(models.Manager["ApiToken"]):
    def issue(
        self, user: User, name: str = "", *, expires_at: datetime | None = None, read_only: bool = False
    ) -> tuple[ApiToken, str]:
        """A new token and its text, which is shown once and stored nowhere."""
        text = secrets.token_urlsafe(32)
        columns: dict[str, Any] = {"name": name, "expires_at": expires_at, "read_only": read_only}
        return self.create(user=user, digest=digest(text), hint=text[-4:], **columns), text


class ApiToken(models.Model):
    """A key to the API, with the rights of its user. Only its hash is stored."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens", verbose_name=_("user")
    )
    name = models.CharField(_("name"), max_length=100, blank=True, default="", help_text=_("What uses it."))
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(_("ends in"), max_length=4, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    expires_at = models.DateTimeField(
        _("expires"), null=True, blank=True, help_text=_("From then on it is refused. Empty: it never expires.")
    )
    read_only = models.BooleanField(
        _("read-only"),
        default=False,
        db_default=False,
        help_text=_("It reads what its user may read, and changes nothing."),
    )

    objects = ApiTokenManager()

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return f"…{self.hint}"

    def has_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


class Profile(models.Model):
    """How somebody wants to see the pages. Who never said so has none."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="profile", verbose_name=_("user")
    )
    language = models.CharField(
        _("language"), max_length=10, blank=True, default="", help_text=_("Empty: that of the browser.")
    )
    time_zone = models.CharField(
        _("time zone"), max_length=64, blank=True, default="", help_text=_("Empty: that of the browser.")
    )

    class Meta:
        default_permissions = ()  # everybody has their own, on their account's page
        verbose_name = _("profile")
        verbose_name_plural = _("profiles")

    def __str__(self) -> str:
        return str(self.user)


class LogInFailures(models.Model):
    """How often a name, an address, or a name from an address failed to log in, of late."""

    key = models.CharField(max_length=64, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=150, editable=False)
    address = models.CharField(_("address"), max_length=64, editable=False)
    count = models.PositiveIntegerField(_("failures"), default=0, editable=False)
    began_at = models.DateTimeField(_("first failure"), db_index=True, editable=False)
    locked_until = models.DateTimeField(_("locked until"), null=True, editable=False)

    class Meta:
        verbose_name = _("failed log-ins")
        verbose_name_plural = _("failed log-ins")

    def __str__(self) -> str:
        return " ".join(filter(None, (self.name, self.address)))
