"""What pages of other apps show of the channels."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django import template
from django.conf import settings
from django.db.models import QuerySet

from notifications.models import Channel

register = template.Library()


@register.inclusion_tag("notifications/unheard.html", takes_context=True)
def unheard(context: template.Context, environments: Collection[str]) -> dict[str, Any]:
    """A banner when nobody would be told of a failure, at all or in some of `environments`; at all only where no list
    of first steps says so already."""
    listening = list(_listening().only("channel_id", "environments"))
    silent = [name for name in environments if not any(channel.wants(name) for channel in listening)]
    return {"nobody": not listening, "silent": silent, "told_already": context.get("first_steps")}


@register.simple_tag
def alerts_are_heard() -> bool:
    """Whether any channel would be told of a failure."""
    return _listening().exists()


def _listening() -> QuerySet[Channel]:
    """The channels that receive alerts and can be reached."""
    channels = Channel.objects.enabled()
    return channels if settings.SLACK_BOT_TOKEN else channels.filter(hook_url__isnull=False)
