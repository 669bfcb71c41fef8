"""Whose turn it is to ask Slack: one process at a time, and what it was told is written by no other."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from notifications.models import Workspace
from notifications.refusals import PASSING, RATE_LIMITED
from notifications.slack import Reply, Verdict
from notifications.workspace.cache import token_mark

LEASE = timedelta(minutes=3)
"""Longer than every call of a turn, were each to take its ten seconds."""
LATER = timedelta(seconds=30)
"""When Slack has trouble and does not say for how long."""
FURTHEST = timedelta(hours=2)
"""No instant that we store lies further ahead; one that does is from before the clock was set back, and has passed."""

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Turn:
    """The workspace's row, ours to write until the lease ends."""

    workspace: Workspace
    clock: Clock
    now: datetime

    def is_due(self, instant: datetime | None) -> bool:
        return has_passed(instant, self.now)

    def write(self, **changes: Any) -> bool:
        """False when the lease was lost."""
        for name, value in changes.items():
            setattr(self.workspace, name, value)
        ours = Workspace.objects.filter(pk=self.workspace.pk, token=self.workspace.token)
        return bool(ours.update(**changes))

    def after(self, reply: Reply) -> datetime:
        """When to ask again what got this reply."""
        return self.clock() + (reply.retry_after or LATER)


def has_passed(instant: datetime | None, now: datetime) -> bool:
    return instant is None or not now < instant <= now + FURTHEST


def may_pass(reply: Reply) -> bool:
    """Whether Slack may do another time what it did not do now, without anybody mending anything."""
    passing = reply.code in RATE_LIMITED | PASSING | {"connection_error"} or reply.code.startswith("http_")
    return passing or reply.verdict is Verdict.UNCERTAIN


def standing() -> Workspace:
    """The workspace's row, ready for the token that is set."""
    workspace, _made = Workspace.objects.get_or_create(pk=Workspace.THE_ONE)
    if workspace.token_mark != token_mark():  # nothing that was said to the old one holds
        instants = dict.fromkeys(("identify_at", "page_at", "inspect_at", "began_at", "refreshed_at"))
        said: dict[str, Any] = {"scopes": [], "error": "", "refresh_error": "", "cursor": "", "token": ""}
        Workspace.objects.filter(pk=workspace.pk).update(token_mark=token_mark(), **instants, **said)
        workspace.refresh_from_db()
    return workspace


def take_turn(workspace: Workspace, clock: Clock) -> Turn | None:
    """None while another has it."""
    now, token = clock(), secrets.token_hex(16)
    free = Q(lease_until=None) | Q(lease_until__lte=now) | Q(lease_until__gt=now + LEASE)
    if not Workspace.objects.filter(free, pk=workspace.pk).update(lease_until=now + LEASE, token=token):
        return None
    return Turn(Workspace.objects.get(pk=workspace.pk), clock, now)
