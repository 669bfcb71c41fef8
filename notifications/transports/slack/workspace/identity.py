"""Whose token it is, and what it may do: asked again and again, for what the app lacks can be mended at any time."""

from __future__ import annotations

import logging

from django.db.models import F

from notifications.models import Channel, Guarantee, WorkspaceChannel
from notifications.outbox import EVERY
from notifications.transports.slack import RefusedError
from notifications.transports.slack import channels as slack
from notifications.transports.slack.transport import account
from notifications.transports.slack.workspace.cache import as_lack, look_again
from notifications.transports.slack.workspace.guarantee import BY_BOT
from notifications.transports.slack.workspace.turns import Turn, may_pass

logger = logging.getLogger(__name__)


def refresh(turn: Turn) -> bool:
    """False when there is no use in asking Slack for more."""
    workspace = turn.workspace
    if not turn.is_due(workspace.identify_at):
        return not workspace.error
    try:
        identity = slack.identify(account())
    except RefusedError as refused:
        if may_pass(refused.reply):
            turn.write(identify_at=turn.after(refused.reply))
        else:
            _refused(turn, as_lack(refused.reply))
        return False
    scopes = list(identity.scopes)
    if workspace.team_id and workspace.team_id != identity.team_id:
        WorkspaceChannel.objects.all().delete()
    if workspace.error or workspace.scopes != scopes:
        look_again(turn.now)
        if workspace.began_at is None:
            turn.write(page_at=None)
    turn.write(
        team_id=identity.team_id,
        team=identity.team,
        url=identity.url,
        user_id=identity.user_id,
        scopes=scopes,
        error="",
        identify_at=turn.now + EVERY,
    )
    return True


def _refused(turn: Turn, error: str) -> None:
    """Nothing can be looked for with such a token."""
    if turn.workspace.error != error:
        logger.warning("the bot token is refused", extra={"code": error})
    turn.write(error=error, identify_at=turn.now + EVERY)
    Channel.objects.enabled().filter(BY_BOT).update(
        guarantee=Guarantee.AT_LEAST_ONCE, lacks=error, checked_at=turn.now, updated_at=F("updated_at")
    )
