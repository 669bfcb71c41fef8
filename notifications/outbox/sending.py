"""From a delivery to Slack's answer: claim with a lease, send without a transaction, settle.

State first, then I/O, then settle: a process that dies in between leaves a delivery whose lease runs out, and such an
attempt is uncertain, for Slack may have the message.
"""

from __future__ import annotations

import logging
import secrets
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Min, Q, QuerySet

from monitors.models import Server
from monitors.transactions import retried_atomic
from notifications.models import OPEN_STATES, Channel, Delivery, Kind, SkipReason, State
from notifications.outbox.composing import compose
from notifications.refusals import PASSING, RATE_LIMITED
from notifications.slack import Reply, Verdict, post_message, post_webhook

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
"""Longer than twice an attempt's timeout."""
PACE = timedelta(seconds=1)
"""Slack: "generally allows posting one message per second per channel"."""
MOST_AT_ONCE = 16
"""Messages in flight, of all channels; half the threads of the worker that also runs the ticks."""
LONGEST_BACKOFF = timedelta(seconds=60)
UNKNOWN_CODE_ATTEMPTS = 5
"""A refusal that we do not know is tried so often before we give up."""
TRIED_ON = RATE_LIMITED | PASSING | {"connection_error"}
"""Refusals that pass by themselves; tried until they do."""
CONSIDERED = 200
"""Open deliveries of a channel looked at for the next one to send."""

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A claimed delivery: ours until the lease ends, as long as the row still has our token."""

    delivery: Delivery
    channel: Channel
    token: str


class BusyError(Exception):
    """The channel takes no message now, but after `wait`."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(wait)
        self.wait = wait


def due_channels(now: datetime) -> list[str]:
    """The channels that have something to send now, whoever has waited longest first; so many that a Slack which hangs
    does not take every thread of the worker."""
    due = Delivery.objects.filter(state__in=OPEN_STATES, next_attempt_at__lte=now, channel__isnull=False)
    ids = due.values_list("channel_id", flat=True).annotate(waiting=Min("next_attempt_at")).order_by("waiting")
    paced = set(Channel.objects.filter(next_send_at__gt=now).values_list("pk", flat=True))
    sending = set(_in_flight(now).values_list("channel_id", flat=True))
    return [id_ for id_ in ids if id_ not in paced | sending][: max(0, MOST_AT_ONCE - len(sending))]


