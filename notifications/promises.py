"""What a channel can be promised, in words."""

from __future__ import annotations

from django.utils.translation import gettext as _

from notifications import transports
from notifications.models import Channel, Guarantee


def describe_guarantee(channel: Channel) -> str:
    """What the channel can be promised, and what is missing for more."""
    transport = transports.of(channel)
    medium = {"medium": transport.medium}
    if transport.is_cut_off(channel.lacks):
        nothing = _("Alerts do not arrive there.")
        return f"{nothing} {describe_lack(channel)}"
    match channel.guarantee:
        case Guarantee.EXACTLY_ONCE if not transport.capabilities.look_up:
            return _("%(medium)s recognizes a message that is sent again.") % medium
        case Guarantee.EXACTLY_ONCE:
            return _("When %(medium)s's answer is lost, the message is looked for before it is sent again.") % medium
        case Guarantee.AT_LEAST_ONCE:
            repeat = _("When %(medium)s's answer is lost, the message is sent again and says that it may be a repeat.")
            return f"{repeat % medium} {describe_lack(channel)}".strip()
    return _("%(medium)s has not been asked yet what the app may do there.") % medium if channel.enabled else ""


def describe_lack(channel: Channel) -> str:
    """What to do for exactly once, or for messages to arrive again."""
    transport, lacks = transports.of(channel), channel.lacks
    code, _colon, detail = lacks.partition(":")
    return transport.describe_missing(lacks) or (transports.advice(channel, code, detail) if code else "")
