"""Who sends what, and when: one attempt at a time for each channel, at its pace, in order.

A claim is written down before anything is sent. It ends with its lease; what had been claimed to be sent by then may
have arrived.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto

from django.db.models import F, Min, QuerySet

from monitors import audit
from monitors.audit import Act, Item, Subject
from monitors.transactions import retried_atomic
from notifications import transports
from notifications.audibility import Facts, Topic, may_tell
from notifications.instants import SKEW, is_ahead, is_over, no_later, over
from notifications.models import (
    ENDING,
    OF_STORM,
    OPEN_STATES,
    TELLING,
    Channel,
    Delivery,
    Guarantee,
    Kind,
    SkipReason,
    State,
)
from notifications.outbox.facts import facts_of
from notifications.outbox.ordering import Matter, places
from notifications.transports.base import Capabilities

SETTLED_WITHIN = timedelta(seconds=20)
"""To begin an attempt, and to write down what became of it."""
STARTS_WITHIN = timedelta(seconds=5)
"""Whoever has not begun to send so long after the claim does not begin: the process was stopped, and its lease may be
another's by now."""
MOST_AT_ONCE = 24
"""Messages in flight, of all channels; three quarters of the threads of the worker that also runs the ticks."""
MOST_IN_TROUBLE = 8
"""Of these, to channels where a message has been tried in vain: the others keep places even when each of them hangs."""
HOLDS_UP_FOR = timedelta(minutes=1)
"""Once others wait for it, a message that may have arrived waits no longer than this for its next attempt."""
NOBODY_LISTENS = may_tell(Facts(Topic.FAILURE, enabled=False)).reason
CONSIDERED = 200
"""Open deliveries of a channel looked at for the next one to send."""


class Purpose(Enum):
    POST = auto()
    LOOK = auto()
    """Is the message there? The answer to the attempt was lost."""
    EDIT = auto()
    """Bring the message up to date."""


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Of the clock that nobody sets, and of the one that goes on while the machine is suspended."""

    monotonic: float = field(default_factory=time.monotonic)
    wall: float = field(default_factory=time.time)

    @property
    def seconds(self) -> float:
        return max(time.monotonic() - self.monotonic, time.time() - self.wall)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A claimed delivery: ours until the lease ends, as long as the row still has our token."""

    delivery: Delivery
    channel: Channel
    purpose: Purpose
    stopwatch: Stopwatch
    """Started before the claim."""
    at: datetime
    """When it was claimed. The message says what is so then, or later."""

    def may_send(self) -> bool:
        """Not so long after the claim that the lease may be another's by now, nor when the row says that it is."""
        ours = Delivery.objects.filter(pk=self.delivery.pk, token=self.delivery.token, lease_until__isnull=False)
        return self.stopwatch.seconds <= STARTS_WITHIN.total_seconds() and ours.exists()


