"""What becomes of a delivery after an attempt. Whoever has lost the lease settles nothing: it is another's by then.

Slack's trouble holds the channel and leaves the message the next to be tried: so its return is noticed soon, and
everything leaves in order. What may be the fault of one message holds that one alone.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Max, Q, QuerySet

from monitors.transactions import retried_atomic
from notifications.instants import LONGEST_WAIT, over
from notifications.models import Channel, Delivery, Guarantee, Kind, State, Storm
from notifications.outbox.claiming import STARTS_WITHIN, Attempt, can_look
from notifications.outbox.editing import SHOWN_LATE
from notifications.outbox.pacing import hold_back
from notifications.transports.slack import Lookup, Reply, Verdict
from notifications.transports.slack.client import TIMEOUT_SECONDS
from notifications.transports.slack.lacks import CUT_OFF, lack_of_refused
from notifications.transports.slack.refusals import (
    CHANNEL_DEAD,
    MESSAGE_BAD,
    MESSAGE_GONE,
    PASSING,
    RATE_LIMITED,
    TOKEN_DEAD,
)

logger = logging.getLogger(__name__)

LONGEST_BACKOFF = timedelta(seconds=60)
LONGEST_HOLD = timedelta(seconds=8)
"""So that Slack's return is noticed within ten."""
HOLDS_FOR = timedelta(minutes=5)
"""Trouble that may be the message's, or that of looking alone, holds the channel no longer; then the next is tried."""
LONGEST_DOUBT = LONGEST_WAIT
"""Between two attempts of which each may have arrived: whoever answers oddly for a day gets some dozen repeats."""
TRIED_FOR = timedelta(days=1)
"""Whatever is still uncertain then is given up; so is an edit that Slack refuses for a reason that we do not know."""
MOST_DOUBTFUL = 35
"""Attempts in a day, of which each may have arrived: fewer, and it is the clock that went on, not the time."""
UNKNOWN_CODE_ATTEMPTS = 5
"""A refusal that we do not know is tried so often before we give up."""
OUTAGE = PASSING | {"connection_error", "too_late"}
"""Nothing arrives, whatever it is."""
TRIED_ON = RATE_LIMITED | OUTAGE | {"not_written"}
"""What passes by itself; tried until it does."""
SILENCE = frozenset({"bad_answer", "connection_lost", "timeout"})
"""Slack did not answer, or nobody can tell what."""
LONGEST_ATTEMPT = STARTS_WITHIN + timedelta(seconds=TIMEOUT_SECONDS)
FIRST_LOOK = timedelta(seconds=1)
ARRIVES_WITHIN = timedelta(seconds=15)
"""Slack may still show a message so long after the attempt ended; not to find it earlier says nothing."""
BETWEEN_LOOKS = timedelta(seconds=5)
LOOKS = 2
"""Not found so often, it is not there."""
DEAD = TOKEN_DEAD | CHANNEL_DEAD
CANNOT_LOOK = DEAD | {"history_too_long", "thread_not_found"}
EDIT_AGAIN, LONGEST_EDIT_WAIT = timedelta(seconds=10), timedelta(minutes=5)
MOST_ANEW = 2
"""Whoever deletes the message of a storm again does not want it; and where Slack takes no edit, this is no flood."""


@retried_atomic
def settle(attempt: Attempt, reply: Reply, now: datetime) -> bool:
    """Write down what became of a post. False when the lease was lost."""
    delivery = attempt.delivery
    changes: dict[str, Any] = {"error": _error(reply), "attempt_ended_at": now, "looks": 0}
    match _final(attempt, reply, now):
        case Verdict.SENT:
            changes |= {**_sent(delivery, reply.ts, now), "edited_at": attempt.at}
            _note_taken(attempt.channel)
        case Verdict.RETRY:
            changes |= {"state": State.PENDING, "next_attempt_at": _retry_at(attempt, reply, now)}
        case Verdict.UNCERTAIN if can_look(attempt.channel):
            look_at = max(now + FIRST_LOOK, _next_look_at(delivery, now))
            changes |= {"state": State.UNCERTAIN, "next_attempt_at": look_at}
            hold_back(attempt.channel.pk, now + FIRST_LOOK, now)  # before the next message is as lost
        case Verdict.UNCERTAIN:
            changes |= {"state": State.UNCERTAIN, "next_attempt_at": _retry_at(attempt, reply, now)}
        case Verdict.GIVE_UP if delivery.thread_ts and reply.code in MESSAGE_GONE:
            changes |= {"state": State.PENDING, "next_attempt_at": now, "thread_ts": ""}
        case Verdict.GIVE_UP if _can_be_plainer(delivery, reply):
            changes |= {"state": State.PENDING, "next_attempt_at": now, "facts": _plainer(delivery, reply)}
        case Verdict.GIVE_UP:
            _note_refused(attempt, reply.code, now)
            changes |= {"state": State.FAILED, "reason": reply.code[:50], "edit_due_at": None}
    return _write(attempt, State.SENDING, changes, now)


