"""What pages of other apps show of the channels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from django import template
from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import ngettext

from notifications.models import Channel
from notifications.transports.slack.lacks import CUT_OFF
from notifications.transports.slack.workspace.wording import describe_lack

register = template.Library()

MOST_NAMES = 3
"""Channels named in one banner."""


@register.inclusion_tag("notifications/unheard.html", takes_context=True)
def unheard(context: template.Context, environments: Collection[str]) -> dict[str, Any]:
    """A banner when nobody would be told of a failure, at all or in some of `environments`, and one for channels that
    Slack takes no message for; nobody at all only where no list of first steps says so already."""
    listening = list(_listening().only("channel_id", "name", "environments", "hook_url_hint", "lacks"))
    silent = [name for name in environments if not any(channel.wants(name) for channel in listening)]
    return {
        "nobody": not listening,
        "silent": silent,
        "cut_off": list(_cut_off(listening)),
        "told_already": context.get("first_steps"),
    }


def _cut_off(channels: Iterable[Channel]) -> Iterator[tuple[str, str]]:
    """Names of channels, and what is wrong with all of them."""
    by_reason = defaultdict[str, list[str]](list)
    for channel in channels:
        if channel.lacks in CUT_OFF:
            by_reason[channel.lacks].append(f"{channel}" if channel.hook_url_hint else f"#{channel}")
    for lacks, names in sorted(by_reason.items()):
        more = len(names) - MOST_NAMES
        shown = ", ".join(sorted(names)[:MOST_NAMES])
        if more > 0:
            shown = ngettext("%(names)s and %(more)d more", "%(names)s and %(more)d more", more) % {
                "names": shown,
                "more": more,
            }
        yield shown, describe_lack(lacks)


@register.simple_tag
def alerts_are_heard() -> bool:
    """Whether any channel would be told of a failure, as far as we know."""
    return any(lacks not in CUT_OFF for lacks in _listening().values_list("lacks", flat=True))


def _listening() -> QuerySet[Channel]:
    """The channels that receive alerts and that we have a way to."""
    channels = Channel.objects.enabled()
    return channels if settings.SLACK_BOT_TOKEN else channels.filter(hook_url__isnull=False)