class BusyError(Exception):
    """The channel takes no message now, but after `wait`."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(wait)
        self.wait = wait


def due_channels(now: datetime) -> list[str]:
    """The channels that have something to send now, whoever has waited longest first; so many that a Slack which hangs
    does not take every thread of the worker, and fewer of those in trouble, so that they do not delay the others."""
    due = Delivery.objects.filter(over("next_attempt_at", now), state__in=OPEN_STATES, channel__isnull=False)
    by_wait = due.values_list("channel_id", flat=True).annotate(waiting=Min("next_attempt_at")).order_by("waiting")
    ids, editing = list(by_wait), list(_edits(now).order_by().values_list("channel_id", flat=True).distinct())
    if not ids and not editing:  # as it is nearly every second
        return []
    known = Channel.objects.in_bulk()
    paced = {pk for pk, channel in known.items() if not _takes_messages(channel, now)}
    edited = {pk for pk, channel in known.items() if _takes_edits(channel)}
    _forget_edits([id_ for id_ in editing if id_ in known and not can_edit(known[id_])])
    sending = _in_flight(known, now)
    in_trouble = _tried_in_vain()
    wanting = dict.fromkeys([*(id_ for id_ in ids if id_ not in paced), *(id_ for id_ in editing if id_ in edited)])
    waiting = [id_ for id_ in wanting if id_ not in sending]
    troubled = [id_ for id_ in waiting if id_ in in_trouble][: max(0, MOST_IN_TROUBLE - len(sending & in_trouble))]
    placed = [id_ for id_ in waiting if id_ not in in_trouble or id_ in troubled]
    return placed[: max(0, MOST_AT_ONCE - len(sending))]


def _tried_in_vain() -> set[str | None]:
    """Channels with a message that an attempt did not bring there."""
    tried = Delivery.objects.filter(state__in=OPEN_STATES, attempts__gt=0).exclude(state=State.SENDING, attempts=1)
    return set(tried.values_list("channel_id", flat=True).distinct())


def _takes_messages(channel: Channel, now: datetime) -> bool:
    return is_over(channel.next_send_at, channel.planned_at, now)


def _takes_edits(channel: Channel) -> bool:
    """What is to be edited in another stays so, until the channel listens or takes messages again."""
    return channel.enabled and can_edit(channel) and not transports.is_cut_off(channel)


def can_edit(channel: Channel) -> bool:
    return transports.of(channel).capabilities.edit


def _forget_edits(channel_ids: Sequence[str | None]) -> None:
    """Whoever lets messages be edited does not ask of each whether its medium can."""
    if channel_ids:
        Delivery.objects.filter(channel__in=channel_ids, state=State.SENT).update(edit_due_at=None)


def lease_of(channel: Channel | None) -> timedelta:
    """Longer than an attempt and all that belongs to it; of a channel that is deleted, than the usual one."""
    capabilities = transports.of(channel).capabilities if channel else Capabilities()
    return timedelta(seconds=capabilities.deadline) + SETTLED_WITHIN


def pace_of(channel: Channel) -> timedelta:
    return timedelta(seconds=transports.of(channel).capabilities.pace)


def _in_flight(known: Mapping[str, Channel], now: datetime) -> set[str | None]:
    """Channels for which somebody holds a lease, as far as it is not by a clock ahead of ours."""
    leases = Delivery.objects.filter(lease_until__gt=now).values_list("channel_id", "lease_until")
    longest = {id_: now + lease_of(known.get(id_ or "")) for id_, _ in leases}
    return {id_ for id_, until in leases if not is_ahead(until, longest[id_])}


def _is_in_hand(channel_id: str, lease: timedelta, now: datetime) -> bool:
    """A lease that a clock ahead of ours has given begins anew: whoever has it may be sending."""
    leased = Delivery.objects.filter(channel=channel_id, lease_until__gt=now)
    leases = list(leased.values_list("lease_until", flat=True))
    if any(is_ahead(until, now + lease) for until in leases):
        leased.update(lease_until=now + lease)
    return bool(leases)


def _edits(now: datetime) -> QuerySet[Delivery]:
    """Messages that no longer say the truth."""
    asked = Delivery.objects.filter(over("edit_due_at", now), state=State.SENT, edit_due_at__isnull=False)
    return asked.exclude(remote_id="")


@retried_atomic
def claim(channel_id: str, now: datetime) -> Attempt | None:
    """Take what is to be done next for the channel: the next message if the pace allows one, or an edit, which has a
    limit of its own. The channel's row is the lock: one claim at a time."""
    stopwatch = Stopwatch()
    open_ones = Delivery.objects.filter(channel=channel_id, state__in=OPEN_STATES).order_by("id")
    channel = Channel.objects.select_for_update().filter(pk=channel_id).first()
    if _is_in_hand(channel_id, lease_of(channel), now):  # a channel that hangs takes one thread, not one a second
        return None
    if channel is None:
        open_ones.update(state=State.SKIPPED, reason=NOBODY_LISTENS)
        return None
    looks = can_look(channel)
    if not channel.enabled:
        unwanted = open_ones.exclude(kind=Kind.TEST)
        if looks:  # what may be there is looked for all the same
            unwanted = unwanted.filter(state=State.PENDING)
        unwanted.update(state=State.SKIPPED, reason=NOBODY_LISTENS)
    considered = open_ones.select_related("storm")[:CONSIDERED] if _takes_messages(channel, now) else ()
    if (delivery := _next(list(considered), looks, now)) is not None:
        return _take(delivery, channel, stopwatch, now, looks=looks)
    if not _takes_edits(channel):
        return None
    edit = _edits(now).filter(channel=channel_id).order_by("edit_due_at", "id").first()
    return None if edit is None else _take_edit(edit, channel, stopwatch, now)


