"""Who asks: `Authorization: Token ...`, or the session of the pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed

from monitors.models import ApiToken
from monitors.models.access import digest

USE_NOTED_EVERY = timedelta(minutes=1)
"""A script that asks ten times a second must not write ten times a second."""


class TokenAuthentication(authentication.TokenAuthentication):
    """Finds the token by its hash: what the database holds opens nothing, and no comparison leaks its timing."""

    def authenticate_credentials(self, key: str) -> tuple[Any, ApiToken]:
        token = ApiToken.objects.select_related("user").filter(digest=digest(key)).first()
        if token is None:
            raise AuthenticationFailed(_("This token does not exist. It may have been deleted."))
        if not token.user.is_active:
            raise AuthenticationFailed(_("The user of this token is inactive."))
        _note_use(token, timezone.now())
        return token.user, token


def _note_use(token: ApiToken, now: datetime) -> None:
    """Compare-and-set, so that of many requests at once only one writes. A use later than now is another clock's."""
    latest, ahead = now - USE_NOTED_EVERY, now + USE_NOTED_EVERY
    if token.last_used_at is None or not latest < token.last_used_at <= ahead:
        unnoted = Q(last_used_at=None) | Q(last_used_at__lte=latest) | Q(last_used_at__gt=ahead)
        ApiToken.objects.filter(unnoted, pk=token.pk).update(last_used_at=now)
