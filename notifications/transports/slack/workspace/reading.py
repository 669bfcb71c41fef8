"""The list of the workspace's channels, a page at a time and one list for all of them.

Source: Slack's pages "conversations.list", "Pagination" and "Rate limits" (tier 2: 20 calls a minute). A page may be
short, or empty; only an empty cursor is the end. What Slack no longer lists goes when the whole list was read.
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q

from monitors.transactions import retried_atomic
from notifications.instants import ahead
from notifications.models import WorkspaceChannel
from notifications.outbox import EVERY
from notifications.transports.slack import RefusedError, Reply
from notifications.transports.slack import channels as slack
from notifications.transports.slack.channels import Page
from notifications.transports.slack.transport import account
from notifications.transports.slack.workspace.cache import as_lack, keep
from notifications.transports.slack.workspace.turns import Turn, may_pass

PACE = timedelta(seconds=3)
TYPES = {"channels:read": "public_channel", "groups:read": "private_channel"}


def read_page(turn: Turn) -> bool:
    """Read the next page, if one is due. False when Slack is not to be asked more now."""
    workspace = turn.workspace
    if not turn.is_due(workspace.page_at):
        return True
    types = [kind for scope, kind in TYPES.items() if scope in workspace.scopes]
    if not types:
        turn.write(refresh_error="missing_scope:channels:read", page_at=turn.now + EVERY, began_at=None, cursor="")
        return True
    if workspace.began_at is None:
        turn.write(began_at=turn.now, cursor="")
    try:
        page = slack.list_channels(account(), types, workspace.cursor)
    except RefusedError as refused:
        return _refused(turn, refused.reply)
    _store(turn, page)
    return True


def _refused(turn: Turn, reply: Reply) -> bool:
    if may_pass(reply):
        turn.write(page_at=turn.after(reply), refresh_error=as_lack(reply))
        return False
    if reply.code == "invalid_cursor":  # the place to go on from is gone: from the beginning
        turn.write(page_at=turn.after(reply), began_at=None, cursor="")
        return True
    turn.write(page_at=turn.now + EVERY, refresh_error=as_lack(reply), began_at=None, cursor="")
    return True


@retried_atomic
def _store(turn: Turn, page: Page) -> None:
    began_at = turn.workspace.began_at or turn.now
    keep(page.channels, max(turn.now, began_at))  # the clock may be behind that of who began
    if page.cursor:
        turn.write(cursor=page.cursor, page_at=turn.now + PACE, refresh_error="")
        return
    whole = turn.write(cursor="", page_at=turn.now + EVERY, refresh_error="", began_at=None, refreshed_at=turn.now)
    if whole:
        WorkspaceChannel.objects.filter(Q(seen_at__lt=began_at) | ahead("seen_at", turn.now)).delete()
