"""Deliveries that people ask for: a test, and another try."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from monitors import audit
from monitors.audit import Act, Item, Subject
from monitors.models import Incident
from monitors.transactions import retried_atomic
from notifications.audibility import may_tell
from notifications.models import Channel, Delivery, Kind, State
from notifications.outbox import counting
from notifications.outbox.claiming import new_test
from notifications.outbox.counting import Counted
from notifications.outbox.facts import facts_of

TRIED_AGAIN = (State.FAILED, State.SKIPPED, State.UNCERTAIN)


def request_test(channel_id: str, now: datetime) -> Delivery:
    """A test message for the channel, to be sent by `sending.deliver` like any other."""
    delivery = new_test(channel_id, now)
    delivery.save(force_insert=True)
    return delivery


class NotResentError(Exception):
    """Nothing would come of sending it again. `code` is one of those below, or the SkipReason for which it would be
    skipped all the same."""

    ARRIVED, ON_ITS_WAY, NOT_KEPT = "arrived", "on_its_way", "not_kept"
    NO_RECEIVER, NOT_LISTENING = "no_receiver", "not_listening"

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@retried_atomic
def resend(delivery_id: int, now: datetime) -> None:
    """Try a failed or skipped delivery again, or an uncertain one at once. Raises NotResentError where it would not be
    sent all the same, and Delivery.DoesNotExist."""
    delivery = Delivery.objects.select_for_update().get(pk=delivery_id)
    if code := _reason_not_to_resend(delivery):
        raise NotResentError(code)
    items = [Item(delivery.pk, _subject_of(delivery), {"state": (delivery.state, State.PENDING)})]
    audit.record(Act.RESENT, Subject.DELIVERY, items, at=now)
    again = Delivery.objects.filter(pk=delivery_id)
    if delivery.state == State.UNCERTAIN:  # it may be there: looked for first where that can be done
        again.update(next_attempt_at=now)
    else:
        if delivery.state == State.FAILED:
            counting.add(Counted.FAILED)  # which its row no longer tells
        again.update(state=State.PENDING, reason="", error="", next_attempt_at=now)


def _subject_of(delivery: Delivery) -> str:
    """What the message is about, in a word or two."""
    transition = delivery.transition if delivery.transition_id else None
    return f"{delivery.kind} {transition.host_name if transition else delivery.key}"


def _reason_not_to_resend(delivery: Delivery) -> str:
    if delivery.state == State.SENT:
        return NotResentError.ARRIVED
    if delivery.state not in TRIED_AGAIN:
        return NotResentError.ON_ITS_WAY
    channel = Channel.objects.filter(pk=delivery.channel_id or "").first()
    listens = channel is not None and (channel.enabled or delivery.kind == Kind.TEST)
    answer = may_tell(replace(facts_of(delivery), receiver=delivery.channel_id is not None, enabled=listens))
    if not listens:
        return NotResentError.NO_RECEIVER if delivery.channel_id is None else NotResentError.NOT_LISTENING
    if delivery.incident_id is not None and not Incident.objects.filter(pk=delivery.incident_id).exists():
        return NotResentError.NOT_KEPT
    return "" if delivery.state == State.UNCERTAIN else answer.reason
