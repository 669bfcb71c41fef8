"""One tick's work: a call or a few, as the workspace's row says that they are due. Nothing waits here for Slack's pace:
what may not be asked yet is asked at a later tick."""

from __future__ import annotations

from django.conf import settings

from notifications import outbox
from notifications.instants import is_over
from notifications.transports.slack.workspace import guarantee, identity, reading
from notifications.transports.slack.workspace.turns import Clock, standing, take_turn

STEPS = (identity.refresh, reading.read_page, guarantee.inspect)


def watch(clock: Clock) -> None:
    """Ask Slack what is due. Two at once are harmless: one of them does nothing."""
    outbox.promise_uninspected(clock())
    if not settings.SLACK_BOT_TOKEN:
        return
    workspace, now = standing(), clock()
    due = any(is_over(at, workspace.planned_at, now) for at in (workspace.identify_at, workspace.page_at))
    if not due and not guarantee.unsettled(now).exists():
        return
    turn = take_turn(workspace, clock)
    if turn is None:
        return
    try:
        all(step(turn) for step in STEPS)  # until one says that Slack is not to be asked more now
    finally:
        turn.write(lease_until=None)
