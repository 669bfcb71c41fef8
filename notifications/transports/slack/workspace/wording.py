"""What Slack says about a channel, in words that say what to do."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notifications.models import Workspace
from notifications.transports.slack.refusals import describe_refusal

SCOPES: dict[str, Promise] = {
    "chat:write": gettext_lazy("sending"),
    "chat:write.public": gettext_lazy("sending to public channels that the app is not in"),
    "channels:read": gettext_lazy("the list of public channels"),
    "channels:history": gettext_lazy("exactly once in public channels"),
    "channels:join": gettext_lazy("joining public channels by itself, for exactly once"),
    "channels:manage": gettext_lazy("making, renaming and archiving public channels"),
    "groups:read": gettext_lazy("the list of private channels that the app is in"),
    "groups:history": gettext_lazy("exactly once in private channels"),
    "groups:write": gettext_lazy("making, renaming and archiving private channels"),
}
"""What each scope of the bot is for. Only the first is needed to send."""
MANAGE = {False: "channels:manage", True: "groups:write"}
"""The scope that making, renaming and archiving needs, by whether the channel is private."""

_NOTHING_DONE = gettext_lazy("Slack cannot be reached, and nothing was done: check the network, DNS and any proxy.")
_PERHAPS_DONE = gettext_lazy(
    "It is not known whether it was done: Slack's answer was lost. The list is read again; look at it in a minute, "
    "before you try again."
)
_NOT_READ = gettext_lazy("Slack gave no answer that can be used; it is asked again by itself.")
LOST = ("bad_answer", "connection_lost", "fatal_error", "internal_error", "timeout")
"""With these Slack may have done what it was asked for. So with every status of 500 and more."""
MANAGING: dict[str, Promise] = {
    **dict.fromkeys(["ratelimited", "rate_limited"], gettext_lazy("Slack takes no more of this for a moment: wait.")),
    **dict.fromkeys(["request_timeout", "service_unavailable"], gettext_lazy("Slack has trouble: try again later.")),
    "channel_not_found": gettext_lazy("Slack does not know the channel any more, or the app is no longer in it."),
    "connection_error": _NOTHING_DONE,
    "is_archived": gettext_lazy("The channel is archived: unarchive it in Slack first."),
    "name_taken": gettext_lazy(
        "A channel of this name exists, perhaps archived: choose it from the list, or another name."
    ),
    "not_in_channel": gettext_lazy("The app is not in the channel: invite it there (/invite), then try again."),
}
"""Where what is said of a message would mislead whoever makes, renames or archives a channel."""
BAD_NAMES = frozenset(
    {
        "invalid_name",
        "invalid_name_maxlength",
        "invalid_name_punctuation",
        "invalid_name_required",
        "invalid_name_specials",
        "no_channel",
    }
)
"""Refusals that another name would mend; so would it `name_taken`."""


def describe_managing(code: str, needed: str = "") -> str:
    """Why a channel was not made, renamed or archived, and what to do."""
    if _is_lost(code):
        return str(_PERHAPS_DONE)
    return str(MANAGING.get(code) or describe_refusal(code, needed))


def _is_lost(code: str) -> bool:
    return code in LOST or code.startswith("http_5")


def describe_error(error: str) -> str:
    """Of a workspace: why its token is refused, or its list cannot be read."""
    code, _colon, detail = error.partition(":")
    if _is_lost(code):
        return str(_NOT_READ)
    return describe_managing(code, detail) if error else ""


def missing_scopes(workspace: Workspace) -> dict[str, Promise]:
    """The scopes that the app lacks, with what each would be for; nothing before Slack was asked."""
    had: Collection[str] = workspace.scopes
    return {scope: purpose for scope, purpose in SCOPES.items() if had and scope not in had}


def lacking_to_make(workspace: Workspace) -> dict[bool, str]:
    """The scope that is missing for making channels, by whether they are private; nothing before Slack was asked."""
    return {is_private: scope for is_private, scope in MANAGE.items() if scope in missing_scopes(workspace)}


def describe_lacking_to_make(lacking: Mapping[bool, str]) -> str:
    """Why no channel can be made; empty when some can."""
    if len(lacking) < len(MANAGE):
        return ""
    return _(
        "The app can make no channels: it lacks the scope %(public)s, and %(private)s for private ones. Add what you "
        "need under OAuth & Permissions, install the app again, and choose “Ask Slack again” on the page of the "
        "channels."
    ) % {"public": lacking[False], "private": lacking[True]}
