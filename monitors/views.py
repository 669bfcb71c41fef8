"""The pages. Reading needs the permission to view, a button needs the permission to change, as in the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from monitors import dashboard as board
from monitors import recording
from monitors.display import effective_settings, outcome_text, status_of
from monitors.freshness import stale
from monitors.incidents import IncidentFilter, listed
from monitors.looking import look
from monitors.models import Incident, PastOutcome, Server, StatusTransition
from monitors.strip import stages_ms
from monitors.targets import policies

NEWEST = 20
"""Incidents, transitions and outcomes shown of one server."""
INCIDENTS_PER_PAGE = 100

View = Callable[..., HttpResponseBase]


def page(permission: str) -> Callable[[View], View]:
    """A page for those who are logged in and have `permission`; browsers keep no copy that could be out of date."""

    def decorate(view: View) -> View:
        return never_cache(login_required(permission_required(permission, raise_exception=True)(view)))

    return decorate


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


@require_http_methods(["GET", "HEAD", "POST"])
@page("monitors.view_server")
def server(request: HttpRequest, server_id: int) -> HttpResponseBase:
    now = timezone.now()
    servers = Server.objects.with_health().annotate(stale=stale(now))
    found: Any = get_object_or_404(servers, pk=server_id)
    if request.method == "POST":
        return _act(request, found)
    status, pulse = status_of(found), board.pulse(now)
    context = {
        "now": now,
        "server": found,
        "pulse": pulse,
        "stale": found.stale or pulse.late,
        "stages": stages_ms(status.stages) if status else {},
        "settings": effective_settings(found, policies()),
        "incidents": Incident.objects.filter(server=found).order_by("-began_at")[:NEWEST],
        "transitions": StatusTransition.objects.filter(server=found).order_by("-at", "-id")[:NEWEST],
        "outcomes": PastOutcome.objects.filter(server=found).order_by("-slot")[:NEWEST],
    }
    return render(request, "monitors/server.html", context)


def _act(request: HttpRequest, found: Server) -> HttpResponseBase:
    """What a button of the server's page asks for. Buttons post to the page itself, so that whoever has to log in first
    comes back to the page and not to an address that only takes posts."""
    act = ACTS.get(request.POST.get("act", ""))
    if act is None or not request.user.has_perm("monitors.change_server"):
        raise PermissionDenied
    act(request, found)
    return redirect("monitors:server", found.pk)


def _probe(request: HttpRequest, found: Server) -> None:
    [outcome] = look([found])
    level = {True: messages.SUCCESS, False: messages.ERROR, None: messages.WARNING}[outcome.ok]
    text = _("Looked now: %(outcome)s. This look is not part of the schedule and changes no state.")
    messages.add_message(request, level, text % {"outcome": outcome_text(outcome)})


def _pause(request: HttpRequest, found: Server) -> None:
    if recording.pause([found.pk], actor=request.user.get_username(), now=timezone.now()):
        messages.success(request, _("Paused. It is not probed until it is resumed."))


def _resume(request: HttpRequest, found: Server) -> None:
    if recording.resume([found.pk], actor=request.user.get_username(), now=timezone.now()):
        messages.success(request, _("Resumed. It is probed again within seconds."))


def _notification_on(request: HttpRequest, found: Server) -> None:
    if recording.set_notification([found.pk], True, actor=request.user.get_username(), now=timezone.now()):
        messages.success(request, _("Notification is on."))


def _notification_off(request: HttpRequest, found: Server) -> None:
    if recording.set_notification([found.pk], False, actor=request.user.get_username(), now=timezone.now()):
        messages.success(request, _("Notification is off. It is still probed and shown."))


ACTS: dict[str, Callable[[HttpRequest, Server], None]] = {
    "probe": _probe,
    "pause": _pause,
    "resume": _resume,
    "notification_on": _notification_on,
    "notification_off": _notification_off,
}


@require_http_methods(["GET", "HEAD", "POST"])
@page("monitors.view_incident")
def incidents(request: HttpRequest) -> HttpResponseBase:
    if request.method == "POST":
        return _acknowledge(request)
    form = IncidentFilter(request.GET)
    chosen = form.chosen()
    context = {
        "now": timezone.now(),
        "form": form,
        "filtered": any(chosen.values()),
        "page": Paginator(listed(chosen), INCIDENTS_PER_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "monitors/incidents.html", context)


def _acknowledge(request: HttpRequest) -> HttpResponseBase:
    if not request.user.has_perm("monitors.change_incident"):
        raise PermissionDenied
    incident = get_object_or_404(Incident, pk=_key(request.POST.get("incident", "")))
    if recording.acknowledge(incident.pk, actor=request.user.get_username(), now=timezone.now()):
        messages.success(request, _("You take care of %(name)s.") % {"name": incident.host_name})
    else:
        messages.warning(request, _("Nothing changed: it has ended, or somebody takes care of it already."))
    return redirect(f"{request.path}?{urlencode(request.GET, doseq=True)}" if request.GET else request.path)


def _key(text: str) -> int:
    """A key that the database can hold; 0, which no row has, for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else 0
