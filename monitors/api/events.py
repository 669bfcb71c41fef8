"""`/api/events/`: what changes, as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from django.db import connections
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone, translation
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from monitors.dashboard import ServerFilter
from monitors.live.hub import Stream, hub
from monitors.live.news import News, Viewer, instant_of, missed_since, summary
from monitors.live.readers import Reader
from monitors.people import profile_of
from monitors.permissions import may


class EventsView(APIView):
    """The request authenticates in a thread of its own and gives its connection to the database back; the stream after
    that belongs to the event loop alone."""

    required_permission = "monitors.view_server"

    @extend_schema(
        summary="Hear what changes",
        description=(
            "Server-sent events. `change`: `servers` (ids) or `all`, `down` (how many servers are), `late` (whether "
            "nothing is probed), `now`. `alive` every 15 s. The header `Last-Event-ID`, or `since`, has what was "
            "missed in up to ten minutes told at once."
        ),
        parameters=[
            OpenApiParameter("since", str, description="The id of the last event that was heard."),
            OpenApiParameter(
                "board",
                str,
                description="For the dashboard: `1` adds the HTML of what changed; what narrows its list may follow.",
            ),
        ],
        responses={(200, "text/event-stream"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> HttpResponseBase:
        since = instant_of(request.headers.get("Last-Event-ID") or request.query_params.get("since", ""))
        now = timezone.now()
        first = None
        if since and (missed := missed_since(since, now)) != frozenset():
            first = News(summary(now), missed)
        viewer = _viewer(request) if request.query_params.get("board") == "1" else None
        stream = Stream(viewer, Reader.of(request))
        connections.close_all()
        response = StreamingHttpResponse(_heard(stream, first), content_type="text/event-stream; charset=utf-8")
        response["Cache-Control"] = "private, no-store, no-transform"
        response["X-Accel-Buffering"] = "no"  # nginx would keep events until there are many
        return response

    def head(self, _request: Request) -> HttpResponse:
        """What a stream would begin with: whoever asks for the head alone does not read on."""
        return HttpResponse(content_type="text/event-stream; charset=utf-8")

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """There is one format; a browser asks for `text/event-stream`, which no renderer makes."""
        return super().perform_content_negotiation(request, force=True)


def _viewer(request: Request) -> Viewer:
    chosen = ServerFilter(request.query_params).chosen() | {"sort": ""}  # the page knows where each row belongs
    return Viewer(
        translation.get_language(),
        sees_incidents=may(request, "monitors.view_incident"),
        changes_servers=may(request, "monitors.change_server"),
        chosen=tuple(sorted(chosen.items())),
        zone=profile.time_zone if (profile := profile_of(request.user)) else "",
    )


async def _heard(stream: Stream, first: News | None) -> AsyncIterator[bytes]:
    async for part in hub().listen(stream, first):
        yield part
