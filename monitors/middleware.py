"""What every request is given, and what answers those that log in too often."""

from __future__ import annotations

from math import ceil
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.deprecation import MiddlewareMixin

from healthcheck.peers import address_of
from monitors import audit
from monitors.attempts import TooManyAttempts
from monitors.models import Face
from monitors.people import profile_of
from monitors.wording import duration_words

ASK_NOBODY = ("/healthz", "/readyz", "/metrics")
"""Answered while the database is away."""
API = "/api/"
FACES = {API: Face.API, "/admin/": Face.ADMIN}
"""By the beginning of the path; the others are pages."""


class Audited(MiddlewareMixin):
    """What a request changes is written to the audit log as done by its user, from its address."""

    def process_request(self, request: HttpRequest) -> None:
        face = next((face for path, face in FACES.items() if request.path.startswith(path)), Face.PAGE)
        audit.set_origin(audit.Origin(face, address_of(request), user=lambda: getattr(request, "user", None)))

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        audit.set_origin(None)
        return response


class Preferences(MiddlewareMixin):
    """Language and time zone of whoever is logged in and has chosen them; otherwise those of browser and monitor."""

    def process_request(self, request: HttpRequest) -> None:
        timezone.deactivate()
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or request.path in ASK_NOBODY:
            return
        profile = profile_of(request.user)
        if profile and profile.language:
            translation.activate(profile.language)
            request.LANGUAGE_CODE = translation.get_language()
        if profile and profile.time_zone and not request.path.startswith(API):  # whose instants are the monitor's
            timezone.activate(ZoneInfo(profile.time_zone))


class LogInLimits(MiddlewareMixin):
    """Says to whoever is locked out for how long, by whichever page they tried."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, TooManyAttempts):
            return None
        context = {"wait": duration_words(exception.wait)}
        response = render(request, "registration/locked.html", context, status=429)
        response["Retry-After"] = str(ceil(exception.wait.total_seconds()))
        response["Cache-Control"] = "no-store"
        return response
