"""What is done to several servers at once: to those that are ticked on the dashboard, or to all there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import retarget, trigger_client_event

from monitors import recording
from monitors.models import Server
from monitors.undoing import forget, offer, offered, taken_up
from monitors.views.base import Request, done, key, page

MOST = 1_000
"""Servers of one selection; a page lists a hundred."""
SHOWN = 20
"""Names listed before a deletion."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that is done to several servers and that another act takes back."""

    column: str
    before: bool
    """What `column` says of the servers that it changes."""
    do: Callable[..., int]
    told: Callable[[int], str]
    opposite: str


def _switched(count: int) -> str:
    return ngettext("Notification of %(n)d server switched.", "Notification of %(n)d servers switched.", count)


ACTS = {
    "pause": Act(
        "paused",
        False,
        recording.pause,
        lambda count: ngettext("%(n)d server paused.", "%(n)d servers paused.", count),
        "resume",
    ),
    "resume": Act(
        "paused",
        True,
        recording.resume,
        lambda count: ngettext("%(n)d server resumed.", "%(n)d servers resumed.", count),
        "pause",
    ),
    "notification_on": Act(
        "notification", False, partial(recording.set_notification, on=True), _switched, "notification_off"
    ),
    "notification_off": Act(
        "notification", True, partial(recording.set_notification, on=False), _switched, "notification_on"
    ),
}


@require_POST
@page("monitors.change_server")
def selection(request: Request) -> HttpResponseBase:
    """What a button of the bar asks for. Each act can be taken back for a while, but a deletion, which is confirmed
    first."""
    ids = [number for number in map(key, request.POST.getlist("server")) if number][:MOST]
    if request.POST.get("act") == "delete":
        return _delete(request, ids)
    act = ACTS.get(request.POST.get("act", ""))
    if act is None:
        raise PermissionDenied
    forget(request.session)
    changed = Server.objects.filter(id__in=ids, **{act.column: act.before}).order_by("id")
    reasons = dict(changed.values_list("id", "paused_reason"))
    count = _done(request, act, list(reasons))
    said = act.told(count) % {"n": count} if count else _("Nothing changed.")
    if count:
        offer(request.session, act.opposite, said, reasons, timezone.now())
    return _answered(request, list(reasons), said)


def _done(request: Request, act: Act, ids: Sequence[int], **more: str) -> int:
    return act.do(ids, actor=request.user.get_username(), now=timezone.now(), **more)


def _answered(request: Request, ids: Sequence[int], said: str) -> HttpResponseBase:
    """A script is told which rows to ask for anew, so that nothing on the page moves; everybody else gets the page."""
    if not request.htmx:
        if not offered(request.session, timezone.now()):  # which is said beside the undo
            messages.info(request, said)
        return redirect(_back(request))
    response = render(request, "monitors/undo.html", {"said": said})
    retarget(response, "#undo")
    trigger_client_event(response, "selection:done", {})
    trigger_client_event(response, "live:change", {"servers": list(ids)})
    return response


@require_POST
@page("monitors.change_server")
def undo(request: Request) -> HttpResponseBase:
    """Take back the last act, as far as nobody has done so already. Pauses get their reasons back."""
    found = taken_up(request.session, timezone.now())
    act = ACTS.get(found.act) if found else None
    if found is None or act is None:
        return _answered(request, [], _("There is nothing left to undo."))
    if found.act == "pause":
        count = sum(_done(request, act, ids, reason=reason) for reason, ids in found.by_reason.items())
    else:
        count = _done(request, act, found.ids)
    return _answered(request, found.ids, act.told(count) % {"n": count})


def _delete(request: Request, ids: Sequence[int]) -> HttpResponseBase:
    if not request.user.has_perm("monitors.delete_server"):
        raise PermissionDenied
    names = dict(Server.objects.filter(id__in=ids).order_by("host_name").values_list("id", "host_name"))
    forget(request.session)
    if not names:
        return _answered(request, [], _("Nothing changed."))
    if "confirmed" not in request.POST:
        context = {
            "title": ngettext("Delete %(n)d server?", "Delete %(n)d servers?", len(names)) % {"n": len(names)},
            "names": names,
            "shown": list(names.values())[:SHOWN],
            "beyond": max(0, len(names) - SHOWN),
            "next": _back(request),
        }
        return render(request, "monitors/forms/delete_selected.html", context)
    count = recording.delete(names, actor=request.user.get_username(), now=timezone.now())
    text = ngettext("%(n)d server is deleted.", "%(n)d servers are deleted.", count)
    return _answered(request, list(names), text % {"n": count})


@require_http_methods(["GET", "HEAD", "POST"])
@page("monitors.delete_all_servers")
def delete_all(request: Request) -> HttpResponseBase:
    """Whoever deletes everything has to know how much that is."""
    ids = list(Server.objects.values_list("id", flat=True))
    context: dict[str, Any] = {"count": len(ids), "title": _("Delete all servers?")}
    if request.method != "POST":
        return render(request, "monitors/forms/delete_all.html", context)
    typed = request.POST.get("count", "").strip()
    if not typed.isdecimal():
        context["error"] = _("Type the number of servers.")
        return render(request, "monitors/forms/delete_all.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if key(typed) != len(ids):
        context["error"] = _("There are %(n)d servers now; nothing was deleted.") % {"n": len(ids)}
        return render(request, "monitors/forms/delete_all.html", context, status=HTTPStatus.CONFLICT)
    count = recording.delete(ids, actor=request.user.get_username(), now=timezone.now())
    text = ngettext("%(n)d server is deleted.", "%(n)d servers are deleted.", count)
    messages.success(request, text % {"n": count})
    return done(request, reverse("monitors:dashboard"))


def _back(request: Request) -> str:
    """The page that the bar is on, with its filters."""
    wanted = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if ours else reverse("monitors:dashboard")
