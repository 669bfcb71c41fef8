"""Messages that live: what told of a failure is brought up to date when somebody takes care of it and when it is over.

An edit is a column of the delivery. It is due until Slack has it or refuses it for good, also while the channel does not
listen or takes no message. Nobody is notified of one, so nothing is told by an edit alone that somebody has to know.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import QuerySet

from monitors.models import Incident
from notifications.instants import ahead, is_ahead
from notifications.models import TOLD_STATES, Delivery, State
from notifications.outbox.claiming import TELLING

ACKNOWLEDGED_LATELY = timedelta(hours=1)
"""Whoever took care earlier is shown by the next edit that there is another reason for."""
SHOWN_LATE = timedelta(days=7)
"""What was told longer ago is not brought up to date in a channel that listens again."""
MARGIN = timedelta(seconds=1)
"""A message written so soon after the acknowledgement may not have seen it: it was not committed yet, or the clocks of
two machines differ."""


def show_change(incident_ids: Collection[int], now: datetime) -> None:
    """Let the messages that told of these outages say what has become of them, such as that they are over; one that may
    not have arrived, as soon as it has."""
    if incident_ids:
        _telling(incident_ids).update(edit_due_at=now)


def drop_old(channel_ids: Collection[str], now: datetime) -> None:
    """Leave old messages of these channels, which listen again, as they are: nobody looks at them any more."""
    old = Delivery.objects.filter(channel__in=channel_ids, kind__in=TELLING, created_at__lt=now - SHOWN_LATE)
    old.filter(state=State.SENT, edit_due_at__isnull=False).update(edit_due_at=None)


def show_acknowledged(now: datetime) -> None:
    """Let the messages that told of an outage say who takes care of it, whoever noted it and wherever.

    One statement when nobody has acknowledged anything lately.
    """
    lately = Incident.objects.filter(acknowledged_at__gt=now - ACKNOWLEDGED_LATELY)
    lately = lately.exclude(ahead("acknowledged_at", now))
    seen_from = {pk: at + MARGIN for pk, at in lately.values_list("pk", "acknowledged_at") if at}
    if not seen_from:
        return
    rows = _telling(seen_from).filter(edit_due_at=None).values_list("pk", "incident_id", "edited_at")
    for pk, incident_id, edited_at in rows:
        if edited_at is not None and (edited_at < seen_from[incident_id or 0] or is_ahead(edited_at, now)):
            Delivery.objects.filter(pk=pk, edit_due_at=None).update(edit_due_at=seen_from[incident_id or 0])


def _telling(incident_ids: Collection[int]) -> QuerySet[Delivery]:
    """What told of these outages and is, or may come to be, where it can be edited; a webhook's cannot."""
    told = Delivery.objects.filter(incident_id__in=incident_ids, kind__in=TELLING, state__in=TOLD_STATES)
    return told.exclude(state=State.SENT, slack_ts="")
