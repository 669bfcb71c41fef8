"""Slack's vocabulary of refusals: which code is of what nature, and what to do about it in plain words.

Codes are those of Slack's method pages (chat.postMessage, chat.update, conversations.*) and of the page "Sending
messages using incoming webhooks", plus those seen in the field (`no_active_hooks`, `invalid_token`). Pure.
"""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from notifications.transports.words import shared_advice

RATE_LIMITED = frozenset({"ratelimited", "rate_limited"})
"""Slack took nothing; its Retry-After says when to come back."""

PASSING = frozenset(
    {
        "external_channel_migrating",
        "message_limit_exceeded",
        "org_login_required",
        "request_timeout",
        "rollup_error",
        "service_unavailable",
        "team_added_to_org",
    }
)
"""Slack took nothing and will again, without anybody doing anything."""

UNSURE = frozenset({"fatal_error", "internal_error"})
"""«It's possible some aspect of the operation succeeded before the error was raised.»"""

TOKEN_DEAD = frozenset(
    {
        "access_denied",
        "accesslimited",
        "account_inactive",
        "ekm_access_denied",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
        "user_is_restricted",
    }
)
"""Nothing that uses this token will pass."""

CHANNEL_DEAD = frozenset(
    {
        "action_prohibited",
        "channel_is_archived",
        "channel_not_found",
        "invalid_token",
        "is_archived",
        "is_inactive",
        "messages_tab_disabled",
        "no_active_hooks",
        "no_service",
        "no_team",
        "not_in_channel",
        "posting_to_general_channel_denied",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "user_not_found",
    }
)
"""Nothing more will pass into this channel, or through this webhook; others are not concerned."""

MESSAGE_BAD = frozenset(
    {
        "invalid_arg_name",
        "invalid_arguments",
        "invalid_array_arg",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_charset",
        "invalid_form_data",
        "invalid_json",
        "invalid_metadata_format",
        "invalid_payload",
        "invalid_post_type",
        "json_not_object",
        "metadata_too_large",
        "missing_post_type",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "too_many_attachments",
    }
)
"""Our bug: this message will not pass as it is; a plainer one may."""

MESSAGE_GONE = frozenset(
    {
        "cannot_reply_to_message",
        "cant_broadcast_message",
        "cant_update_message",
        "edit_window_closed",
        "message_not_found",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
        "thread_locked",
        "update_failed",
    }
)
"""The message to reply to or to update cannot be used, or not in this way; a new one can be posted."""

FINAL = TOKEN_DEAD | CHANNEL_DEAD | MESSAGE_BAD | MESSAGE_GONE
"""Trying the same again is useless."""

_ASK_ADMIN = gettext_lazy("The workspace's rules forbid it: ask an administrator of the Slack workspace.")
_WAITS = gettext_lazy("Slack is limiting or moving this workspace for now; messages wait and are sent later.")
_BUSY = gettext_lazy("Slack has trouble at the moment; the message is tried again.")
_UNSURE = gettext_lazy("Slack failed while it took the message and cannot say whether it was posted.")
_HOOK_GONE = gettext_lazy("The webhook was removed in Slack: make a new one and set its URL for this channel.")
_ARCHIVED = gettext_lazy("The channel is archived: unarchive it in Slack, or disable it here.")
_READ_ONLY = gettext_lazy("Posting in this channel is restricted: allow the app to post in the channel's settings.")
_OUR_BUG = gettext_lazy("Slack did not accept the form of the message. This is a fault of the monitor: report it.")
_TOO_LONG = gettext_lazy("The message is longer than Slack accepts. This is a fault of the monitor: report it.")
_GONE = gettext_lazy("The earlier message cannot be changed or answered any more; a new one is posted instead.")
_NO_THREAD = gettext_lazy(
    "Replies are restricted there, so the message is posted outside the thread. To keep it in the thread, allow the "
    "app to reply: unlock the thread, or change the channel's posting permissions."
)
_TOO_MANY = gettext_lazy("The workspace has as many channels as Slack allows: use an existing one.")
_BAD_NAME = gettext_lazy("Channel names have only lower-case letters, digits, hyphens and underscores.")
_REPEAT = gettext_lazy("The list changed while it was read: load it again.")