@retried_atomic
def claim_test(channel_id: str, now: datetime) -> Attempt:
    """Take the test of the channel that is open, or a new one. Even of a channel that is disabled: whether it works is
    best known before it is enabled."""
    stopwatch = Stopwatch()
    channel = Channel.objects.select_for_update().get(pk=channel_id)
    if not _takes_messages(channel, now):
        raise BusyError((channel.next_send_at or now) - now)
    if _is_in_hand(channel_id, lease_of(channel), now):
        raise BusyError(pace_of(channel))
    tests = Delivery.objects.filter(channel=channel_id, kind=Kind.TEST, state__in=OPEN_STATES)
    test = tests.order_by("id").first() or new_test(channel_id, now)
    audit.record(Act.TESTED, Subject.CHANNEL, [Item(channel.pk, str(channel), {})], at=now)
    return _take(test, channel, stopwatch, now, looks=False)  # whoever asks again wants to see one


def new_test(channel_id: str, now: datetime) -> Delivery:
    """Not stored yet."""
    key = f"test:{uuid.uuid4()}"
    return Delivery(kind=Kind.TEST, channel_id=channel_id, key=key, created_at=now, next_attempt_at=now)


def _take(delivery: Delivery, channel: Channel, stopwatch: Stopwatch, now: datetime, *, looks: bool) -> Attempt:
    if delivery.state == State.SENDING:  # its lease ran out: whoever had it may have sent it, until this moment
        delivery.state, delivery.attempt_ended_at, delivery.looks = State.UNCERTAIN, _ended_by(delivery, now), 0
    delivery.token = secrets.token_hex(16)
    delivery.lease_until = delivery.next_attempt_at = now + lease_of(channel)
    delivery.planned_at = now
    delivery.attempt_ended_at = no_later(delivery.attempt_ended_at, now)
    purpose = Purpose.LOOK if delivery.state == State.UNCERTAIN and looks else Purpose.POST
    if purpose is Purpose.POST:
        delivery.possible_repeat |= delivery.state == State.UNCERTAIN
        delivery.state = State.SENDING
        threads = transports.of(channel).capabilities.thread
        if threads and delivery.attempts == 0 and delivery.kind in (*ENDING, Kind.STORM_END):
            delivery.thread_id = _thread_of(delivery)
        if delivery.first_attempt_at is None and (looks or can_look(channel)):
            delivery.after_id = delivery.after_id or _latest_id(channel)
        delivery.attempts += 1
        delivery.first_attempt_at = no_later(delivery.first_attempt_at, now) or now
        delivery.edit_due_at = None
        hold_back(channel.pk, now + pace_of(channel), now)
    delivery.save()
    return Attempt(delivery, channel, purpose, stopwatch, now)


def _ended_by(delivery: Delivery, now: datetime) -> datetime:
    """When the attempt that was not settled had ended. A lease that seems to be over for long says nothing: the clock
    may have been set forward, and the attempt be under way."""
    lease = delivery.lease_until
    if lease is None or lease + SKEW < now:
        return now
    return lease - SETTLED_WITHIN + STARTS_WITHIN


def _take_edit(delivery: Delivery, channel: Channel, stopwatch: Stopwatch, now: datetime) -> Attempt:
    """Should the edit come to nothing, it is due again when the lease ends."""
    delivery.token = secrets.token_hex(16)
    delivery.lease_until = delivery.edit_due_at = now + lease_of(channel)
    delivery.planned_at = now
    delivery.save(update_fields=["token", "lease_until", "edit_due_at", "planned_at"])
    return Attempt(delivery, channel, Purpose.EDIT, stopwatch, now)


def can_look(channel: Channel) -> bool:
    """Whether a message whose answer was lost can be looked for. What was never checked is tried."""
    return transports.of(channel).capabilities.look_up and channel.guarantee != Guarantee.AT_LEAST_ONCE


def _latest_id(channel: Channel) -> str:
    """The medium's own word for what was in the channel before: whatever is sent next is younger."""
    sent = Delivery.objects.filter(channel=channel.pk, state=State.SENT).exclude(remote_id="")
    return sent.order_by("-id").values_list("remote_id", flat=True).first() or ""


def _thread_of(delivery: Delivery) -> str:
    """The message that told of what has ended, in whose thread its end belongs."""
    to_channel = Delivery.objects.filter(channel=delivery.channel_id)
    if delivery.kind == Kind.STORM_END:
        telling = to_channel.filter(storm=delivery.storm_id, kind=Kind.STORM)
    else:
        telling = to_channel.filter(incident_id=delivery.incident_id, kind__in=TELLING)
    return telling.exclude(remote_id="").order_by("-id").values_list("remote_id", flat=True).first() or ""


