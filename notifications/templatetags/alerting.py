"""What pages of other apps show of the channels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from django import template
from django.utils.translation import ngettext

from notifications import transports
from notifications.models import Channel
from notifications.promises import describe_lack

register = template.Library()

MOST_NAMES = 3
"""Channels named in one banner."""


@register.inclusion_tag("notifications/unheard.html", takes_context=True)
def unheard(context: template.Context, environments: Collection[str]) -> dict[str, Any]:
    """A banner when nobody would be told of a failure, at all or in some of `environments`, and one for channels
    where nothing arrives; nobody at all only where no list of first steps says so already."""
    listening = _listening()
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
        if transports.is_cut_off(channel):
            by_reason[describe_lack(channel)].append(f"{transports.of(channel).sigil}{channel}")
    for why, names in sorted(by_reason.items()):
        more = len(names) - MOST_NAMES
        shown = ", ".join(sorted(names)[:MOST_NAMES])
        if more > 0:
            shown = ngettext("%(names)s and %(more)d more", "%(names)s and %(more)d more", more) % {
                "names": shown,
                "more": more,
            }
        yield shown, why


@register.simple_tag
def alerts_are_heard() -> bool:
    """Whether any channel would be told of a failure, as far as we know."""
    return not all(map(transports.is_cut_off, _listening()))


def _listening() -> list[Channel]:
    """The channels that receive alerts and that we have a way to."""
    return [channel for channel in Channel.objects.enabled() if not transports.of(channel).problem()]