def _retry_at(attempt: Attempt, reply: Reply, now: datetime) -> datetime:
    """When to try the message again, and until then no other of its channel, if the trouble is not the message's."""
    delivery = attempt.delivery
    if reply.retry_after:
        wait = reply.retry_after
    elif reply.code in OUTAGE or (_is_server_error(reply) and _is_recent(delivery.first_attempt_at, now)):
        wait = min(timedelta(seconds=2 ** min(delivery.attempts - 1, 12)), LONGEST_HOLD)
    else:
        return now + _backoff(delivery.attempts, reply)
    hold_back(attempt.channel.pk, now + wait, now)
    return now + wait


def _is_recent(instant: datetime | None, now: datetime) -> bool:
    return instant is None or now - instant < HOLDS_FOR


def _is_server_error(reply: Reply) -> bool:
    return reply.code.startswith("http_5")


def _note_refused(attempt: Attempt, code: str, now: datetime) -> None:
    """One line of the log for a channel that is cut off, whatever waits there; `workspace.guarantee` looks after it."""
    channel, lacks = attempt.channel, lack_of_refused(code)
    if not lacks:
        logger.error("message refused", extra={"delivery": attempt.delivery.pk, "code": code})
        return
    if channel.lacks != lacks:
        logger.error("alerts do not arrive", extra={"channel": channel.pk, "lacks": lacks})
    _promise_less(channel, lacks, now)


def _note_taken(channel: Channel) -> None:
    """Whatever was wrong with the channel is mended: let it be looked at, and told what goes on."""
    if channel.lacks in CUT_OFF:
        Channel.objects.filter(pk=channel.pk).update(checked_at=None, updated_at=F("updated_at"))


def _promise_less(channel: Channel, lacks: str, now: datetime) -> None:
    Channel.objects.filter(pk=channel.pk).update(
        guarantee=Guarantee.AT_LEAST_ONCE, lacks=lacks, checked_at=now, updated_at=F("updated_at")
    )


def _can_be_plainer(delivery: Delivery, reply: Reply) -> bool:
    """Slack does not take the message's form, which is our fault and no reason to keep the news back."""
    return reply.code in MESSAGE_BAD and "refused" not in delivery.facts


def _plainer(delivery: Delivery, reply: Reply) -> dict[str, Any]:
    """The facts by which the message is a single line from now on; they keep Slack's reason for whoever mends it."""
    logger.error("form of the message refused", extra={"delivery": delivery.pk, "code": reply.code})
    return {**delivery.facts, "refused": reply.code}


def _final(attempt: Attempt, reply: Reply, now: datetime) -> Verdict:
    """The verdict, after so many attempts."""
    delivery = attempt.delivery
    unknown = reply.verdict is Verdict.RETRY and reply.code not in TRIED_ON
    if unknown and delivery.attempts >= UNKNOWN_CODE_ATTEMPTS:
        return Verdict.GIVE_UP
    if reply.verdict is Verdict.UNCERTAIN and _is_old(delivery, now) and delivery.attempts >= MOST_DOUBTFUL:
        return Verdict.GIVE_UP
    return reply.verdict


def _is_old(delivery: Delivery, now: datetime) -> bool:
    return now - (delivery.first_attempt_at or now) > TRIED_FOR


