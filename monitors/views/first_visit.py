"""The first steps, which somebody may have seen enough of."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from monitors.templatetags.first_visit import COOKIE, DISMISSED
from monitors.views.base import Request, page


@require_POST
@page("monitors.view_server")
def dismiss(request: Request) -> HttpResponseBase:
    """Kept in the browser: it is a preference of whoever looks, and no state of the monitor."""
    response: HttpResponseBase = HttpResponse() if request.htmx else redirect("monitors:dashboard")
    response.set_cookie(COOKIE, DISMISSED, max_age=timedelta(days=400), httponly=True, samesite="Lax")
    return response
