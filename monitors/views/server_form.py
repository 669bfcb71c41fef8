"""Adding, editing and deleting a server, each in a dialog, or on a page of its own where there is no script."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.db import DatabaseError, IntegrityError
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from monitors import recording
from monitors.charts import stages
from monitors.clock import database_now
from monitors.dashboard import ENVIRONMENTS
from monitors.display import outcome_text
from monitors.errors import is_refusal
from monitors.fields import MILLISECOND
from monitors.forms.server import PATIENCE_SECONDS, ServerForm, bounded
from monitors.looking import look
from monitors.models import Server, ServerStatus
from monitors.overview import certificate
from monitors.policy import Policies
from monitors.strip import pack_stages, stages_ms
from monitors.targets import address_text, effective_of, policies
from monitors.transactions import retried_atomic
from monitors.views.base import Request, done, page

DEFAULTS = {"port": 443, "type": 1}


@require_http_methods(["GET", "HEAD", "POST"])
@page("monitors.add_server")
def add(request: Request) -> HttpResponseBase:
    in_force = policies()
    if request.method != "POST":
        asked = request.GET.get("environment")
        initial = {**DEFAULTS, "environment": asked if asked in ENVIRONMENTS else ENVIRONMENTS[0]}
        return _shown(request, ServerForm(initial=initial, policies=in_force))
    if again := _chosen(request, policies=in_force):
        return again
    form = ServerForm(request.POST, policies=in_force)
    if _is_trial(request):
        return _tried(request, form, in_force)
    if not _saved(request, form):
        return _shown(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    words = _("%(name)s is added. Its first probe comes within seconds.")
    messages.success(request, words % {"name": form.instance})
    return done(request, reverse("monitors:server", args=[form.instance.pk]))


@require_http_methods(["GET", "HEAD", "POST"])
@page("monitors.change_server")
def edit(request: Request, server_id: int) -> HttpResponseBase:
    stored, in_force = get_object_or_404(Server, pk=server_id), policies()
    if request.method != "POST":
        return _shown(request, ServerForm(instance=stored, policies=in_force))
    if again := _chosen(request, instance=stored, policies=in_force):
        return again
    if _is_trial(request):
        return _tried(request, ServerForm(request.POST, instance=stored, policies=in_force), in_force)
    return _edited(request, server_id, in_force)


@retried_atomic
def _edited(request: Request, server_id: int, in_force: Policies) -> HttpResponseBase:
    """In one transaction that begins with the lock of the recorder: of two who edit at once, the second is told."""
    list(ServerStatus.objects.lock([server_id]))
    form = ServerForm(request.POST, instance=get_object_or_404(Server, pk=server_id), policies=in_force)
    if form.outdated:
        form.is_valid()
        return _shown(request, form, outdated=True, status=HTTPStatus.CONFLICT)
    if not _saved(request, form):
        return _shown(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    messages.success(request, _("%(name)s is saved.") % {"name": form.instance})
    return done(request, reverse("monitors:server", args=[server_id]))


def _saved(request: Request, form: ServerForm) -> bool:
    """Stores a valid form. The database has the last word on whether a name is taken."""
    if not form.is_valid():
        return False
    try:
        recording.save(form.instance, actor=request.user.get_username(), now=database_now())
    except IntegrityError:
        form.add_error("host_name", _("A server with this name exists already."))
    except DatabaseError as error:
        if not is_refusal(error):
            raise
        form.add_error(None, _("The database refuses this value; nothing was written."))
    return form.is_valid()


def _shown(request: Request, form: ServerForm, status: int = HTTPStatus.OK, **context: Any) -> HttpResponse:
    form.focus()
    form.asks_at(request.get_full_path())
    server = form.instance
    title = _("Edit %(name)s") % {"name": form.name} if server.pk else _("Add a server")
    context |= {"form": form, "server": server, "title": title}
    return render(request, "monitors/forms/server.html", context, status=status)


def _chosen(request: Request, **form: Any) -> HttpResponse | None:
    """The form again with the fields of the kind that was chosen in it, and with what was typed but the secrets."""
    if request.POST.get("act") != "kind":
        return None
    names = [name for name in ServerForm.base_fields if name not in ("request_headers", "seen")]
    shown = ServerForm(initial={name: request.POST.get(name, "") for name in names}, **form)
    shown.initial["seen"] = request.POST.get("seen", "")  # what the server was when the form was opened
    shown.asks_at(request.get_full_path())
    return render(request, "monitors/forms/server.html", {"form": shown, "server": shown.instance})


def _is_trial(request: Request) -> bool:
    return request.POST.get("act") == "try"


def _tried(request: Request, form: ServerForm, in_force: Policies) -> HttpResponse:
    """What a look at the form's server finds. Nothing is stored, and whatever no look depends on may be wrong."""
    form.is_valid()
    context: dict[str, Any] = {"tried": True}
    if not form.hindering:
        tried = bounded(form.instance, in_force)
        [outcome] = look([tried])
        total = None if outcome.status is None else outcome.elapsed / MILLISECOND  # without an answer it has no rest
        context |= {
            "outcome": outcome,
            "said": outcome_text(outcome),
            "parts": stages.parts(stages_ms(pack_stages(outcome.stages)), total),
            "address": address_text(tried),
            "certificate": certificate(outcome, timezone.now()),
            "shortened": tried.timeout_seconds != effective_of(form.instance, in_force).timeout_seconds,
            "patience": f"{PATIENCE_SECONDS:g}",
        }
    if request.htmx:
        return render(request, "monitors/forms/trial.html", {**context, "form": form})
    return _shown(request, form, **context)


@require_http_methods(["GET", "HEAD", "POST"])
@page("monitors.delete_server")
def delete(request: Request, server_id: int) -> HttpResponseBase:
    found = get_object_or_404(Server.objects.with_health(), pk=server_id)
    if request.method != "POST":
        context = {"server": found, "title": _("Delete %(name)s?") % {"name": found}}
        return render(request, "monitors/forms/delete.html", context)
    recording.delete([found.pk], actor=request.user.get_username(), now=database_now())
    messages.success(request, _("%(name)s is deleted.") % {"name": found})
    return done(request, reverse("monitors:dashboard"), gone=reverse("monitors:server", args=[server_id]))
