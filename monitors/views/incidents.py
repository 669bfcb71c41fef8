"""The page of all incidents, open ones first."""

from __future__ import annotations

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
from monitors.incidents import IncidentFilter, listed
from monitors.models import Incident
from monitors.views.base import page

INCIDENTS_PER_PAGE = 100


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