def _in_flight(now: datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(state=State.SENDING, lease_until__gt=now)


def deliver(channel_id: str, clock: Clock) -> Reply | None:
    """Send the next message of one channel, if there is one and the pace allows it. Two at once are harmless."""
    attempt = claim(channel_id, clock())
    if attempt is None:
        return None
    reply = _send(attempt)
    settle(attempt, reply, clock())
    return reply


@retried_atomic
def claim(channel_id: str, now: datetime) -> Attempt | None:
    """Take the oldest delivery of the channel that may be sent now. The channel's row is the lock: one claim at a time,
    at the channel's pace."""
    open_ones = Delivery.objects.filter(channel=channel_id, state__in=OPEN_STATES).order_by("id")
    channel = Channel.objects.select_for_update().filter(pk=channel_id).first()
    if _in_flight(now).filter(channel=channel_id).exists():  # a channel that hangs takes one thread, not one a second
        return None
    if channel is None or not channel.enabled:
        unwanted = open_ones.exclude(kind=Kind.TEST) if channel else open_ones
        unwanted.update(state=State.SKIPPED, reason=SkipReason.CHANNEL_DISABLED)
    if channel is None or (channel.next_send_at and channel.next_send_at > now):
        return None
    delivery = _next(open_ones[:CONSIDERED], now)
    return None if delivery is None else _take(delivery, channel, now)


def send_test(channel_id: str, clock: Clock) -> tuple[Delivery, Reply]:
    """Send a test message now, ahead of whatever waits, and say what became of it. Blocks until Slack has answered, so
    never call it with a transaction open.

    What Slack did not take is tried again like any other message, and whoever asks for a test meanwhile has that very
    message tried: a test that is asked for again and again while Slack is down is one message, not a hundred. Raises
    BusyError when the channel's pace forbids a message now, and Channel.DoesNotExist.
    """
    attempt = claim_test(channel_id, clock())
    reply = _send(attempt)
    settle(attempt, reply, clock())
    return attempt.delivery, reply


@retried_atomic
def claim_test(channel_id: str, now: datetime) -> Attempt:
    """Take the test of the channel that is open, or a new one. Even of a channel that is disabled: whether it works is
    best known before it is enabled."""
    channel = Channel.objects.select_for_update().get(pk=channel_id)
    if channel.next_send_at and channel.next_send_at > now:
        raise BusyError(channel.next_send_at - now)
    if _in_flight(now).filter(channel=channel_id).exists():
        raise BusyError(PACE)
    tests = Delivery.objects.filter(channel=channel_id, kind=Kind.TEST, state__in=OPEN_STATES)
    return _take(tests.order_by("id").first() or new_test(channel_id, now), channel, now)


def new_test(channel_id: str, now: datetime) -> Delivery:
    """Not stored yet."""
    key = f"test:{uuid.uuid4()}"
    return Delivery(kind=Kind.TEST, channel_id=channel_id, key=key, created_at=now, next_attempt_at=now)


def _take(delivery: Delivery, channel: Channel, now: datetime) -> Attempt:
    if delivery.state == State.SENDING:  # its lease ran out: whoever had it may have sent it
        delivery.possible_repeat = True
    delivery.state = State.SENDING
    delivery.token = secrets.token_hex(16)
    delivery.attempts += 1
    delivery.first_attempt_at = delivery.first_attempt_at or now
    delivery.lease_until = delivery.next_attempt_at = now + LEASE
    delivery.save()
    Channel.objects.filter(pk=channel.pk).update(next_send_at=now + PACE, updated_at=F("updated_at"))
    return Attempt(delivery, channel, delivery.token)


def _next(candidates: Iterable[Delivery], now: datetime) -> Delivery | None:
    """The oldest that is due and about whose incident nothing older is open: a recovery never overtakes its failure."""
    waiting: set[int] = set()
    for delivery in candidates:
        first = delivery.incident_id is None or delivery.incident_id not in waiting
        if first and delivery.next_attempt_at <= now:
            if not (reason := _reason_to_skip(delivery)):
                return delivery
            _skip(delivery, reason)
        elif delivery.incident_id is not None:
            waiting.add(delivery.incident_id)
    return None


def _reason_to_skip(delivery: Delivery) -> str:
    """Why what was worth telling is so no longer. What Slack may have already is carried through to the end."""
    if delivery.kind in (Kind.FAILURE, Kind.ONGOING) and delivery.attempts == 0 and delivery.transition:
        server = Server.objects.filter(pk=delivery.transition.server_id).first()
        if server is None:
            return SkipReason.SERVER_DELETED
        return "" if server.notification else SkipReason.NOTIFICATION_OFF
    if delivery.kind in (Kind.RECOVERY, Kind.ENDED):
        earlier = Delivery.objects.filter(
            channel=delivery.channel_id, incident_id=delivery.incident_id, kind__in=(Kind.FAILURE, Kind.ONGOING)
        )
        skipped = earlier.filter(state=State.SKIPPED).order_by("id").last()
        if skipped and not earlier.exclude(state=State.SKIPPED).exists():
            return skipped.reason
    return ""


def _skip(delivery: Delivery, reason: str) -> None:
    delivery.state, delivery.reason = State.SKIPPED, reason
    delivery.save(update_fields=["state", "reason"])


def _send(attempt: Attempt) -> Reply:
    """One attempt, outside any transaction."""
    message = compose(attempt.delivery, attempt.channel)
    if attempt.channel.hook_url:
        return post_webhook(attempt.channel.hook_url, message)
    if not settings.SLACK_BOT_TOKEN:
        return Reply(Verdict.GIVE_UP, "not_authed")
    metadata = {"event_type": "health_delivery", "event_payload": {"delivery_id": str(attempt.delivery.pk)}}
    return post_message(
        settings.SLACK_BOT_TOKEN,
        attempt.channel.pk,
        message,
        base_url=settings.SLACK_API_URL,
        metadata=metadata,
    )


def settle(attempt: Attempt, reply: Reply, now: datetime) -> bool:
    """Write down what became of the attempt. False when the lease was lost: then it is another's to settle."""
    delivery = attempt.delivery
    changes: dict[str, Any] = {"error": f"{reply.code} {reply.detail}".strip()[:200]}
    verdict = reply.verdict
    if reply.verdict is Verdict.RETRY and reply.code not in TRIED_ON and delivery.attempts >= UNKNOWN_CODE_ATTEMPTS:
        verdict = Verdict.GIVE_UP
    retry_at = now + (reply.retry_after or _backoff(delivery.attempts))
    match verdict:
        case Verdict.SENT:
            told_at = delivery.transition.at if delivery.transition else delivery.created_at
            changes |= {"state": State.SENT, "sent_at": now, "slack_ts": reply.ts, "error": ""}
            changes |= {"seconds": (now - told_at).total_seconds()}
        case Verdict.RETRY:
            changes |= {"state": State.PENDING, "next_attempt_at": retry_at}
        case Verdict.UNCERTAIN:
            changes |= {"state": State.UNCERTAIN, "next_attempt_at": retry_at, "possible_repeat": True}
        case Verdict.GIVE_UP:
            changes |= {"state": State.FAILED, "reason": reply.code[:50]}
    if verdict is Verdict.GIVE_UP:
        logger.error("message refused", extra={"delivery": delivery.pk, "code": reply.code})
    if reply.retry_after and verdict is Verdict.RETRY:  # the limit is the channel's, not the message's
        Channel.objects.filter(pk=attempt.channel.pk).update(next_send_at=retry_at, updated_at=F("updated_at"))
    ours = Q(pk=delivery.pk, state=State.SENDING, token=attempt.token)
    return bool(Delivery.objects.filter(ours).update(lease_until=None, **changes))


def _backoff(attempts: int) -> timedelta:
    """1, 2, 4, ... seconds, at most `LONGEST_BACKOFF`."""
    return min(timedelta(seconds=2 ** min(attempts - 1, 10)), LONGEST_BACKOFF)
