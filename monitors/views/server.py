"""The page of one server, and what its buttons do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from monitors import recording
from monitors.charts import stages
from monitors.clock import database_now
from monitors.dashboard import pulse
from monitors.display import outcome_text, status_of
from monitors.engine.base import Outcome
from monitors.freshness import stale
from monitors.looking import look
from monitors.models import Server
from monitors.overview import lately, latency_of, overview
from monitors.recording.news import Evidence
from monitors.strip import pack_stages, stages_ms
from monitors.targets import policies
from monitors.views.base import Request, page

MILLISECOND = timedelta(milliseconds=1)


@require_http_methods(["GET", "HEAD", "POST"])
@page("monitors.view_server")
def server(request: Request, server_id: int) -> HttpResponseBase:
    now = timezone.now()
    found = get_object_or_404(_servers(now), pk=server_id)
    if request.method == "POST":
        return _act(request, found)
    chosen = request.GET.get("range", "")
    if request.htmx and request.htmx.target == "latency":
        return _latency(request, found, chosen, now)
    if request.htmx and request.htmx.target == "now":
        return render(request, "monitors/server/lately.html", lately(found, now))
    return render(request, "monitors/server.html", overview(found, chosen, now))


def _servers(now: datetime) -> Any:
    related = ("status__incident", "last_failure")
    return Server.objects.with_health().annotate(stale=stale(now)).select_related(*related)


def _latency(request: HttpRequest, found: Server, chosen: str, now: datetime) -> HttpResponse:
    context = {"now": now, "server": found, "stale": getattr(found, "stale", False) or pulse(now).late}
    return render(request, "monitors/server/latency.html", context | latency_of(found, chosen, policies(), now))


def _act(request: Request, found: Server) -> HttpResponseBase:
    """What a button of the server's page asks for. Buttons post to the page itself, so that whoever has to log in first
    comes back to the page and not to an address that only takes posts."""
    name = request.POST.get("act", "")
    needed = "monitors.change_incident" if name == "acknowledge" else "monitors.change_server"
    if not request.user.has_perm(needed):
        raise PermissionDenied
    if name == "probe":
        return _probe(request, found)
    act = ACTS.get(name)
    if act is None:
        raise PermissionDenied
    act(request, found)
    return redirect("monitors:server", found.pk)


def _probe(request: Request, found: Server) -> HttpResponseBase:
    """In place where a script asks, else as a message."""
    [outcome] = look([found])
    if request.htmx:
        return render(request, "monitors/server/look.html", _seen(outcome))
    level = {True: messages.SUCCESS, False: messages.ERROR, None: messages.WARNING}[outcome.ok]
    text = _("Looked now: %(outcome)s. This look is not part of the schedule and changes no state.")
    messages.add_message(request, level, text % {"outcome": outcome_text(outcome)})
    return redirect("monitors:server", found.pk)


def _seen(outcome: Outcome) -> dict[str, Any]:
    packed = pack_stages(outcome.stages)
    return {
        "ok": outcome.ok,
        "outcome": outcome,
        "found": capfirst(outcome_text(outcome)),
        "parts": stages.parts(stages_ms(packed), outcome.elapsed / MILLISECOND),
        "evidence": Evidence(outcome.status, outcome.address, packed, outcome.answer),
    }


def _pause(request: HttpRequest, found: Server) -> None:
    if recording.pause([found.pk], actor=request.user.get_username(), now=database_now()):
        messages.success(request, _("Paused. It is not probed until it is resumed."))


def _resume(request: HttpRequest, found: Server) -> None:
    if recording.resume([found.pk], actor=request.user.get_username(), now=database_now()):
        messages.success(request, _("Resumed. It is probed again within seconds."))


def _notification_on(request: HttpRequest, found: Server) -> None:
    if recording.set_notification([found.pk], True, actor=request.user.get_username(), now=database_now()):
        messages.success(request, _("Notification is on."))


def _notification_off(request: HttpRequest, found: Server) -> None:
    if recording.set_notification([found.pk], False, actor=request.user.get_username(), now=database_now()):
        messages.success(request, _("Notification is off. It is still probed and shown."))


def _acknowledge(request: HttpRequest, found: Server) -> None:
    status = status_of(found)
    incident = status.incident_id if status else None
    if incident and recording.acknowledge(incident, actor=request.user.get_username(), now=database_now()):
        messages.success(request, _("You take care of %(name)s.") % {"name": found.host_name})
    else:
        messages.warning(request, _("Nothing changed: it has ended, or somebody takes care of it already."))


ACTS: dict[str, Callable[[HttpRequest, Server], None]] = {
    "pause": _pause,
    "resume": _resume,
    "notification_on": _notification_on,
    "notification_off": _notification_off,
    "acknowledge": _acknowledge,
}
