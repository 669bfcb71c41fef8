"""The page of the channels."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Max
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from notifications.models import Channel, Delivery
from notifications.trial import try_channel

PAGE_SIZE = 100


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
@permission_required("notifications.view_channel", raise_exception=True)
def channels(request: HttpRequest) -> HttpResponseBase:
    if request.method == "POST":
        return _test(request)
    everything = Channel.objects.defer("hook_url").order_by("-enabled", "name", "channel_id")
    page = Paginator(everything, PAGE_SIZE).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    latest = _latest_deliveries([channel.pk for channel in shown])
    context: dict[str, Any] = {
        "now": timezone.now(),
        "page": page,
        "rows": [(channel, latest.get(channel.pk)) for channel in shown],
        "has_token": bool(settings.SLACK_BOT_TOKEN),
    }
    return render(request, "notifications/channels.html", context)


def _latest_deliveries(channel_ids: list[str]) -> dict[str | None, Delivery]:
    """By values, not by a join: an adopted table of channels may have another collation than the deliveries."""
    grouped = Delivery.objects.filter(channel__in=channel_ids).order_by().values("channel_id")
    latest = grouped.annotate(latest=Max("id")).values_list("latest", flat=True)
    return {delivery.channel_id: delivery for delivery in Delivery.objects.filter(id__in=list(latest))}


def _test(request: HttpRequest) -> HttpResponseBase:
    if not request.user.has_perm("notifications.change_channel"):
        raise PermissionDenied
    channel = get_object_or_404(Channel.objects.defer("hook_url"), pk=request.POST.get("test", ""))
    level, verdict = try_channel(channel.pk, timezone.now)
    text = _("Test message to %(channel)s: %(verdict)s") % {"channel": channel, "verdict": verdict}
    messages.add_message(request, level, text)
    return redirect("notifications:channels")
