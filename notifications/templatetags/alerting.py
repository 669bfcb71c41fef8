"""What pages of other apps show of the channels."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django import template
from django.conf import settings

from notifications.models import Channel

register = template.Library()


@register.inclusion_tag("notifications/unheard.html", takes_context=True)
def unheard(context: template.Context, environments: Collection[str]) -> dict[str, Any]:
    """A banner when nobody would be told of a failure, at all or in some of `environments`."""
    channels = Channel.objects.enabled().only("channel_id", "environments")
    if not settings.SLACK_BOT_TOKEN:
        channels = channels.filter(hook_url__isnull=False)
    listening = list(channels)
    silent = [name for name in environments if not any(channel.wants(name) for channel in listening)]
    return {"nobody": not listening, "silent": silent, "request": context.get("request")}
