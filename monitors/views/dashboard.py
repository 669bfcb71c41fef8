"""The page of all servers."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from monitors import dashboard as board
from monitors.views.base import page


@require_safe
@page("monitors.view_server")
def dashboard(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    form = board.ServerFilter(request.GET)
    chosen = form.chosen()
    counted = board.tallies(chosen["q"], now)
    context = {
        "now": now,
        "form": form,
        "filtered": any(chosen.values()),
        "pulse": board.pulse(now),
        "sentences": board.sentences(counted),
        "environments": sorted({tally.environment for tally in counted}),
        "page": board.page(chosen, request.GET.get("page"), counted, now),
    }
    return render(request, "monitors/dashboard.html", context)