REFUSALS: dict[str, Promise] = {
    **dict.fromkeys(sorted(RATE_LIMITED), gettext_lazy("Too many messages at once; Slack takes more in a moment.")),
    **dict.fromkeys(sorted(PASSING), _WAITS),
    **dict.fromkeys(["request_timeout", "rollup_error", "service_unavailable"], _BUSY),
    **dict.fromkeys(sorted(UNSURE), _UNSURE),
    **dict.fromkeys(sorted(MESSAGE_BAD), _OUR_BUG),
    **dict.fromkeys(["metadata_too_large", "msg_blocks_too_long", "msg_too_long", "too_many_attachments"], _TOO_LONG),
    **dict.fromkeys(sorted(MESSAGE_GONE), _GONE),
    **dict.fromkeys(["cant_broadcast_message", "restricted_action_non_threadable_channel"], _NO_THREAD),
    **dict.fromkeys(["restricted_action_thread_locked", "thread_locked"], _NO_THREAD),
    "access_denied": _ASK_ADMIN,
    "accesslimited": gettext_lazy("Slack cannot be used from this network: ask an administrator of the workspace."),
    "account_inactive": gettext_lazy(
        "The app was removed from the workspace: install it again and set SLACK_BOT_TOKEN."
    ),
    "ekm_access_denied": gettext_lazy("An administrator has suspended posting (Enterprise Key Management): ask them."),
    "invalid_auth": gettext_lazy("Slack does not know the bot token: set SLACK_BOT_TOKEN to the app's (xoxb-…)."),
    "missing_scope": gettext_lazy("The app lacks a scope: add it under OAuth & Permissions, then install it again."),
    "no_permission": gettext_lazy("The app's token may not do this: check its scopes, then install it again."),
    "not_allowed_token_type": gettext_lazy(
        "This kind of token cannot be used: set SLACK_BOT_TOKEN to a bot token (xoxb-…)."
    ),
    "not_authed": gettext_lazy("There is no bot token: set SLACK_BOT_TOKEN."),
    "team_access_not_granted": gettext_lazy(
        "The app was not given this workspace of the organization: ask an administrator to add it to the workspace."
    ),
    "token_expired": gettext_lazy("The bot token has expired: install the app again and set SLACK_BOT_TOKEN."),
    "token_revoked": gettext_lazy("The bot token was revoked: install the app again and set SLACK_BOT_TOKEN."),
    "two_factor_setup_required": gettext_lazy(
        "The workspace requires two-factor authentication: whoever installed the app sets it up in Slack."
    ),
    "user_is_restricted": gettext_lazy(
        "The token belongs to a guest, who may not do this: let a full member install the app, and set SLACK_BOT_TOKEN."
    ),
    "action_prohibited": _ASK_ADMIN,
    "channel_is_archived": _ARCHIVED,
    "channel_not_found": gettext_lazy(
        "Slack does not know the channel: check its id, and invite the app if the channel is private."
    ),
    "invalid_token": gettext_lazy(
        "The webhook belongs to a deactivated account or is wrong: make a new one and set its URL for this channel."
    ),
    "is_archived": _ARCHIVED,
    "is_inactive": _ARCHIVED,
    "messages_tab_disabled": gettext_lazy("The app's messages tab is off: choose a channel instead."),
    "no_active_hooks": _HOOK_GONE,
    "no_service": _HOOK_GONE,
    "no_team": gettext_lazy("The webhook's workspace is gone: make a webhook in the workspace you use now."),
    "not_in_channel": gettext_lazy("The app is not in the channel: invite it there (/invite)."),
    "posting_to_general_channel_denied": gettext_lazy(
        "The webhook may not post in the general channel: choose another channel."
    ),
    "restricted_action": _ASK_ADMIN,
    "restricted_action_read_only_channel": _READ_ONLY,
    "restricted_action_thread_only_channel": _READ_ONLY,
    "user_not_found": gettext_lazy("The webhook's channel or user does not exist any more: make a new webhook."),
    # managing channels
    "already_archived": gettext_lazy("The channel is archived already."),
    "cannot_create_channel": _ASK_ADMIN,
    "cant_archive_general": gettext_lazy("The general channel cannot be archived."),
    "cant_archive_required": gettext_lazy("A channel that the workspace requires cannot be archived."),
    "invalid_cursor": _REPEAT,
    "invalid_limit": _OUR_BUG,
    "invalid_name": _BAD_NAME,
    "invalid_name_maxlength": gettext_lazy("The channel's name is too long: Slack allows 80 characters."),
    "invalid_name_punctuation": gettext_lazy("A channel's name needs at least one letter or digit."),
    "invalid_name_required": gettext_lazy("A channel needs a name."),
    "invalid_name_specials": _BAD_NAME,
    "invalid_types": _OUR_BUG,
    "method_not_supported_for_channel_type": gettext_lazy("This cannot be done with a channel of this kind."),
    "name_taken": gettext_lazy("A channel of this name exists, perhaps archived: choose another name."),
    "no_channel": gettext_lazy("A channel needs a name."),
    "not_authorized": gettext_lazy("Slack lets the app rename only channels that it made: rename it in Slack."),
    "too_many_convos_for_app_on_team": _TOO_MANY,
    "too_many_convos_for_team": _TOO_MANY,
    # what never reached Slack, or whose answer never reached us
    "bad_answer": gettext_lazy("What answered did not answer like Slack: check SLACK_API_URL and any proxy."),
    "unreadable_secret": gettext_lazy(
        "None of ENCRYPTION_KEYS can read the webhook's URL: restore the key that wrote it, or enter the URL again."
    ),
    "invalid_url": gettext_lazy("The address is not a usable URL: set the webhook, or SLACK_API_URL, again."),
    "history_too_long": gettext_lazy("So much was posted in the channel since that the message was not found in it."),
}


def describe_refusal(code: str, needed: str = "") -> str:
    """What `code` means and what to do, in the active language.

    `needed` is the scope that Slack names with `missing_scope` (`Reply.detail`).
    """
    if code == "missing_scope" and needed:
        return _("The app lacks the scope %(scope)s: add it under OAuth & Permissions, then install the app again.") % {
            "scope": needed
        }
    return str(REFUSALS.get(code) or shared_advice(code, "", "Slack"))
