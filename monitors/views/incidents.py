"""The list of incidents, open ones first, and the page of one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from monitors import recording
from monitors.clock import database_now
from monitors.incidents import IncidentFilter, NoteForm, listed
from monitors.models import Incident, Server
from monitors.overview import parts_of
from monitors.timeline import timeline
from monitors.views.base import key, page

INCIDENTS_PER_PAGE = 100
MOST_TRANSITIONS = 50
"""Of one incident: a monitor that goes blind again and again writes many."""


@require_http_methods(["GET", "HEAD", "POST"])
@page("monitors.view_incident")
def incidents(request: HttpRequest) -> HttpResponseBase:
    if request.method == "POST":
        _acknowledge(request, get_object_or_404(Incident, pk=key(request.POST.get("incident", ""))))
        return redirect(f"{request.path}?{urlencode(request.GET, doseq=True)}" if request.GET else request.path)
    now = timezone.now()
    form = IncidentFilter(request.GET)
    chosen: dict[str, Any] = form.chosen()
    context = {
        "now": now,
        "form": form,
        "filtered": any(chosen.values()),
        "server": Server.objects.filter(pk=chosen["server"]).only("host_name").first() if chosen["server"] else None,
        "page": Paginator(listed(chosen, now), INCIDENTS_PER_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "monitors/incidents.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page("monitors.view_incident")
def incident(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Its buttons post to itself, as those of a server's page do."""
    found = get_object_or_404(Incident, pk=incident_id)
    form = NoteForm()
    if request.method == "POST":
        if request.POST.get("act") == "acknowledge":
            _acknowledge(request, found)
            return redirect("monitors:incident", found.pk)
        form = _noted(request, found)
        if form.is_valid():
            return redirect("monitors:incident", found.pk)
    now = timezone.now()
    transitions = found.transitions.order_by("at", "id")[:MOST_TRANSITIONS]
    context = {
        "now": now,
        "incident": found,
        "lives": Server.objects.filter(pk=found.server_id).exists(),
        "parts": parts_of(found),
        "entries": timeline(found, transitions, found.notes.order_by("at", "id")),
        "form": form,
    }
    return render(request, "monitors/incident.html", context)


def _noted(request: HttpRequest, found: Incident) -> NoteForm:
    """Stores the note if it is one."""
    _refuse_viewers(request)
    form = NoteForm(request.POST)
    if form.is_valid():
        text, who = form.cleaned_data["text"], request.user.get_username()
        recording.add_note(found, text, actor=who, now=database_now())
        messages.success(request, _("The note is kept."))
    return form


def _acknowledge(request: HttpRequest, found: Incident) -> None:
    _refuse_viewers(request)
    if recording.acknowledge(found.pk, actor=request.user.get_username(), now=database_now()):
        messages.success(request, _("You take care of %(name)s.") % {"name": found.host_name})
    else:
        messages.warning(request, _("Nothing changed: it has ended, or somebody takes care of it already."))


def _refuse_viewers(request: HttpRequest) -> None:
    if not request.user.has_perm("monitors.change_incident"):
        raise PermissionDenied
