"""What changed, for a page whose stream of events is away."""

from __future__ import annotations

from django.http import JsonResponse
from django.utils import timezone, translation
from django.views.decorators.http import require_safe

from monitors.live.news import News, instant_of, missed_since, summary
from monitors.views.base import Request, page


@require_safe
@page("monitors.view_server")
def snapshot(request: Request) -> JsonResponse:
    now = timezone.now()
    since = instant_of(request.GET.get("since", ""))
    said = summary(now)
    board = said.board(translation.get_language(), sees_incidents=request.user.has_perm("monitors.view_incident"))
    return JsonResponse(News(said, missed_since(since, now) if since else None).as_dict(board))
