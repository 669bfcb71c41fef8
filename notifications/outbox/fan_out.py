"""From transitions to deliveries: who is to be told of what."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta

from django.db.models import QuerySet

from monitors.models import Incident, Outage, Reason, StatusTransition
from monitors.transactions import retried_atomic
from notifications.audibility import Decision, Facts, Topic, may_tell
from notifications.models import OPEN_STATES, TELLING, TOLD_STATES, Channel, Delivery, Kind, SkipReason, State
from notifications.outbox import grouping
from notifications.outbox.editing import show_change
from notifications.outbox.grouping import News

logger = logging.getLogger(__name__)

MOST = 500
"""Transitions handed over by one transaction."""
NEWS_LASTS = timedelta(hours=1)
"""An outage whose transition is older than this when it is first looked at, and that is over by then, is no news; it is
summed up with the others of its kind. One that goes on is told as such."""
Told = dict[int, dict[str | None, Delivery]]
"""For each incident, by channel, the latest delivery that told of it as down."""


def fan_out_news(now: datetime) -> int:
    """Make the deliveries of every transition that is not handed over yet. Returns how many transitions were."""
    return sum(fan_out_in_parts(lambda: now))


def fan_out_in_parts(clock: Callable[[], datetime]) -> Iterator[int]:
    """The same, a part at a time: when ten thousand servers fail at once, the message that says so is made of the first
    part and need not wait for the last."""
    count = MOST
    while count == MOST:
        now = clock()
        count = _fan_out_some(now) if _waiting().exists() else 0  # most ticks find nothing, and lock nothing
        if count < MOST:  # earlier, a storm could seem to be over of which more is to come
            grouping.go_on(now)
        yield count


def _waiting() -> QuerySet[StatusTransition]:
    return StatusTransition.objects.filter(handed_over_at=None).order_by("id")


@retried_atomic
def _fan_out_some(now: datetime) -> int:
    """The mark and the deliveries commit together. The mark is a column of each transition: ids commit out of order, so
    the highest one seen says nothing about the lower ones.

    The channels are locked first: one that begins to listen meanwhile has told itself of what was down before us, or
    waits and does so after us.
    """
    locked = Channel.objects.select_for_update()
    channels = [channel for channel in locked.order_by("pk") if channel.enabled]
    transitions = list(_waiting().select_for_update()[:MOST])
    told = _told(transitions)
    telling = grouping.told_by_storms(told)
    over = _late_and_over(transitions, now)
    deliveries: list[Delivery] = []
    for transition in transitions:
        made = list(_deliveries(transition, channels, told, telling, over, now))
        deliveries += made
        if transition.incident_id and transition.outage != Outage.ENDED:
            for delivery in made:
                _remember(told, delivery)
    openings = grouping.absorb(list(_news(deliveries)), now)
    grouping.absorb_endings(deliveries, told, telling, now)
    grouping.recount({transition.environment for transition in transitions if transition.outage}, now)
    _say_that_nobody_listens(deliveries)
    deliveries += openings
    deliveries += _summaries(deliveries, channels, now)
    Delivery.objects.bulk_create(deliveries, ignore_conflicts=True)
    changed = [t.incident_id for t in transitions if t.incident_id and (t.outage == Outage.ENDED or _moved(t))]
    show_change(changed, now)
    StatusTransition.objects.filter(id__in=[t.pk for t in transitions]).update(handed_over_at=now)
    return len(transitions)


def _told(transitions: Sequence[StatusTransition]) -> Told:
    known = [t.incident_id for t in transitions if t.outage]
    told: Told = defaultdict(dict)
    telling = Delivery.objects.filter(incident_id__in=known, kind__in=TELLING)
    for delivery in telling.order_by("id"):
        _remember(told, delivery)
    return told


def _late_and_over(transitions: Sequence[StatusTransition], now: datetime) -> set[int | None]:
    """The outages whose news came too late to be told: each of them has ended."""
    late = [t.incident_id for t in transitions if t.incident_id and t.outage and _is_late(t, now)]
    return set(Incident.objects.filter(pk__in=late, ended_at__isnull=False).values_list("pk", flat=True))


def _is_late(transition: StatusTransition, now: datetime) -> bool:
    return now - transition.at > NEWS_LASTS


def _remember(told: Told, delivery: Delivery) -> None:
    """What was skipped later does not undo what was told before, by a message of its own or by a storm's."""
    by_channel = told[delivery.incident_id or 0]
    earlier = by_channel.get(delivery.channel_id)
    is_told = earlier is not None and (earlier.state != State.SKIPPED or earlier.storm_id is not None)
    if not is_told or delivery.state != State.SKIPPED or delivery.storm_id is not None:
        by_channel[delivery.channel_id] = delivery


