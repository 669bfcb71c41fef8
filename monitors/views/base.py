"""What every page has in common."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django_htmx.middleware import HtmxDetails

View = Callable[..., HttpResponseBase]


class Request(HttpRequest):
    """As the middleware hands it on: `htmx` is true for a part of a page that a script asks for."""

    htmx: HtmxDetails


def page(*permissions: str) -> Callable[[View], View]:
    """A page for those who are logged in and have `permissions`; browsers keep no copy that could be out of date."""

    def decorate(view: View) -> View:
        return never_cache(login_required(permission_required(permissions, raise_exception=True)(view)))

    return decorate


def done(request: Request, next_page: str, *, gone: str = "") -> HttpResponseBase:
    """Where a form leads that has done its work: to `next_page`. The form of a dialog lets the page beneath it load
    anew instead, unless that is the page `gone`."""
    if not request.htmx:
        return redirect(next_page)
    here = request.htmx.current_url_abs_path or ""
    leads_away = not here or (gone and here.startswith(gone))
    headers = {"HX-Redirect": next_page} if leads_away else {"HX-Refresh": "true"}
    return HttpResponse(status=HTTPStatus.NO_CONTENT, headers=headers)


def key(text: str) -> int:
    """A key that the database can hold; 0, which no row has, for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else 0
