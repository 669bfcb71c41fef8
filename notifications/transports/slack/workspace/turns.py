"""Whose turn it is to ask Slack: one process at a time, and what it was told is written by no other."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from notifications.instants import ahead, is_ahead, is_over, no_later
from notifications.models import Workspace
from notifications.transports.slack import Reply, Verdict
from notifications.transports.slack.refusals import PASSING, RATE_LIMITED
from notifications.transports.slack.workspace.cache import token_mark

LEASE = timedelta(minutes=3)
"""Longer than every call of a turn, were each to take its ten seconds."""
LATER = timedelta(seconds=30)
"""When Slack has trouble and does not say for how long."""
NOTHING_PLANNED = {"identify_at": None, "page_at": None, "inspect_at": None, "began_at": None, "cursor": ""}

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Turn:
    """The workspace's row, ours to write until the lease ends."""

    workspace: Workspace
    clock: Clock

    @property
    def now(self) -> datetime:
        """A turn takes minutes where Slack is slow: each change has its own instant."""
        return self.clock()

    def is_due(self, instant: datetime | None) -> bool:
        return is_over(instant, self.workspace.planned_at, self.now)

    def write(self, **changes: Any) -> bool:
        """False when the lease was lost."""
        changes["planned_at"] = self.now
        for name, value in changes.items():
            setattr(self.workspace, name, value)
        ours = Workspace.objects.filter(pk=self.workspace.pk, token=self.workspace.token)
        return bool(ours.update(**changes))

    def after(self, reply: Reply) -> datetime:
        """When to ask again what got this reply."""
        return self.now + (reply.retry_after or LATER)


def may_pass(reply: Reply) -> bool:
    """Whether Slack may do another time what it did not do now, without anybody mending anything."""
    passing = reply.code in RATE_LIMITED | PASSING | {"connection_error"} or reply.code.startswith("http_")
    return passing or reply.verdict is Verdict.UNCERTAIN


def standing() -> Workspace:
    """The workspace's row, ready for the token that is set."""
    workspace, _made = Workspace.objects.get_or_create(pk=Workspace.THE_ONE)
    if workspace.token_mark != token_mark():  # nothing that was said to the old one holds
        said: dict[str, Any] = {"scopes": [], "error": "", "refresh_error": "", "token": "", "refreshed_at": None}
        Workspace.objects.filter(pk=workspace.pk).update(token_mark=token_mark(), **said, **NOTHING_PLANNED)
        workspace.refresh_from_db()
    return workspace


def take_turn(workspace: Workspace, clock: Clock) -> Turn | None:
    """None while another has it."""
    now, token = clock(), secrets.token_hex(16)
    free = Q(lease_until=None) | Q(lease_until__lte=now) | ahead("lease_until", now + LEASE)
    changes: dict[str, Any] = {"lease_until": now + LEASE, "token": token, "planned_at": now}
    if is_ahead(workspace.planned_at, now):  # the clock was set back: all is asked again
        changes |= {"refreshed_at": no_later(workspace.refreshed_at, now), **NOTHING_PLANNED}
    if not Workspace.objects.filter(free, pk=workspace.pk).update(**changes):
        return None
    return Turn(Workspace.objects.get(pk=workspace.pk), clock)
