"""What makes a channel valid beyond what each column says: for the API and the admin alike.

Called by `Channel.clean()`, so it imports no model of this app.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from monitors import charsets
from monitors.models import Environment
from monitors.validation import UNREADABLE, remove_words

if TYPE_CHECKING:
    from notifications.models import Channel

CHANNEL_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
RESERVED = "selection"
"""No id: `/api/channels/selection/` is the path of something else."""
LONGEST_CHANNEL_NAME = 80
NAME_COLUMN = ("notifications", "name")
"""Table and column of `Channel.name`."""


def clean_channel(channel: Channel) -> None:
    """Trim the texts of `channel` and raise ValidationError with everything that is wrong.

    The id is checked only before the row exists: an adopted one stays as it is.
    """
    problems: dict[str, ValidationError] = {}
    try:
        channel.name = clean_name(channel.name)
    except ValidationError as error:
        problems["name"] = error
    try:
        channel.environments = clean_environments(channel.environments)
    except ValidationError as error:
        problems["environments"] = error
    if channel._state.adding and channel.channel_id:
        try:
            channel.channel_id = clean_channel_id(channel.channel_id)
        except ValidationError as error:
            problems["channel_id"] = error
    if problems:
        raise ValidationError(problems)


def clean_channel_id(text: str) -> str:
    """`text` trimmed. Whether Slack knows the channel is for Slack to say when something is sent there."""
    channel_id = text.strip()
    if not CHANNEL_ID.fullmatch(channel_id) or channel_id == RESERVED:
        raise ValidationError(_("Give Slack's id of the channel, such as C024BE91L: letters, digits, - and _."))
    return channel_id


def clean_name(name: str | None) -> str | None:
    """`name` trimmed, null when nothing is left. Refuses what the table cannot hold."""
    name = _readable(name or "")
    if problem := charsets.problem(*NAME_COLUMN, name):
        raise ValidationError(problem)
    return name or None


def kept_name(name: str) -> str:
    """Slack's name of a channel as the table can hold it."""
    return charsets.storable(*NAME_COLUMN, name[:LONGEST_CHANNEL_NAME])


def _readable(name: str) -> str:
    """`name` trimmed. What else Slack refuses in a name, Slack refuses itself."""
    name = name.strip()
    if found := UNREADABLE.search(name):
        raise ValidationError(remove_words(found[0]))
    return name


def clean_channel_name(text: str) -> str:
    """A name for a channel in Slack, trimmed, without the # that people write before it. Which letters it may have is
    for Slack to say: there are channels with names in every script."""
    name = _readable(text.strip().removeprefix("#"))
    if not name:
        raise ValidationError(_("A channel needs a name."))
    if len(name) > LONGEST_CHANNEL_NAME:
        raise ValidationError(_("The channel's name is too long: Slack allows 80 characters."))
    return name


def clean_environments(environments: Collection[str] | None) -> list[str] | None:
    """`environments` once each, in their usual order; null when there is none, which means all."""
    unknown = sorted(set(environments or ()).difference(Environment.values))
    if unknown:
        raise ValidationError(_("Choose one of DEV, STAGE, LIVE and UNKNOWN."))
    return [environment for environment in Environment.values if environment in (environments or ())] or None
