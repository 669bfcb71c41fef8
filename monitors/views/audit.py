"""Who changed what."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from monitors.audit_log import AuditForm, csv_response, listed
from monitors.views.base import page

ENTRIES_PER_PAGE = 100


@require_safe
@page("monitors.view_auditentry")
def audit(request: HttpRequest) -> HttpResponseBase:
    form = AuditForm(request.GET)
    chosen = form.chosen()
    context = {
        "form": form,
        "filtered": any(chosen.values()),
        "page": Paginator(listed(chosen), ENTRIES_PER_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "monitors/audit.html", context)


@require_safe
@page("monitors.view_auditentry")
def export(request: HttpRequest) -> HttpResponseBase:
    """Everything that the page lists, on however many pages."""
    return csv_response(listed(AuditForm(request.GET).chosen()), timezone.now())
