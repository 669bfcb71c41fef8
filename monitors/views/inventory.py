"""The company's inventory: what it would change, and then the change itself."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from monitors.clock import database_now
from monitors.inventory import InventoryError, synchronise
from monitors.models import InventoryRun
from monitors.views.base import Request, done, key, page

SHOWN = 100
"""Names listed of each kind."""


@require_http_methods(["GET", "HEAD", "POST"])
@page("monitors.add_server", "monitors.change_server")
def inventory(request: Request) -> HttpResponseBase:
    """Asks the inventory when the form is posted, and writes nothing but what somebody was shown."""
    if request.method != "POST":
        return _shown(request, None)
    if request.POST.get("act") == "apply":
        return _applied(request)
    try:
        run = synchronise(dry_run=True, force=False, now=database_now())
    except InventoryError as error:
        return _shown(request, error.run, error=error.message, status=HTTPStatus.CONFLICT)
    return _shown(request, run)


def _applied(request: Request) -> HttpResponseBase:
    agreed = InventoryRun.objects.filter(pk=key(request.POST.get("run", ""))).first()
    if agreed is None:
        return _shown(request, None, error=_("Look at what would change first."), status=HTTPStatus.CONFLICT)
    try:
        run = synchronise(dry_run=False, force="force" in request.POST, now=database_now(), agreed=agreed)
    except InventoryError as error:
        return _shown(request, error.run, error=error.message, status=HTTPStatus.CONFLICT)
    words = _("The inventory is applied: %(created)d created, %(changed)d changed, %(vanished)d paused.")
    counts = {name: len(getattr(run, name)) for name in ("created", "changed", "vanished")}
    messages.success(request, words % counts)
    return done(request, reverse("monitors:dashboard"))


def _shown(request: Request, run: InventoryRun | None, *, error: str = "", **response: Any) -> HttpResponse:
    others = InventoryRun.objects.exclude(pk=run.pk) if run else InventoryRun.objects.all()
    context: dict[str, Any] = {
        "is_set": bool(settings.INVENTORY_URL),
        "run": run,
        "writes": bool(run and (run.created or run.changed or run.vanished)),
        "error": error,
        "limit": SHOWN,
        "latest": others.filter(dry_run=False).order_by("-id").first(),
        "now": timezone.now(),
    }
    return render(request, "monitors/forms/inventory.html", context, **response)