def _next(candidates: Sequence[Delivery], looks: bool, now: datetime) -> Delivery | None:
    """The oldest that is due and may go before all that is older; or what that waits for. `looks`: see `can_look`."""
    open_ones: dict[Matter, Delivery] = {}
    for delivery, place in places(candidates):
        older = next((open_ones[matter] for matter in place.follows if matter in open_ones), None)
        is_due = is_over(delivery.next_attempt_at, delivery.planned_at, now)
        if is_due and (older is None or _holds_up(older, looks, now)):
            chosen = older or delivery
            if not (reason := _reason_to_skip(chosen, looks)):
                return chosen
            _skip(chosen, reason)
        if delivery.state in OPEN_STATES:
            for matter in place.tells:
                open_ones.setdefault(matter, delivery)
    return None


def _holds_up(delivery: Delivery, looks: bool, now: datetime) -> bool:
    """Whether it has held others back for long enough: where nothing can be looked for, ever longer pauses keep the
    repeats few, but not at the price of newer news."""
    ended_at = delivery.attempt_ended_at
    return not looks and delivery.state == State.UNCERTAIN and ended_at is not None and now - ended_at >= HOLDS_UP_FOR


def _reason_to_skip(delivery: Delivery, looks: bool) -> str:
    """Why what was worth telling is so no longer. What Slack may have already is carried through to the end, where it
    can be looked for; elsewhere its end may tell of it, as what may be a repeat."""
    if delivery.kind in OF_STORM:
        return _reason_to_skip_of_storm(delivery, looks)
    if reason := may_tell(facts_of(delivery)).reason:
        return reason
    if delivery.kind in TELLING and not (looks and _may_be_there(delivery)):
        return SkipReason.ABSORBED if _tell_late(delivery) else ""
    return ""


def _may_be_there(delivery: Delivery) -> bool:
    """Slack may have posted it."""
    return delivery.state != State.PENDING or delivery.possible_repeat


def _reason_to_skip_of_storm(delivery: Delivery, looks: bool) -> str:
    """The end of a storm tells of all of it, when the channel has not heard of it or Slack has refused to say so."""
    of_storm = Delivery.objects.filter(storm=delivery.storm_id)
    if delivery.kind != Kind.STORM_END:
        end = of_storm.filter(kind=Kind.STORM_END, state=State.PENDING, attempts=0).first()
        if end is None or (looks and _may_be_there(delivery)):
            return ""
        if delivery.kind == Kind.STORM:
            _mark_late(end, _may_be_there(delivery))
        return SkipReason.ABSORBED
    reason = may_tell(facts_of(delivery)).reason
    opening = of_storm.filter(kind=Kind.STORM).first()
    if opening and opening.state == State.FAILED and not delivery.facts.get("late"):
        _mark_late(delivery, opening.possible_repeat)
    return reason


def _mark_late(ending: Delivery, possible_repeat: bool) -> None:
    """Let it tell of the beginning too, which may have been told already."""
    ending.facts = {**ending.facts, "late": True}
    ending.possible_repeat |= possible_repeat
    ending.save(update_fields=["facts", "possible_repeat"])


def _tell_late(failure: Delivery) -> bool:
    """Let the end of an outage tell of the outage too, when both are still to be told."""
    open_ones = Delivery.objects.filter(channel=failure.channel_id, state=State.PENDING, attempts=0)
    ending = open_ones.filter(incident_id=failure.incident_id, kind__in=ENDING).order_by("id").first()
    if ending is None:
        return False
    earlier = Delivery.objects.filter(channel=failure.channel_id, incident_id=failure.incident_id, kind__in=TELLING)
    if not earlier.filter(state=State.SENT).exists():  # such as before the notification was switched off and on
        _mark_late(ending, _may_be_there(failure))
    return True


def _skip(delivery: Delivery, reason: str) -> None:
    delivery.state, delivery.reason, delivery.edit_due_at = State.SKIPPED, reason, None
    delivery.save(update_fields=["state", "reason", "edit_due_at"])


def hold_back(channel_id: str, until: datetime, now: datetime) -> None:
    """Let the channel take no message before `until`."""
    _plan(Channel.objects.filter(pk=channel_id), until, now)


def take_turn(channel_id: str, now: datetime) -> bool:
    """Whether a message that is no delivery may be sent now; then no other may at the channel's pace. False for a
    channel that is not ours."""
    channel = Channel.objects.filter(pk=channel_id).first()
    free = Channel.objects.filter(over("next_send_at", now), pk=channel_id)
    return channel is not None and _plan(free, now + pace_of(channel), now)


def _plan(channels: QuerySet[Channel], until: datetime, now: datetime) -> bool:
    return bool(channels.update(next_send_at=until, planned_at=now, updated_at=F("updated_at")))
