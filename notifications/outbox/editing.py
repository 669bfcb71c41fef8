"""Messages that live: what told of a failure is brought up to date when somebody takes care of it and when it is over.

An edit is a column of the delivery. It is due until Slack has it or refuses it for good, also while the channel does
not listen or takes no message. Nobody is notified of one: what somebody has to know is told by a message of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import QuerySet

from monitors.models import Incident
from notifications.instants import ahead, is_ahead
from notifications.models import TELLING, TOLD_STATES, Delivery, State

ACKNOWLEDGED_LATELY = timedelta(hours=1)
"""Whoever took care earlier is shown by the next edit that there is another reason for."""
SHOWN_LATE = timedelta(days=7)
MOST_SHOWN_LATE = 500
"""Messages that a channel which listens again has brought up to date; older ones nobody looks at any more."""
MARGIN = timedelta(seconds=1)
"""A message written so soon after the acknowledgement may not have seen it: it was not committed yet, or the clocks of
two machines differ."""


def show_change(incident_ids: Collection[int], now: datetime) -> None:
    """Let the messages that told of these outages say what has become of them, such as that they are over; one that may
    not have arrived, as soon as it has."""
    if incident_ids:
        _telling(incident_ids).update(edit_due_at=now)


def wake(channel_ids: Collection[str], now: datetime) -> None:
    """Let the messages of these channels, which listen or take messages again, say what has happened meanwhile."""
    due = Delivery.objects.filter(channel__in=channel_ids, state=State.SENT, edit_due_at__isnull=False)
    if not due.exists():
        return
    telling = due.filter(kind__in=TELLING)
    latest = telling.filter(created_at__gt=now - SHOWN_LATE).order_by("-id").values_list("pk", flat=True)
    telling.exclude(pk__in=list(latest[:MOST_SHOWN_LATE])).update(edit_due_at=None)
    due.update(edit_due_at=now, planned_at=now)


def show_acknowledged(now: datetime) -> None:
    """Let the messages that told of an outage say who takes care of it, whoever noted it and wherever.

    One statement when nobody has acknowledged anything lately.
    """
    lately = Incident.objects.filter(acknowledged_at__gt=now - ACKNOWLEDGED_LATELY)
    lately = lately.exclude(ahead("acknowledged_at", now))
    seen_from = {pk: at + MARGIN for pk, at in lately.values_list("pk", "acknowledged_at") if at}
    if not seen_from:
        return
    told = _telling(seen_from).filter(edit_due_at=None, error="")  # and Slack has not refused an edit for good
    rows = told.values_list("pk", "incident_id", "edited_at")
    for pk, incident_id, edited_at in rows:
        if edited_at is not None and (edited_at < seen_from[incident_id or 0] or is_ahead(edited_at, now)):
            unasked = Delivery.objects.filter(pk=pk, edit_due_at=None)
            unasked.update(edit_due_at=seen_from[incident_id or 0], planned_at=now)


def _telling(incident_ids: Collection[int]) -> QuerySet[Delivery]:
    """What told of these outages and is, or may come to be, where it can be edited; a webhook's cannot."""
    told = Delivery.objects.filter(incident_id__in=incident_ids, kind__in=TELLING, state__in=TOLD_STATES)
    return told.exclude(state=State.SENT, remote_id="")
