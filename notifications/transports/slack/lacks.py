"""Channels that are cut off: what a channel lacks (`Channel.lacks`) without which Slack takes no message there.

Some of it is seen by asking Slack about the token and the channel, when it begins and when it is mended. The rest shows
only when a message is refused or taken, as does all that is wrong with a webhook. Pure.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from notifications.transports.slack.refusals import CHANNEL_DEAD, TOKEN_DEAD, describe_refusal

CANNOT_POST = "not_in_channel:chat:write.public"
"""Not in a public channel, and without the scope to write there all the same."""
CANNOT_WRITE = "missing_scope:chat:write"
SEEN = frozenset(
    {
        CANNOT_POST,
        CANNOT_WRITE,
        "account_inactive",
        "channel_is_archived",
        "channel_not_found",
        "invalid_auth",
        "is_archived",
        "not_allowed_token_type",
        "not_authed",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
"""Slack says so when it is asked, until it is mended."""
AMBIGUOUS = frozenset({"missing_scope", "not_in_channel"})
"""By themselves they may say no more than that messages cannot be looked for."""
OURS = frozenset({"invalid_settings", "invalid_url", "unknown_kind", "unreadable_secret"})
CUT_OFF = SEEN | OURS | ((TOKEN_DEAD | CHANNEL_DEAD) - AMBIGUOUS)
UNSEEN = CUT_OFF - SEEN


def lack_of_refused(code: str) -> str:
    """What the channel lacks where a message was refused by this code; "" where the channel is not to blame."""
    if code == "not_in_channel":
        return CANNOT_POST
    if code == "missing_scope":
        return CANNOT_WRITE
    return code if code in CUT_OFF else ""


def describe_lack(lacks: str) -> str:
    """What to do for exactly once; `lacks` as in `Channel`."""
    code, _colon, detail = lacks.partition(":")
    match code:
        case "":
            return ""
        case "webhook":
            return _("A webhook cannot look for messages: for exactly once, use the bot token.")
        case "not_in_channel":
            return _("The app is not in the channel: invite it there (/invite), or give it the scope channels:join.")
        case "thread_not_found" | "history_too_long":
            return _("The message could not be looked for.")
    return describe_refusal(code, needed=detail)