def _deliveries(
    transition: StatusTransition,
    channels: Sequence[Channel],
    told: Told,
    telling: Collection[int],
    over: Collection[int | None],
    now: datetime,
) -> Iterator[Delivery]:
    if not transition.outage:
        return
    before = told[transition.incident_id or 0]
    if transition.outage == Outage.ENDED:
        for channel_id, earlier in before.items():
            yield _ending(transition, channel_id, earlier, now)
        return
    late = _is_late(transition, now)
    expired = late and transition.incident_id in over
    kind = Kind.FAILURE if transition.outage == Outage.BEGAN and (expired or not late) else Kind.ONGOING
    wanting = [channel for channel in channels if channel.wants(transition.environment)]
    if not wanting:
        yield _delivery(transition, kind, None, now, Facts(Topic.FAILURE, receiver=False))
    for channel in wanting:
        known = _knows(before.get(channel.pk), transition, telling)
        facts = Facts(Topic.FAILURE, notification=transition.notification, expired=expired, known=known)
        yield _delivery(transition, kind, channel.pk, now, facts)


def _knows(earlier: Delivery | None, transition: StatusTransition, telling: Collection[int]) -> bool:
    """Whether the channel has heard of the outage by `earlier`, or is about to. Where somebody switches the
    notification on, it hears once more that the outage goes on."""
    if earlier is None:
        return False
    if earlier.storm_id in telling:
        return True
    return earlier.state in (OPEN_STATES if transition.reason == Reason.NOTIFICATION_ON else TOLD_STATES)


def _moved(transition: StatusTransition) -> bool:
    """Whether a server that is down has gone to another environment, as its messages show."""
    return bool(transition.outage == Outage.ONGOING and transition.reason == Reason.EDITED)


def _news(deliveries: Sequence[Delivery]) -> Iterator[News]:
    """What a storm may tell instead."""
    for delivery in deliveries:
        transition = delivery.transition
        if delivery.kind in TELLING and delivery.state == State.PENDING and delivery.channel_id and transition:
            yield News(delivery, transition.environment, transition.server_id, transition.at)


def _ending(transition: StatusTransition, channel_id: str | None, earlier: Delivery, now: datetime) -> Delivery:
    """However late, and even if the notification was switched off in between."""
    kind = Kind.RECOVERY if transition.reason == Reason.OUTCOMES else Kind.ENDED
    untold = earlier.reason if earlier.state == State.SKIPPED else ""
    return _delivery(transition, kind, channel_id, now, Facts(Topic.END, untold=untold))


def _delivery(
    transition: StatusTransition, kind: Kind, channel_id: str | None, now: datetime, facts: Facts
) -> Delivery:
    answer = may_tell(facts)
    return Delivery(
        kind=kind,
        channel_id=channel_id,
        key=f"t:{transition.pk}",
        transition=transition,
        incident_id=transition.incident_id,
        state=State.SKIPPED if answer.decision is Decision.SKIP else State.PENDING,
        reason=answer.reason,
        created_at=now,
        next_attempt_at=now,
    )


def _summaries(deliveries: Sequence[Delivery], channels: Sequence[Channel], now: datetime) -> Iterator[Delivery]:
    """One message for each channel that sums up the news which came too late."""
    enabled = {channel.pk for channel in channels}
    expired: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        late = delivery.transition is not None and _is_late(delivery.transition, now)
        if late and delivery.reason == SkipReason.EXPIRED and delivery.channel_id in enabled:
            expired[delivery.channel_id].append(delivery)
    for channel_id, missed in expired.items():
        instants = [delivery.transition.at for delivery in missed if delivery.transition]
        yield Delivery(
            kind=Kind.EXPIRED,
            channel_id=channel_id,
            key=f"expired:{missed[0].transition_id}",
            facts={"count": len(missed), "oldest": min(instants).isoformat(), "newest": max(instants).isoformat()},
            created_at=now,
            next_attempt_at=now,
        )


def _say_that_nobody_listens(deliveries: Sequence[Delivery]) -> None:
    """Once, until somebody does: the dashboard says it all the while."""
    if any(delivery.reason == SkipReason.NO_CHANNEL for delivery in deliveries):
        latest = Delivery.objects.exclude(kind=Kind.TEST).order_by("-id").first()
        if latest is None or latest.reason != SkipReason.NO_CHANNEL:
            logger.warning("no channel receives alerts: enable one on the channels page, or nobody is told")
