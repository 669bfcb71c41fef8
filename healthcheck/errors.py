"""The pages, and for the API the JSON, that answer what no view answered."""

from __future__ import annotations

import sys
from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

RETRY_SECONDS = 5
OUTAGES = (OperationalError, InterfaceError, BrokerError, RedisError)
"""What the database and the broker raise when they are away. Not our bug, and over soon."""


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        detail = _("This is too much at once: at most %(limit)d MB are possible.")
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024 // 1024
        return _answer(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", detail % {"limit": limit})
    return _answer(request, HTTPStatus.BAD_REQUEST, "bad_request", _("This request makes no sense here."))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Whoever is logged in keeps the frame of the pages, from which they can log out."""
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated and not request.path.startswith("/api/"):
        context = {"without_role": not user.get_all_permissions()}
        return render(request, "forbidden.html", context, status=HTTPStatus.FORBIDDEN)
    return _answer(request, HTTPStatus.FORBIDDEN, "permission_denied", _("You may not do this."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, HTTPStatus.NOT_FOUND, "not_found", _("There is nothing here."))


def server_error(request: HttpRequest) -> HttpResponse:
    """503 while the database or the broker is away, 500 for a bug. Asks neither of them anything."""
    if isinstance(sys.exc_info()[1], OUTAGES):
        detail = _("The database or the message broker does not answer. Try again shortly.")
        answer = _answer(request, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail)
        answer["Retry-After"] = str(RETRY_SECONDS)
        return answer
    return _answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, "error", _("This is our mistake, and it was noted."))


def _answer(request: HttpRequest, status: HTTPStatus, code: str, detail: str) -> HttpResponse:
    if request.path.startswith("/api/") or request.path in ("/metrics", "/readyz"):
        return JsonResponse({"code": code, "detail": detail, "errors": []}, status=status)
    return HttpResponse(render_to_string("error.html", {"status": status.value, "detail": detail}), status=status)
