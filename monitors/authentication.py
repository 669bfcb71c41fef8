"""Who asks: `Authorization: Token ...`, or the session of the pages."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied, Throttled
from rest_framework.request import Request

from healthcheck.peers import address_of, site
from monitors.models import ApiToken
from monitors.models.access import digest

logger = logging.getLogger(__name__)

USE_NOTED_EVERY = timedelta(minutes=1)
"""A script that asks ten times a second must not write ten times a second."""
READING = frozenset(("GET", "HEAD", "OPTIONS", "TRACE"))
"""The methods that change nothing (RFC 9110, 9.2.1)."""
MOST_WRONG = 30
WRONG_WITHIN_SECONDS = 900.0
MOST_ADDRESSES = 10_000


class WrongTokens:
    """How many came from each address lately, in memory: whoever sends wrong ones must not make us write. A right token
    is never refused for the wrong ones of others, so that nothing is lost with a process that ends."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, address: str, now: float) -> tuple[int, float]:
        """The number so far, with this one, and in how many seconds counting begins anew. `now` is monotonic."""
        with self._lock:
            began, count = self._seen.get(address, (now, 0))
            if now - began >= WRONG_WITHIN_SECONDS:
                began, count = now, 0
            self._seen[address] = began, count + 1
            if len(self._seen) > MOST_ADDRESSES:
                self._seen.popitem(last=False)
            return count + 1, began + WRONG_WITHIN_SECONDS - now

    def forget(self) -> None:
        with self._lock:
            self._seen.clear()


wrong_tokens = WrongTokens()


class TokenAuthentication(authentication.TokenAuthentication):
    """Finds the token by its hash: what the database holds opens nothing, and no comparison leaks its timing."""

    def authenticate(self, request: Request) -> Any:
        """Raises Throttled for a wrong token where there were many, and PermissionDenied for a change by a token that
        may only read."""
        try:
            found = super().authenticate(request)
        except UnknownTokenError:
            _limit(request)
            raise
        if found and found[1].read_only and request.method not in READING:
            raise PermissionDenied(_("This token is read-only: it changes nothing."))
        return found

    def authenticate_credentials(self, key: str) -> tuple[Any, ApiToken]:
        token = ApiToken.objects.select_related("user").filter(digest=digest(key)).first()
        now = timezone.now()
        if token is None:
            raise UnknownTokenError
        if not token.user.is_active:
            raise AuthenticationFailed(_("The user of this token is inactive."))
        if token.has_expired(now):
            raise AuthenticationFailed(_("This token has expired. Make a new one."))
        _note_use(token, now)
        return token.user, token


class UnknownTokenError(AuthenticationFailed):
    default_detail = gettext_lazy("This token does not exist. It may have been deleted.")


def _limit(request: Request) -> None:
    """Raises Throttled when too many wrong tokens came from where `request` comes from."""
    address = address_of(request._request)
    count, wait = wrong_tokens.note(site(address), time.monotonic())
    if count <= MOST_WRONG:
        logger.warning("a token does not exist", extra={"address": address})
    elif count == MOST_WRONG + 1:
        logger.warning("an address sends too many wrong tokens", extra={"address": address, "seconds": int(wait)})
    if count > MOST_WRONG:
        raise Throttled(wait, _("Too many wrong tokens came from your address."))


def _note_use(token: ApiToken, now: datetime) -> None:
    """Compare-and-set, so that of many requests at once only one writes. A use later than now is another clock's."""
    latest, ahead = now - USE_NOTED_EVERY, now + USE_NOTED_EVERY
    if token.last_used_at is None or not latest < token.last_used_at <= ahead:
        unnoted = Q(last_used_at=None) | Q(last_used_at__lte=latest) | Q(last_used_at__gt=ahead)
        ApiToken.objects.filter(unnoted, pk=token.pk).update(last_used_at=now)