@retried_atomic
def settle_look(attempt: Attempt, lookup: Lookup, now: datetime) -> bool:
    """Write down whether a message whose answer was lost is in the channel. Not there, twice, and late enough: it is
    sent as if for the first time. False when the lease was lost."""
    delivery = attempt.delivery
    ended = delivery.attempt_ended_at or now
    arrived_by = ended + ARRIVES_WITHIN
    if lookup.ts:
        changes = {**_sent(delivery, lookup.ts, now), "edited_at": ended - LONGEST_ATTEMPT, "found": True}
    elif lookup.refusal:
        changes = _could_not_look(attempt, lookup.refusal, now)
    elif now < arrived_by:
        changes = {"next_attempt_at": arrived_by}
    elif delivery.looks + 1 < LOOKS:
        changes = {"looks": delivery.looks + 1, "next_attempt_at": now + BETWEEN_LOOKS}
        if now > arrived_by + BETWEEN_LOOKS:  # Slack, or we, were away: what waits since leaves in order
            hold_back(attempt.channel.pk, now + BETWEEN_LOOKS, now)
    else:
        changes = {"looks": delivery.looks + 1, "state": State.PENDING, "next_attempt_at": now}
    return _write(attempt, State.UNCERTAIN, changes, now)


def _could_not_look(attempt: Attempt, refusal: Reply, now: datetime) -> dict[str, Any]:
    """Slack's trouble passes; what the app may not do makes the channel one that is told at least once. What could not
    be looked for in a day is sent again: better twice than never."""
    if _is_old(attempt.delivery, now):
        again = {"state": State.PENDING, "possible_repeat": True}
        return {**again, "next_attempt_at": now, "error": _error(refusal)}
    if refusal.code not in CANNOT_LOOK:
        return {"next_attempt_at": _look_again_at(attempt, refusal, now), "error": _error(refusal)}
    lacks = ":".join(filter(None, [refusal.code, refusal.detail]))[:100]
    _promise_less(attempt.channel, lacks, now)
    logger.warning("messages cannot be looked for", extra={"channel": attempt.channel.pk, "lacks": lacks})
    return {"next_attempt_at": now}


def _look_again_at(attempt: Attempt, refusal: Reply, now: datetime) -> datetime:
    """A limit is that of the method, whatever the channel. An outage holds the channel back, or one message after the
    other would be lost and looked for; but not for long, as the next may arrive although nobody can look for this."""
    delivery = attempt.delivery
    if refusal.retry_after:
        until = now + refusal.retry_after
        _looks_of_method(delivery).filter(next_attempt_at__lt=until).update(next_attempt_at=until, planned_at=now)
        return until
    passed = now - (delivery.attempt_ended_at or now)
    if refusal.code not in OUTAGE | SILENCE and not _is_server_error(refusal):
        return now + min(max(passed, FIRST_LOOK), LONGEST_BACKOFF)
    until = now + min(max(passed, FIRST_LOOK), LONGEST_HOLD)
    if passed < HOLDS_FOR:
        hold_back(attempt.channel.pk, until, now)
    return until


def _looks_of_method(delivery: Delivery) -> QuerySet[Delivery]:
    """What is looked for by the method by which `delivery` is: in channels, or in threads."""
    channels = Channel.objects.filter(hook_url=None).exclude(guarantee=Guarantee.AT_LEAST_ONCE)
    in_threads = ~Q(thread_ts="") if delivery.thread_ts else Q(thread_ts="")
    uncertain = Delivery.objects.filter(in_threads, state=State.UNCERTAIN)
    return uncertain.filter(channel__in=list(channels.values_list("pk", flat=True)))


def _next_look_at(delivery: Delivery, now: datetime) -> datetime:
    """When the method may be called again, as what has met its limit remembers."""
    limited = Q()
    for code in RATE_LIMITED:
        limited |= Q(error__startswith=code)
    waiting = _looks_of_method(delivery).filter(limited).exclude(over("next_attempt_at", now))
    return waiting.aggregate(last=Max("next_attempt_at"))["last"] or now


