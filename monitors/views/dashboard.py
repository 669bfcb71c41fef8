"""The page of all servers, and the parts of it that are asked for anew."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from monitors import dashboard as board
from monitors import recording
from monitors.clock import database_now
from monitors.views.base import Request, key, page

MOST_ROWS = board.PAGE_SIZE
"""Rows asked for at once; who wants more of them asks for the page."""
TYPED = ("q", "tag")


@require_http_methods(["GET", "HEAD", "POST"])
@page("monitors.view_server")
def dashboard(request: Request) -> HttpResponseBase:
    if request.method == "POST":
        return _notify(request)
    now = timezone.now()
    form = board.ServerFilter(request.GET)
    chosen = form.chosen()
    counted = board.tallies(board.matching(chosen), now)
    pulse = board.pulse(now)
    query = _query(chosen, request.GET.get("page", ""))
    context: dict[str, Any] = {
        "now": now,
        "filtered": any(form.visible_data().values()),
        "query": query,
        "pulse": pulse,
        "late": pulse.late,
        "listing": board.listing(chosen, request.GET.get("page"), counted, now),
    }
    if request.htmx and not request.htmx.history_restore_request:
        response = render(request, "monitors/listing.html", context)
        address = f"{request.path}?{query.urlencode()}" if query else request.path
        response["HX-Replace-Url" if _is_typing(request, query) else "HX-Push-Url"] = address
        return response
    context |= {
        "form": form,
        "down": board.down(counted),
        "sentences": board.sentences(counted, now),
        "incidents": board.open_incidents() if request.user.has_perm("monitors.view_incident") else [],
        "environments": sorted({tally.environment for tally in counted}),
    }
    return render(request, "monitors/dashboard.html", context)


@require_safe
@page("monitors.view_server")
def rows(request: Request) -> HttpResponse:
    """Those servers of `ids` that the rest of the query asks for. Who finds one missing takes it off the page."""
    now = timezone.now()
    chosen = board.ServerFilter(request.GET).chosen()
    ids = [key(text) for text in request.GET.get("ids", "").split(",")[:MOST_ROWS]]
    late = request.GET.get("late") == "true"
    context: dict[str, Any] = {"now": now, "late": late, "rows": board.rows(ids, chosen, now)}
    return render(request, "monitors/rows.html", context)


def _query(chosen: dict[str, str], number: str) -> QueryDict:
    """What was asked for, without what says nothing."""
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in {**chosen, "page": number}.items() if value})
    return query


def _is_typing(request: Request, query: QueryDict) -> bool:
    """Whether it is the same question with more letters, which deserves no place of its own in the history."""
    before = dict(parse_qsl(urlsplit(request.htmx.current_url or "").query))
    return any(before.get(name) for name in TYPED) and all(
        before.get(name, "") == query.get(name, "") for name in {*before, *query} - {*TYPED, "page"}
    )


def _notify(request: Request) -> HttpResponseBase:
    """The switch of a row: `notify` is `<server>:<0 or 1>`. A script gets the row, everybody else the page again."""
    if not request.user.has_perm("monitors.change_server"):
        raise PermissionDenied
    now = database_now()
    text, _, on = request.POST.get("notify", "").partition(":")
    recording.set_notification([key(text)], on == "1", actor=request.user.get_username(), now=now)
    if not request.headers.get("X-Row"):
        return redirect(request.get_full_path())
    found = board.rows([key(text)], board.ServerFilter({}).chosen(), now)
    return render(request, "monitors/rows.html", {"now": now, "late": board.pulse(now).late, "rows": found})
