"""Incoming webhooks: which URLs we post to, and what may be shown of one. The URL is the secret."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

SLACK_HOST = "hooks.slack.com"
SLACK_PATH = "/services/"
"""Of incoming webhooks. What else Slack has there, such as triggers of workflows, does not take our messages."""
MAX_LENGTH = 500
POSTING_URL = "^[!-~]+$"
"""The characters that a URL has, for the OpenAPI document as well."""
SHOWN = 4
"""Characters of the end that are shown: enough to tell webhooks apart, too few to use one."""


def clean_hook_url(text: str) -> str:
    """`text` trimmed. Raises ValidationError, which never repeats it, for anything but an incoming webhook."""
    url = clean_posting_url(text)
    parts = urlsplit(url)
    if parts.path in ("", "/"):
        raise ValidationError(_("The webhook lacks its path: copy the whole URL from Slack."))
    if parts.hostname == SLACK_HOST and not parts.path.startswith(SLACK_PATH):
        raise ValidationError(
            _(
                "This URL of Slack is no incoming webhook: it must begin with %(start)s. In the settings of your Slack "
                "app, under Incoming Webhooks, choose “Add New Webhook” and copy the URL."
            )
            % {"start": f"https://{SLACK_HOST}{SLACK_PATH}"}
        )
    return url


def clean_posting_url(text: str) -> str:
    """`text` trimmed. Raises ValidationError, which never repeats it, for anything but a URL of Slack, or of the
    stand-in that SLACK_API_URL names: the monitor must not be a way to post into the network it stands in."""
    url = text.strip()
    if not re.search(POSTING_URL, url) or len(url) > MAX_LENGTH:
        raise ValidationError(_("This is not the URL of an incoming webhook."))
    try:
        parts = urlsplit(url)
        trusted = (parts.scheme, parts.hostname) in _trusted() and parts.port in (None, _port(parts), _api().port)
    except ValueError:
        raise ValidationError(_("This is not the URL of an incoming webhook.")) from None
    if not trusted or parts.username is not None or parts.password is not None:
        raise ValidationError(_("The webhook must begin with https://%(host)s/.") % {"host": SLACK_HOST})
    return url


def _api() -> SplitResult:
    return urlsplit(str(settings.SLACK_API_URL))


def _trusted() -> set[tuple[str, str | None]]:
    api = _api()
    return {("https", SLACK_HOST), ("https", api.hostname), (api.scheme, api.hostname)}


def _port(parts: SplitResult) -> int:
    return 443 if parts.scheme == "https" else 80


def hint(url: str | None) -> str | None:
    """What is shown instead of the URL."""
    return f"…{url[-SHOWN:]}" if url else None
