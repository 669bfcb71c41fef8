"""The pages, and for the API the JSON, that answer what no view answered."""

from __future__ import annotations

import sys
from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from monitors.errors import is_refusal

RETRY_SECONDS = 5
OUTAGES = (OperationalError, InterfaceError, BrokerError, RedisError)
"""What the database and the broker raise when they are away. Not our bug, and over soon."""


def _too_large() -> str:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024 // 1024
    return _("This is too much at once: at most %(limit)d MB are possible.") % {"limit": limit}


too_large = lazy(_too_large, str)
"""For whoever does not know the language of the request yet."""


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return answer(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", _too_large())
    return answer(request, HTTPStatus.BAD_REQUEST, "bad_request", _("This request makes no sense here."))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Whoever is logged in keeps the frame of the pages, from which they can log out."""
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated and not request.path.startswith("/api/"):
        context = {"without_role": not user.get_all_permissions()}
        return render(request, "forbidden.html", context, status=HTTPStatus.FORBIDDEN)
    return answer(request, HTTPStatus.FORBIDDEN, "permission_denied", _("You may not do this."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, HTTPStatus.NOT_FOUND, "not_found", _("There is nothing here."))


def server_error(request: HttpRequest) -> HttpResponse:
    """503 while the database or the broker is away, 400 for what the database cannot hold, 500 for a bug. Asks neither
    of them anything."""
    error = sys.exc_info()[1]
    if isinstance(error, DataError | OperationalError) and is_refusal(error):
        detail = _("The database refuses this value; nothing was written.")
        return answer(request, HTTPStatus.BAD_REQUEST, "invalid", detail)
    if isinstance(error, OUTAGES):
        detail = _("The database or the message broker does not answer. Try again shortly.")
        response = answer(request, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail)
        response["Retry-After"] = str(RETRY_SECONDS)
        return response
    return answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, "error", _("This is our mistake, and it was noted."))


def answer(request: HttpRequest, status: HTTPStatus, code: str, detail: str) -> HttpResponse:
    """In the shape that was asked for: JSON for scripts, a page for people."""
    if request.path.startswith("/api/") or request.path in ("/metrics", "/readyz"):
        return JsonResponse({"code": code, "detail": detail, "errors": []}, status=status)
    return HttpResponse(render_to_string("error.html", {"status": status.value, "detail": detail}), status=status)
