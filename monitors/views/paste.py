"""Many servers at once: a list is pasted, what it would change is shown, and only then is it written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from monitors import seeding
from monitors.clock import database_now
from monitors.display import type_word
from monitors.errors import is_refusal
from monitors.exporting import described, rendered
from monitors.forms.paste import PasteForm
from monitors.models import Server
from monitors.seeding import Action, Entry, Format, Proposal
from monitors.seeding.wording import ACTIONS, details_of, name_of
from monitors.targets import address_text
from monitors.views.base import Request, done, page

SHOWN = 100
"""Rows listed of each kind."""
LOOKS: dict[Action, tuple[str, Promise]] = {
    # the badge's colour and what the third column says, worst first
    Action.REJECTED: ("bad", gettext_lazy("Reason")),
    Action.UPDATED: ("accent", gettext_lazy("Changes")),
    Action.CREATED: ("ok", gettext_lazy("Address")),
    Action.UNCHANGED: ("", gettext_lazy("Changes")),
}
CONTENT_TYPES = {Format.CSV: "text/csv", Format.YAML: "application/yaml", Format.JSON: "application/json"}


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of a proposal that come to the same."""

    action: Action
    entries: Sequence[Entry]

    @property
    def word(self) -> Promise:
        return ACTIONS[self.action]

    @property
    def colour(self) -> str:
        return LOOKS[self.action][0]

    @property
    def heading(self) -> Promise:
        return LOOKS[self.action][1]

    @property
    def shown(self) -> list[tuple[str, str, list[str]]]:
        """Place, name and what there is to say of each row; of those that change nothing, nothing."""
        if self.action is Action.UNCHANGED:
            return []
        return [(entry.row.place, name_of(entry), _said(entry)) for entry in self.entries[:SHOWN]]

    @property
    def beyond(self) -> int:
        return max(0, len(self.entries) - SHOWN)


def _said(entry: Entry) -> list[str]:
    new = entry.server if entry.action is Action.CREATED else None
    return [new.environment, type_word(new), address_text(new)] if new else details_of(entry)


@require_http_methods(["GET", "HEAD", "POST"])
@page("monitors.add_server", "monitors.change_server")
def paste(request: Request) -> HttpResponseBase:
    if request.method != "POST":
        return _shown(request, PasteForm())
    form = PasteForm(request.POST, request.FILES)
    if not form.is_valid():
        too_large = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return _shown(request, form, status=too_large if form.too_large else HTTPStatus.UNPROCESSABLE_ENTITY)
    if request.POST.get("act") != "apply":
        return _shown(request, form, seeding.propose(form.rows))
    return _applied(request, form)


def _applied(request: Request, form: PasteForm) -> HttpResponseBase:
    seen, skip_rejected = form.cleaned_data["seen"], form.cleaned_data["skip_rejected"]
    who = request.user.get_username()
    try:
        found = seeding.carry_out(form.rows, seen, skip_rejected=skip_rejected, actor=who, now=database_now())
    except DatabaseError as error:
        if not is_refusal(error):
            raise
        words = _("The database refuses a value of this list. Nothing was written.")
        return _shown(request, form, refused=words, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if found.done:
        counts = ", ".join(f"{len(group.entries)} {group.word}" for group in _groups(found))
        messages.success(request, _("The list is applied: %(counts)s.") % {"counts": counts})
        return done(request, reverse("monitors:dashboard"), gone=request.path)
    if found.mark != seen:
        return _shown(request, form, found, outdated=True, status=HTTPStatus.CONFLICT)
    return _shown(request, form, found, needs_skip=True, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _groups(proposal: Proposal) -> list[Group]:
    groups = [Group(action, proposal.of(action)) for action in LOOKS]
    return [group for group in groups if group.entries]


def _shown(
    request: Request, form: PasteForm, proposal: Proposal | None = None, status: int = HTTPStatus.OK, **context: Any
) -> HttpResponse:
    context |= {"form": form, "proposal": proposal}
    if proposal:
        context["groups"] = _groups(proposal)
        context["rejected"] = len(proposal.of(Action.REJECTED))
        context["written"] = len(proposal.of(Action.CREATED)) + len(proposal.of(Action.UPDATED))
    part = request.htmx and request.method == "POST"
    template = "monitors/forms/preview.html" if part else "monitors/forms/paste.html"
    return render(request, template, context, status=status)


@require_safe
@page("monitors.view_server")
def export(request: HttpRequest, format: str) -> HttpResponse:  # noqa: A002
    """Every server as a file that can be pasted. The values of request headers are masked."""
    chosen = Format(format)
    servers = Server.objects.order_by("id").iterator(chunk_size=500)
    pieces = rendered((described(server, secrets=False) for server in servers), chosen)
    mark = "\ufeff" if chosen is Format.CSV else ""  # without it spreadsheets take UTF-8 for something else
    response = HttpResponse([mark, *pieces], content_type=f"{CONTENT_TYPES[chosen]}; charset=utf-8")
    name = f"servers-{timezone.localtime():%Y-%m-%d}.{chosen}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
