"""The page of the channels: who is told, and who could be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from monitors.clock import database_now
from monitors.views.base import Request, page
from notifications import listing
from notifications.models import Channel, WorkspaceChannel
from notifications.transports.slack import workspace
from notifications.transports.slack.socket import state
from notifications.transports.slack.socket.state import standing
from notifications.transports.slack.socket.wording import describe_problem
from notifications.transports.slack.workspace.wording import describe_error, missing_scopes
from notifications.trial import try_channel

PAGE_SIZE = 100
MANIFEST = Path(settings.BASE_DIR) / "docs" / "slack-app-manifest.yaml"


@require_http_methods(["GET", "HEAD", "POST"])
@page("notifications.view_channel")
def channels(request: Request) -> HttpResponseBase:
    if request.method == "POST":
        return _act(request)
    now, form = timezone.now(), listing.ListFilter(request.GET)
    chosen = form.chosen()
    seen, ours = workspace.seen(), Channel.objects.count()
    whole = chosen["show"] == listing.WORKSPACE or (not chosen["show"] and not ours and seen.refreshed_at)
    found: Any = listing.listed(chosen["q"]) if whole else listing.channels(chosen["q"])
    if whole and not seen.token_mark:  # of another token's workspace
        found = found.none()
    shown = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "now": now,
        "form": form,
        "filtered": bool(chosen["q"]),
        "whole": whole,
        "page": shown,
        "rows": listing.rows(list(shown.object_list)),
        "ours": ours,
        "theirs": WorkspaceChannel.objects.filter(is_archived=False).count() if seen.token_mark else 0,
        "has_token": bool(settings.SLACK_BOT_TOKEN),
        "workspace": seen,
        "problem": describe_error(seen.error or seen.refresh_error),
        "missing": missing_scopes(seen),
        "buttons": state.standing(now),
        "buttons_problem": describe_problem(standing(timezone.now())),
        "manifest": "" if settings.SLACK_BOT_TOKEN else _manifest(),
    }
    return render(request, "notifications/channels.html", context)


def _manifest() -> str:
    return MANIFEST.read_text() if MANIFEST.is_file() else ""


def _act(request: Request) -> HttpResponseBase:
    """What a button asks for. Buttons post to the page itself, so that whoever has to log in first comes back to it."""
    act = next((ACTS[name] for name in request.POST if name in ACTS), None)
    if act is None or not request.user.has_perm("notifications.change_channel"):
        raise PermissionDenied
    act(request)
    return redirect(request.get_full_path())


def _switch_on(request: Request) -> None:
    _listen(request, request.POST["on"], enabled=True)


def _switch_off(request: Request) -> None:
    _listen(request, request.POST["off"], enabled=False)


def _listen(request: Request, channel_id: str, *, enabled: bool) -> None:
    if not Channel.objects.filter(pk=channel_id).exists() and not request.user.has_perm("notifications.add_channel"):
        raise PermissionDenied
    if not workspace.listen(channel_id, enabled, database_now()):
        raise Http404
    name = {"name": Channel.objects.only("channel_id", "name").get(pk=channel_id)}
    text = _("%(name)s receives alerts.") if enabled else _("%(name)s no longer receives alerts.")
    messages.success(request, text % name)


def _test(request: Request) -> None:
    channel = get_object_or_404(Channel, pk=request.POST["test"])
    level, verdict = try_channel(channel.pk, database_now)
    text = _("Test message to %(channel)s: %(verdict)s") % {"channel": channel, "verdict": verdict}
    messages.add_message(request, level, text)


def _refresh(request: Request) -> None:
    workspace.ask_again(database_now())
    messages.info(request, _("Slack is asked again. A large workspace takes some minutes."))


ACTS: dict[str, Callable[[Request], None]] = {
    "on": _switch_on,
    "off": _switch_off,
    "test": _test,
    "refresh": _refresh,
}
