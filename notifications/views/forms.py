"""Adding and changing channels, each in a dialog, or on a page of its own where there is no script."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.db import IntegrityError
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from monitors.clock import database_now
from monitors.views.base import Request, done, page
from notifications import outbox
from notifications.forms import NewChannelForm, SettingsForm, form_for
from notifications.models import Channel, WorkspaceChannel
from notifications.transports import TRANSPORTS, by_kind, explain, families, kinds
from notifications.transports.slack import RefusedError, Reply, workspace
from notifications.transports.slack.forms import NameForm, NewWorkspaceChannelForm
from notifications.transports.slack.workspace.wording import (
    BAD_NAMES,
    describe_lacking_to_make,
    describe_managing,
    lacking_to_make,
)


def _done(request: Request, text: str) -> HttpResponseBase:
    messages.success(request, text)
    return done(request, reverse("notifications:channels"))


def _shown(request: Request, template: str, title: str, form: Any, **context: Any) -> HttpResponse:
    wrong = context.get("refusal") or (form is not None and form.is_bound)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK
    context |= {"title": title, "form": form}
    return render(request, f"notifications/forms/{template}.html", context, status=status)


def _refuse(form: NameForm, reply: Reply) -> None:
    """At the name only what another name would mend."""
    field = "name" if reply.code in BAD_NAMES or reply.code == "name_taken" else None
    form.add_error(field, describe_managing(reply.code, reply.detail))


@require_http_methods(["GET", "HEAD", "POST"])
@page("notifications.add_channel")
def add(request: Request) -> HttpResponseBase:
    """A channel of the kind that the address names; without one, of Slack by its id or webhook."""
    kind = request.GET.get("kind", TRANSPORTS[0].kind)
    if kind not in dict(kinds()):
        raise Http404
    form = form_for(NewChannelForm, kind, adding=True)(request.POST if request.method == "POST" else None)
    if form.is_valid():
        channel: Channel = form.instance
        for name, value in form.columns().items():
            setattr(channel, name, value)
        try:
            outbox.add_channel(channel, database_now())
        except IntegrityError:
            form.add_error("channel_id", _("A channel with this id exists already."))
        else:
            return _done(request, _("%(name)s receives alerts.") % {"name": channel})
    problem = explain(by_kind(kind), by_kind(kind).problem())
    return _shown(request, "settings", _("Add a channel"), form, families=families(), kind=kind, problem=problem)


@require_http_methods(["GET", "HEAD", "POST"])
@page("notifications.change_channel")
def edit(request: Request) -> HttpResponseBase:
    """By a parameter: an adopted id may have any character."""
    channel = get_object_or_404(Channel, pk=request.GET.get("channel", ""))
    title = _("Settings of %(name)s") % {"name": channel}
    form_class = form_for(SettingsForm, channel.kind, adding=False)
    form = form_class(request.POST if request.method == "POST" else None, instance=channel)
    if form.is_valid() and outbox.change_channel(channel.pk, form.columns(), database_now()):
        return _done(request, _("%(name)s is saved.") % {"name": channel})
    return _shown(request, "settings", title, form, channel=channel)


@require_http_methods(["GET", "HEAD", "POST"])
@page("notifications.add_channel")
def create(request: Request) -> HttpResponseBase:
    """In the workspace. No transaction is open: Slack is asked."""
    lacking = lacking_to_make(workspace.seen())
    form = NewWorkspaceChannelForm(request.POST if request.method == "POST" else None, lacking=lacking)
    if form.is_valid():
        wanted = form.cleaned_data
        try:
            made = workspace.create(wanted["name"], database_now, is_private=wanted["is_private"])
        except RefusedError as refused:
            _refuse(form, refused.reply)
        else:
            if not form.cleaned_data["enabled"]:
                return _done(request, _("#%(name)s is made.") % {"name": made})
            workspace.listen(made.pk, True, database_now())
            return _done(request, _("#%(name)s is made and receives alerts.") % {"name": made})
    return _shown(request, "name", _("New channel in Slack"), form, cannot=describe_lacking_to_make(lacking))


@require_http_methods(["GET", "HEAD", "POST"])
@page("notifications.change_channel")
def rename(request: Request, slack_id: str) -> HttpResponseBase:
    channel = _known(slack_id)
    form = NameForm(request.POST if request.method == "POST" else None, initial={"name": channel.name})
    if form.is_valid():
        try:
            renamed = workspace.rename(channel, form.cleaned_data["name"], database_now)
        except RefusedError as refused:
            _refuse(form, refused.reply)
        else:
            return _done(request, _("#%(before)s is now #%(name)s.") % {"before": channel, "name": renamed})
    return _shown(request, "name", _("Rename #%(name)s") % {"name": channel}, form, channel=channel)


@require_http_methods(["GET", "HEAD", "POST"])
@page("notifications.delete_channel")
def archive(request: Request, slack_id: str) -> HttpResponseBase:
    channel, refusal = _known(slack_id), ""
    receives_alerts = Channel.objects.enabled().filter(pk=channel.pk).exists()
    if request.method == "POST":
        try:
            disabled = workspace.archive(channel, database_now)
        except RefusedError as refused:
            refusal = describe_managing(refused.reply.code, refused.reply.detail)
        else:
            text = (
                _("#%(name)s is archived and no longer receives alerts.") if disabled else _("#%(name)s is archived.")
            )
            return _done(request, text % {"name": channel})
    title = _("Archive #%(name)s?") % {"name": channel}
    return _shown(request, "archive", title, None, channel=channel, refusal=refusal, receives_alerts=receives_alerts)


def _known(slack_id: str) -> WorkspaceChannel:
    """Nothing of another token's workspace."""
    known = WorkspaceChannel.objects.all() if workspace.seen().token_mark else WorkspaceChannel.objects.none()
    return get_object_or_404(known, pk=slack_id)
