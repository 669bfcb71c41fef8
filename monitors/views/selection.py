"""What is done to several servers at once: to those that are ticked on the dashboard, to all that it was asked for, or
to all there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import retarget, trigger_client_event

from monitors import dashboard as board
from monitors import recording
from monitors.clock import database_now
from monitors.models import Server
from monitors.undoing import forget, offer, offered, taken_up
from monitors.views.base import Request, done, key, page

MOST = 1_000
"""Servers that are ticked one by one, of which a page lists a hundred; and servers of one query."""
MOST_NAMED = 100
"""Rows that a page is told to ask for anew, one by one; beyond that it asks for all it shows."""
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
    ids = _chosen(request)
    if request.POST.get("act") == "delete":
        return _delete(request, ids)
    act = ACTS.get(request.POST.get("act", ""))
    if act is None:
        raise PermissionDenied
    forget(request.session)
    reasons = dict(_rows(ids, "id", "paused_reason", **{act.column: act.before}))
    count = _done(request, act, list(reasons))
    said = act.told(count) % {"n": count} if count else _("Nothing changed.")
    if count:
        offer(request.session, act.opposite, said, reasons, timezone.now())
    return _answered(request, list(reasons), said)


def _chosen(request: Request) -> list[int]:
    """Those that are ticked or, with `across`, all that the list was `asked` for, on every page of it. None where the
    question is not valid: what a page ignores would mean more servers here."""
    if "across" not in request.POST:
        return [number for number in map(key, request.POST.getlist("server")) if number][:MOST]
    asked = board.ServerFilter(QueryDict(request.POST.get("asked", "")))
    return board.ids(asked.chosen(), timezone.now()) if "asked" in request.POST and asked.is_valid() else []


def _rows(ids: Sequence[int], *columns: str, **condition: bool) -> Iterator[Any]:
    """The `columns` of those of `ids` that meet `condition`, a bounded number in each query."""
    for start in range(0, len(ids), MOST):
        yield from (
            Server.objects.filter(id__in=ids[start : start + MOST], **condition).order_by("id").values_list(*columns)
        )


def _done(request: Request, act: Act, ids: Sequence[int], **more: str) -> int:
    return act.do(ids, actor=request.user.get_username(), now=database_now(), **more)


def _answered(request: Request, ids: Sequence[int], said: str) -> HttpResponseBase:
    """A script is told which rows to ask for anew, so that nothing on the page moves; everybody else gets the page."""
    if not request.htmx:
        if not offered(request.session, timezone.now()):  # which is said beside the undo
            messages.info(request, said)
        return redirect(_back(request))
    response = render(request, "monitors/undo.html", {"said": said})
    retarget(response, "#undo")
    trigger_client_event(response, "selection:done", {})
    trigger_client_event(response, "live:change", {"servers": list(ids)} if len(ids) <= MOST_NAMED else {"all": True})
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
    names = dict(sorted(_rows(ids, "id", "host_name"), key=lambda row: row[1]))
    forget(request.session)
    if not names:
        return _answered(request, [], _("Nothing changed."))
    across = "across" in request.POST
    if across and len(names) == Server.objects.count() and not request.user.has_perm("monitors.delete_all_servers"):
        return _answered(request, [], _("These are all servers there are. Only admins delete all at once."))
    mark = _mark(names)
    error, status = _hindrance(request, mark, len(names)) if across else ("", HTTPStatus.OK)
    if error or "confirmed" not in request.POST:
        context = {
            "title": ngettext("Delete %(n)d server?", "Delete %(n)d servers?", len(names)) % {"n": len(names)},
            "names": names,
            "shown": list(names.values())[:SHOWN],
            "beyond": max(0, len(names) - SHOWN),
            "next": _back(request),
            "across": across,
            "asked": request.POST.get("asked", ""),
            "mark": mark,
            "count": len(names),
            "error": error,
        }
        return render(request, "monitors/forms/delete_selected.html", context, status=status)
    count = recording.delete(names, actor=request.user.get_username(), now=database_now())
    text = ngettext("%(n)d server is deleted.", "%(n)d servers are deleted.", count)
    return _answered(request, list(names), text % {"n": count})


def _mark(ids: Iterable[int]) -> str:
    """The same for the same servers: whoever confirms has seen which they are."""
    return blake2b(",".join(map(str, sorted(ids))).encode(), digest_size=8).hexdigest()


def _hindrance(request: Request, mark: str, count: int) -> tuple[str, HTTPStatus]:
    """Why a deletion across pages that was confirmed cannot be done yet; empty when it can, or is still to confirm."""
    if "confirmed" not in request.POST:
        return "", HTTPStatus.OK
    if request.POST.get("mark") != mark:
        words = _("Which servers match has changed: there are %(n)d of them now. Nothing was deleted.")
        return words % {"n": count}, HTTPStatus.CONFLICT
    typed = request.POST.get("count", "").strip()
    wrong = not typed.isdecimal() or key(typed) != count
    return (_("Type the number of servers."), HTTPStatus.UNPROCESSABLE_ENTITY) if wrong else ("", HTTPStatus.OK)


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
    count = recording.delete(ids, actor=request.user.get_username(), now=database_now())
    text = ngettext("%(n)d server is deleted.", "%(n)d servers are deleted.", count)
    messages.success(request, text % {"n": count})
    return done(request, reverse("monitors:dashboard"))


def _back(request: Request) -> str:
    """The page that the bar is on, with its filters."""
    wanted = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if ours else reverse("monitors:dashboard")
