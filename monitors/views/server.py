"""The page of one server, and what its buttons do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from monitors import recording
from monitors.dashboard import pulse as pulse_at
from monitors.display import effective_settings, outcome_text, status_of
from monitors.freshness import stale
from monitors.looking import look
from monitors.models import Incident, PastOutcome, Server, StatusTransition
from monitors.strip import stages_ms
from monitors.targets import policies
from monitors.views.base import page

NEWEST = 20
"""Incidents, transitions and outcomes shown of one server."""


@require_http_methods(["GET", "HEAD", "POST"])
@page("monitors.view_server")
def server(request: HttpRequest, server_id: int) -> HttpResponseBase:
    now = timezone.now()
    servers = Server.objects.with_health().annotate(stale=stale(now))
    found: Any = get_object_or_404(servers, pk=server_id)
    if request.method == "POST":
        return _act(request, found)
    status, pulse = status_of(found), pulse_at(now)
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