@retried_atomic
def settle_edit(attempt: Attempt, reply: Reply, now: datetime) -> bool:
    """Write down what became of an edit. It stays due until Slack has taken it, or refuses it for good: then it is
    dropped, for what it would have said is told by a message of its own. False when the lease was lost."""
    delivery = attempt.delivery
    ours = Delivery.objects.filter(pk=delivery.pk, state=State.SENT, token=delivery.token)
    changes: dict[str, Any] = {"planned_at": now, "error": _error(reply)}
    again: datetime | None = None
    if reply.retry_after:  # the limit is the method's: every edit waits
        until = now + reply.retry_after
        due = Delivery.objects.filter(state=State.SENT, edit_due_at__lt=until)
        due.update(edit_due_at=until, planned_at=now)
    if reply.verdict is Verdict.SENT:
        changes["edited_at"] = attempt.at
    elif reply.verdict is not Verdict.GIVE_UP or reply.code in DEAD:
        again = _edit_again(delivery, reply, now)
    elif _can_be_plainer(delivery, reply):
        again = now
        changes["facts"] = _plainer(delivery, reply)
    else:
        logger.info("message cannot be edited", extra={"delivery": delivery.pk, "code": reply.code})
        if reply.code in MESSAGE_GONE and _is_told_anew(delivery):
            return bool(ours.update(**_anew(delivery, reply, now)))
        if reply.code == "message_not_found":  # somebody deleted it: nothing is told in its thread
            ours.update(slack_ts="", edit_due_at=None)
    ours.filter(edit_due_at=delivery.edit_due_at).update(edit_due_at=again)  # unless another was asked for meanwhile
    return bool(ours.update(lease_until=None, **changes))


def _is_told_anew(delivery: Delivery) -> bool:
    """Whether the channel would not hear of what is still to come: whoever joins a storm is told of by its message."""
    if delivery.kind != Kind.STORM or delivery.facts.get("anew", 0) >= MOST_ANEW:
        return False
    return Storm.objects.filter(pk=delivery.storm_id or 0, ended_at=None).exists()


def _anew(delivery: Delivery, reply: Reply, now: datetime) -> dict[str, Any]:
    """To be posted as if for the first time; an earlier attempt would have the old message found."""
    return {
        "state": State.PENDING,
        "next_attempt_at": now,
        "planned_at": now,
        "first_attempt_at": None,
        "after_ts": delivery.slack_ts,
        "lease_until": None,
        "slack_ts": "",
        "edit_due_at": None,
        "error": _error(reply),
        "facts": {**delivery.facts, "anew": delivery.facts.get("anew", 0) + 1},
    }


def _edit_again(delivery: Delivery, reply: Reply, now: datetime) -> datetime | None:
    """Ever more seldom, for nothing counts the attempts; None when there is no use in it. A channel that is cut off
    takes none before it is mended (`claiming`)."""
    age = now - delivery.created_at
    known = reply.verdict is Verdict.UNCERTAIN or reply.code in TRIED_ON
    if not known and age > (SHOWN_LATE if reply.code in DEAD else TRIED_FOR):
        return None
    return now + (reply.retry_after or min(max(age / 100, EDIT_AGAIN), LONGEST_EDIT_WAIT))


def _sent(delivery: Delivery, ts: str, now: datetime) -> dict[str, Any]:
    seconds = delivery.seconds  # of what is told anew, those of the first time
    if seconds is None:
        seconds = max(0.0, (now - _known_at(delivery)).total_seconds())
    sent = {"state": State.SENT, "sent_at": now, "slack_ts": ts, "error": "", "seconds": seconds}
    return sent if ts else {**sent, "edit_due_at": None}


def _known_at(delivery: Delivery) -> datetime:
    """When there was something to tell: of a storm, when the first server of it failed."""
    if delivery.transition:
        return delivery.transition.at
    storm = delivery.storm if delivery.kind == Kind.STORM else None
    return storm.began_at if storm else delivery.created_at


def _write(attempt: Attempt, expected: State, changes: dict[str, Any], now: datetime) -> bool:
    ours = Delivery.objects.filter(pk=attempt.delivery.pk, state=expected, token=attempt.delivery.token)
    return bool(ours.update(lease_until=None, planned_at=now, **changes))


def _error(reply: Reply) -> str:
    return f"{reply.code} {reply.detail}".strip()[:200]


def _backoff(attempts: int, reply: Reply) -> timedelta:
    """1, 2, 4, ... seconds, up to a minute; up to an hour where Slack may have taken every one of them. A server error
    says of itself that it did not serve."""
    doubtful = reply.verdict is Verdict.UNCERTAIN and not _is_server_error(reply)
    return min(timedelta(seconds=2 ** min(attempts - 1, 12)), LONGEST_DOUBT if doubtful else LONGEST_BACKOFF)
