"""The two ways to notify in Slack: by the bot token, and by an incoming webhook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from notifications.notice import Notice
from notifications.transports.base import (
    Capabilities,
    Cause,
    Destination,
    Dispatch,
    Lookup,
    NoSettings,
    Reply,
    SettingError,
    Transport,
    setting,
)
from notifications.transports.slack import refusals
from notifications.transports.slack.blocks import Message, render
from notifications.transports.slack.client import TIMEOUT_SECONDS, Account
from notifications.transports.slack.lacks import CUT_OFF, describe_lack, lack_of_refused
from notifications.transports.slack.messages import find_message, instant_of, post_message, post_webhook, update_message
from notifications.transports.slack.refusals import describe_refusal
from notifications.transports.slack.webhooks import MAX_LENGTH, POSTING_URL, clean_hook_url, hint


def account(**more: Any) -> Account:
    return Account(settings.SLACK_BOT_TOKEN, settings.SLACK_API_URL, **more)


class Slack(Transport):
    """What both ways have in common."""

    medium = "Slack"
    prefix = family = "slack"
    causes = {
        **dict.fromkeys(refusals.RATE_LIMITED, Cause.LIMIT),
        **dict.fromkeys(refusals.PASSING, Cause.PASSING),
        **dict.fromkeys(refusals.TOKEN_DEAD | refusals.CHANNEL_DEAD, Cause.CUT_OFF),
        **dict.fromkeys(refusals.MESSAGE_BAD, Cause.FORM),
        **dict.fromkeys(refusals.MESSAGE_GONE, Cause.GONE),
        "message_not_found": Cause.DELETED,
        **dict.fromkeys(["history_too_long", "thread_not_found"], Cause.UNSEEABLE),
    }

    def advice(self, code: str, detail: str = "") -> str:
        return describe_refusal(code, needed=detail)

    def lack_of(self, code: str) -> str:
        return lack_of_refused(code)

    def is_cut_off(self, lacks: str) -> bool:
        return lacks in CUT_OFF

    def describe_missing(self, lacks: str) -> str:
        return describe_lack(lacks)


class SlackBot(Slack):
    kind = "slack_bot"
    label = _("Slack")
    settings = NoSettings
    own_ids = inspected = True
    sigil = "#"

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            edit=True,
            thread=True,
            look_up=bool(settings.SLACK_BOT_TOKEN),
            buttons=bool(settings.SLACK_APP_TOKEN),  # what is pressed comes back by the app's own connection
            exactly_once=True,
            pace=1.0,  # Slack: "generally allows posting one message per second per channel"
            deadline=TIMEOUT_SECONDS,
        )

    def problem(self) -> str:
        return "" if settings.SLACK_BOT_TOKEN else "not_authed"

    def send(self, to: Destination, notice: Notice, dispatch: Dispatch) -> Reply:
        return post_message(
            account(),
            to.channel_id,
            _message(notice, dispatch),
            delivery_id=dispatch.delivery_id,
            mark=dispatch.key,
            thread_ts=dispatch.thread_id,
        )

    def edit(self, to: Destination, notice: Notice, dispatch: Dispatch) -> Reply:
        message, ts = _message(notice, dispatch), dispatch.remote_id
        number, mark = dispatch.delivery_id, dispatch.key
        return update_message(account(), to.channel_id, ts, message, delivery_id=number, mark=mark)

    def find(self, to: Destination, dispatch: Dispatch) -> Lookup:
        """By Slack's own clock, whatever ours says."""
        return find_message(
            account(),
            to.channel_id,
            dispatch.delivery_id,
            mark=dispatch.key,
            oldest=instant_of(dispatch.after_id),
            ago=dispatch.age,
            thread_ts=dispatch.thread_id,
        )

    def address(self, to_id: str, remote_id: str) -> str:
        """As Slack's apps copy it; empty for a workspace that is not known."""
        known = apps.get_model("notifications", "Workspace").objects.exclude(url="")
        url = known.values_list("url", flat=True).first()
        return f"{url.rstrip('/')}/archives/{to_id}/p{remote_id.replace('.', '')}" if url else ""


@dataclass(frozen=True)
class WebhookSettings:
    hook_url: str = setting(
        _("Webhook URL"),
        _(
            "An incoming webhook of Slack; stored encrypted, never shown again. Without one, messages go out by the "
            "bot token."
        ),
        secret=True,
        column=True,
        bounds={"maxLength": MAX_LENGTH, "pattern": POSTING_URL},
        reason="No incoming webhook of Slack.",
    )


class SlackWebhook(Slack):
    kind = "slack_webhook"
    label = _("Slack, by an incoming webhook")
    badge = _("webhook")
    settings = WebhookSettings
    id_prefix = "hook"
    missing = "webhook"

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(pace=1.0, deadline=TIMEOUT_SECONDS)

    def check(self, settings: Any) -> None:
        try:
            clean_hook_url(settings.hook_url)
        except ValidationError as error:
            raise SettingError("hook_url", error.message) from None

    def hint(self, settings: Any) -> str:
        return hint(settings.hook_url) or ""

    def send(self, to: Destination, notice: Notice, dispatch: Dispatch) -> Reply:
        return post_webhook(to.settings.hook_url, _message(notice, dispatch))


def _message(notice: Notice, dispatch: Dispatch) -> Message:
    message = render(notice)
    return Message(message.text, []) if dispatch.plain else message
