"""From a delivery to Slack's answer: claim with a lease, send without a transaction, settle.

State first, then I/O, then settle: a process that dies in between leaves a delivery whose lease runs out, and such an
attempt is uncertain, for Slack may have the message.
"""

from __future__ import annotations

import logging
import secrets
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models import F, Min, Q, QuerySet

from monitors.models import Incident, Server
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
LONGEST_DOUBT = timedelta(hours=1)
"""Between two attempts of which each may have arrived: whoever answers oddly for a day gets some dozen repeats."""
TRIED_FOR = timedelta(days=1)
"""Whatever is still uncertain then is given up."""
FURTHEST = timedelta(hours=2)
"""No instant that we store lies further ahead; one that does is from before the clock was set back, and has passed."""
SETTLING_SECONDS = 15.0
"""Less than what is left of the lease after an attempt of ten seconds."""
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
    due = Delivery.objects.filter(_passed("next_attempt_at", now), state__in=OPEN_STATES, channel__isnull=False)
    ids = due.values_list("channel_id", flat=True).annotate(waiting=Min("next_attempt_at")).order_by("waiting")
    paced = set(Channel.objects.exclude(_passed("next_send_at", now)).values_list("pk", flat=True))
    sending = set(_in_flight(now).values_list("channel_id", flat=True))
    return [id_ for id_ in ids if id_ not in paced | sending][: max(0, MOST_AT_ONCE - len(sending))]


def _passed(column: str, now: datetime) -> Q:
    return Q(**{column: None}) | Q(**{f"{column}__lte": now}) | Q(**{f"{column}__gt": now + FURTHEST})


def _has_passed(instant: datetime | None, now: datetime) -> bool:
    return instant is None or not now < instant <= now + FURTHEST


def _in_flight(now: datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(state=State.SENDING, lease_until__gt=now, lease_until__lte=now + FURTHEST)


def deliver(channel_id: str, clock: Clock) -> Reply | None:
    """Send the next message of one channel, if there is one and the pace allows it. Two at once are harmless."""
    attempt = claim(channel_id, clock())
    if attempt is None:
        return None
    reply = _send(attempt)
    _settle_surely(attempt, reply, clock)
    return reply


@retried_atomic
def claim(channel_id: str, now: datetime) -> Attempt | None:
    """Take the oldest delivery of the channel that may be sent now. The channel's row is the lock: one claim at a time,
    at the channel's pace."""
    open_ones = Delivery.objects.filter(channel=channel_id, state__in=OPEN_STATES).order_by("id")
    channel = Channel.objects.defer("hook_url").select_for_update().filter(pk=channel_id).first()
    if _in_flight(now).filter(channel=channel_id).exists():  # a channel that hangs takes one thread, not one a second
        return None
    if channel is None or not channel.enabled:
        unwanted = open_ones.exclude(kind=Kind.TEST) if channel else open_ones
        unwanted.update(state=State.SKIPPED, reason=SkipReason.CHANNEL_DISABLED)
    if channel is None or not _has_passed(channel.next_send_at, now):
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
    _settle_surely(attempt, reply, clock)
    return attempt.delivery, reply


@retried_atomic
def claim_test(channel_id: str, now: datetime) -> Attempt:
    """Take the test of the channel that is open, or a new one. Even of a channel that is disabled: whether it works is
    best known before it is enabled."""
    channel = Channel.objects.defer("hook_url").select_for_update().get(pk=channel_id)
    if channel.next_send_at and not _has_passed(channel.next_send_at, now):
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
        if first and _has_passed(delivery.next_attempt_at, now):
            if not (reason := _reason_to_skip(delivery)):
                return delivery
            _skip(delivery, reason)
        elif delivery.incident_id is not None:
            waiting.add(delivery.incident_id)
    return None


def _reason_to_skip(delivery: Delivery) -> str:
    """Why what was worth telling is so no longer. What Slack may have already is carried through to the end."""
    if delivery.kind in (Kind.FAILURE, Kind.ONGOING) and delivery.attempts == 0:
        about = Server.objects.filter(pk__in=Incident.objects.filter(pk=delivery.incident_id or 0).values("server_id"))
        notification = about.values_list("notification", flat=True).first()
        if notification is None:
            return SkipReason.SERVER_DELETED
        return "" if notification else SkipReason.NOTIFICATION_OFF
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
    """One attempt, outside any transaction. What cannot even be written settles, or it would hold up the channel."""
    try:
        message = compose(attempt.delivery, attempt.channel)
    except Exception:
        logger.exception("message cannot be written", extra={"delivery": attempt.delivery.pk})
        return Reply(Verdict.GIVE_UP, "unwritable")
    try:
        hook_url = attempt.channel.hook_url
    except ValueError:
        return Reply(Verdict.GIVE_UP, "unreadable_secret")
    if hook_url:
        return post_webhook(hook_url, message)
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


def _settle_surely(attempt: Attempt, reply: Reply, clock: Clock) -> bool:
    """Settle, through a database that is away for a moment: Slack's answer is nowhere but here, and once it is gone the
    message would be sent again."""
    until = time.monotonic() + SETTLING_SECONDS
    while True:
        try:
            return settle(attempt, reply, clock())
        except (OperationalError, InterfaceError):
            if time.monotonic() >= until:
                raise
            connection.close()
            time.sleep(0.25)


@retried_atomic
def settle(attempt: Attempt, reply: Reply, now: datetime) -> bool:
    """Write down what became of the attempt. False when the lease was lost: then it is another's to settle."""
    delivery = attempt.delivery
    changes: dict[str, Any] = {"error": f"{reply.code} {reply.detail}".strip()[:200]}
    verdict = reply.verdict
    if reply.verdict is Verdict.RETRY and reply.code not in TRIED_ON and delivery.attempts >= UNKNOWN_CODE_ATTEMPTS:
        verdict = Verdict.GIVE_UP
    if reply.verdict is Verdict.UNCERTAIN and now - (delivery.first_attempt_at or now) > TRIED_FOR:
        verdict = Verdict.GIVE_UP
    retry_at = now + (reply.retry_after or _backoff(delivery.attempts, reply))
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


def _backoff(attempts: int, reply: Reply) -> timedelta:
    """1, 2, 4, ... seconds, up to a minute; up to an hour where Slack may have taken every one of them. A server error
    says of itself that it did not serve."""
    doubtful = reply.verdict is Verdict.UNCERTAIN and not reply.code.startswith("http_5")
    return min(timedelta(seconds=2 ** min(attempts - 1, 12)), LONGEST_DOUBT if doubtful else LONGEST_BACKOFF)
