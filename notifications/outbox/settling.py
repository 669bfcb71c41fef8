"""What becomes of a delivery after an attempt. Whoever has lost the lease settles nothing: it is another's by then.

The medium's trouble holds the channel and leaves the message the next to be tried: so its return is noticed soon, and
everything leaves in order. What may be the fault of one message holds that one alone.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q, QuerySet

from monitors.transactions import retried_atomic
from notifications import transports
from notifications.instants import LONGEST_WAIT, over
from notifications.models import Channel, Delivery, Guarantee, Kind, State, Storm
from notifications.outbox.claiming import STARTS_WITHIN, Attempt, can_look, hold_back
from notifications.outbox.editing import SHOWN_LATE
from notifications.transports.base import Cause, Lookup, Reply, Verdict

logger = logging.getLogger(__name__)

LONGEST_BACKOFF = timedelta(seconds=60)
LONGEST_HOLD = timedelta(seconds=8)
"""So that the medium's return is noticed within ten."""
HOLDS_FOR = timedelta(minutes=5)
"""Trouble that may be the message's, or that of looking alone, holds the channel no longer; then the next is tried."""
LONGEST_DOUBT = LONGEST_WAIT
"""Between two attempts of which each may have arrived: whoever answers oddly for a day gets some dozen repeats."""
TRIED_FOR = timedelta(days=1)
"""Whatever is still uncertain then is given up; so is an edit that is refused for a reason that we do not know."""
MOST_DOUBTFUL = 35
"""Attempts in a day, of which each may have arrived: fewer, and it is the clock that went on, not the time."""
UNKNOWN_CODE_ATTEMPTS = 5
"""A refusal that we do not know is tried so often before we give up."""
FIRST_LOOK = timedelta(seconds=1)
ARRIVES_WITHIN = timedelta(seconds=15)
"""A medium may still show a message so long after the attempt ended; not to find it earlier says nothing."""
BETWEEN_LOOKS = timedelta(seconds=5)
LOOKS = 2
"""Not found so often, it is not there."""
TRIED_ON = (Cause.LIMIT, Cause.PASSING, Cause.OURS)
"""What passes by itself; tried until it does."""
UNUSABLE = (Cause.GONE, Cause.DELETED)
"""The earlier message cannot be answered or edited."""
EDIT_AGAIN, LONGEST_EDIT_WAIT = timedelta(seconds=10), timedelta(minutes=5)
MOST_ANEW = 2
"""Whoever deletes the message of a storm again does not want it; and where no edit is taken, this is no flood."""


@retried_atomic
def settle(attempt: Attempt, reply: Reply, now: datetime) -> bool:
    """Write down what became of a post. False when the lease was lost."""
    delivery = attempt.delivery
    changes: dict[str, Any] = {"error": _error(reply), "attempt_ended_at": now, "looks": 0}
    match _final(attempt, reply, now):
        case Verdict.SENT:
            changes |= {**_sent(delivery, reply.remote_id, now), "edited_at": attempt.at}
            _note_taken(attempt.channel)
        case Verdict.RETRY:
            changes |= {"state": State.PENDING, "next_attempt_at": _retry_at(attempt, reply, now)}
        case Verdict.UNCERTAIN if can_look(attempt.channel):
            look_at = max(now + FIRST_LOOK, _next_look_at(attempt, now))
            changes |= {"state": State.UNCERTAIN, "next_attempt_at": look_at}
            hold_back(attempt.channel.pk, now + FIRST_LOOK, now)  # before the next message is as lost
        case Verdict.UNCERTAIN:
            changes |= {"state": State.UNCERTAIN, "next_attempt_at": _retry_at(attempt, reply, now)}
        case Verdict.GIVE_UP if delivery.thread_id and _cause(attempt, reply) in UNUSABLE:
            changes |= {"state": State.PENDING, "next_attempt_at": now, "thread_id": ""}
        case Verdict.GIVE_UP if _can_be_plainer(attempt, reply):
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
    elif _is_away(attempt, reply) and (not _is_server_error(reply) or _is_recent(delivery.first_attempt_at, now)):
        wait = min(timedelta(seconds=2 ** min(delivery.attempts - 1, 12)), LONGEST_HOLD)
    else:
        return now + _backoff(delivery.attempts, reply)
    hold_back(attempt.channel.pk, now + wait, now)
    return now + wait


def _is_away(attempt: Attempt, reply: Reply) -> bool:
    return _is_server_error(reply) or _cause(attempt, reply) is Cause.PASSING


def _is_recent(instant: datetime | None, now: datetime) -> bool:
    return instant is None or now - instant < HOLDS_FOR


def _is_server_error(reply: Reply) -> bool:
    return reply.code.startswith("http_5")


def _note_refused(attempt: Attempt, code: str, now: datetime) -> None:
    """One line of the log for a channel that is cut off, whatever waits there; `promising` looks after it."""
    channel = attempt.channel
    lacks = transports.of(channel).lack_of(code)
    if not lacks:
        logger.error("message refused", extra={"delivery": attempt.delivery.pk, "code": code})
        return
    if channel.lacks != lacks:
        logger.error("alerts do not arrive", extra={"channel": channel.pk, "lacks": lacks})
    _promise_less(channel, lacks, now)


def _note_taken(channel: Channel) -> None:
    """Whatever was wrong with the channel is mended: let it be looked at, and told what goes on."""
    if transports.is_cut_off(channel):
        Channel.objects.filter(pk=channel.pk).update(checked_at=None, updated_at=F("updated_at"))


def _promise_less(channel: Channel, lacks: str, now: datetime) -> None:
    Channel.objects.filter(pk=channel.pk).update(
        guarantee=Guarantee.AT_LEAST_ONCE, lacks=lacks, checked_at=now, updated_at=F("updated_at")
    )


def _can_be_plainer(attempt: Attempt, reply: Reply) -> bool:
    """The medium does not take the message's form, which is our fault and no reason to keep the news back."""
    return _cause(attempt, reply) is Cause.FORM and "refused" not in attempt.delivery.facts


def _plainer(delivery: Delivery, reply: Reply) -> dict[str, Any]:
    """The facts by which the message is a single line from now on; they keep the reason for whoever mends it."""
    logger.error("form of the message refused", extra={"delivery": delivery.pk, "code": reply.code})
    return {**delivery.facts, "refused": reply.code}


def _final(attempt: Attempt, reply: Reply, now: datetime) -> Verdict:
    """The verdict, after so many attempts."""
    delivery = attempt.delivery
    unknown = reply.verdict is Verdict.RETRY and _cause(attempt, reply) not in TRIED_ON
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
    if lookup.remote_id:
        changes = {**_sent(delivery, lookup.remote_id, now), "edited_at": _begun_by(attempt, ended), "found": True}
    elif lookup.refusal:
        changes = _could_not_look(attempt, lookup.refusal, now)
    elif now < arrived_by:
        changes = {"next_attempt_at": arrived_by}
    elif delivery.looks + 1 < LOOKS:
        changes = {"looks": delivery.looks + 1, "next_attempt_at": now + BETWEEN_LOOKS}
        if now > arrived_by + BETWEEN_LOOKS:  # the medium, or we, were away: what waits since leaves in order
            hold_back(attempt.channel.pk, now + BETWEEN_LOOKS, now)
    else:
        changes = {"looks": delivery.looks + 1, "state": State.PENDING, "next_attempt_at": now}
    return _write(attempt, State.UNCERTAIN, changes, now)


def _could_not_look(attempt: Attempt, refusal: Reply, now: datetime) -> dict[str, Any]:
    """The medium's trouble passes; what we may not do makes the channel one that is told at least once. What could not
    be looked for in a day is sent again: better twice than never."""
    if _is_old(attempt.delivery, now):
        again = {"state": State.PENDING, "possible_repeat": True}
        return {**again, "next_attempt_at": now, "error": _error(refusal)}
    if _cause(attempt, refusal) not in (Cause.CUT_OFF, Cause.UNSEEABLE):
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
        _looks_of_method(attempt).filter(next_attempt_at__lt=until).update(next_attempt_at=until, planned_at=now)
        return until
    passed = now - (delivery.attempt_ended_at or now)
    if _cause(attempt, refusal) not in (Cause.PASSING, Cause.SILENCE) and not _is_server_error(refusal):
        return now + min(max(passed, FIRST_LOOK), LONGEST_BACKOFF)
    until = now + min(max(passed, FIRST_LOOK), LONGEST_HOLD)
    if passed < HOLDS_FOR:
        hold_back(attempt.channel.pk, until, now)
    return until


def _looks_of_method(attempt: Attempt) -> QuerySet[Delivery]:
    """What is looked for by the method by which this is: in channels of the kind, or in threads there."""
    channels = [one.pk for one in Channel.objects.all() if one.kind == attempt.channel.kind and can_look(one)]
    in_threads = ~Q(thread_id="") if attempt.delivery.thread_id else Q(thread_id="")
    return Delivery.objects.filter(in_threads, state=State.UNCERTAIN, channel__in=channels)


def _next_look_at(attempt: Attempt, now: datetime) -> datetime:
    """When the method may be called again, as what has met its limit remembers."""
    waiting = _looks_of_method(attempt).exclude(over("next_attempt_at", now)).values_list("error", "next_attempt_at")
    cause = transports.of(attempt.channel).cause
    return max((at for error, at in waiting if cause(error.partition(" ")[0]) is Cause.LIMIT), default=now)


@retried_atomic
def settle_edit(attempt: Attempt, reply: Reply, now: datetime) -> bool:
    """Write down what became of an edit. It stays due until the medium has taken it, or refuses it for good: then it is
    dropped, for what it would have said is told by a message of its own. False when the lease was lost."""
    delivery = attempt.delivery
    ours = Delivery.objects.filter(pk=delivery.pk, state=State.SENT, token=delivery.token)
    changes: dict[str, Any] = {"planned_at": now, "error": _error(reply)}
    again: datetime | None = None
    cause = _cause(attempt, reply)
    if reply.retry_after:  # the limit is the method's: every edit waits
        until = now + reply.retry_after
        channels = [one.pk for one in Channel.objects.all() if one.kind == attempt.channel.kind]
        due = Delivery.objects.filter(state=State.SENT, edit_due_at__lt=until, channel__in=channels)
        due.update(edit_due_at=until, planned_at=now)
    if reply.verdict is Verdict.SENT:
        changes["edited_at"] = attempt.at
    elif reply.verdict is not Verdict.GIVE_UP or cause is Cause.CUT_OFF:
        again = _edit_again(attempt, reply, now)
    elif _can_be_plainer(attempt, reply):
        again = now
        changes["facts"] = _plainer(delivery, reply)
    else:
        logger.info("message cannot be edited", extra={"delivery": delivery.pk, "code": reply.code})
        if cause in UNUSABLE and _is_told_anew(delivery):
            return bool(ours.update(**_anew(delivery, reply, now)))
        if cause is Cause.DELETED:  # nothing is told in its thread
            ours.update(remote_id="", edit_due_at=None)
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
        "after_id": delivery.remote_id,
        "lease_until": None,
        "remote_id": "",
        "edit_due_at": None,
        "error": _error(reply),
        "facts": {**delivery.facts, "anew": delivery.facts.get("anew", 0) + 1},
    }


def _edit_again(attempt: Attempt, reply: Reply, now: datetime) -> datetime | None:
    """Ever more seldom, for nothing counts the attempts; None when there is no use in it. A channel that is cut off
    takes none before it is mended (`claiming`)."""
    age, cause = now - attempt.delivery.created_at, _cause(attempt, reply)
    known = reply.verdict is Verdict.UNCERTAIN or cause in TRIED_ON
    if not known and age > (SHOWN_LATE if cause is Cause.CUT_OFF else TRIED_FOR):
        return None
    return now + (reply.retry_after or min(max(age / 100, EDIT_AGAIN), LONGEST_EDIT_WAIT))


def _sent(delivery: Delivery, remote_id: str, now: datetime) -> dict[str, Any]:
    seconds = delivery.seconds  # of what is told anew, those of the first time
    if seconds is None:
        seconds = max(0.0, (now - _known_at(delivery)).total_seconds())
    sent = {"state": State.SENT, "sent_at": now, "remote_id": remote_id, "error": "", "seconds": seconds}
    return sent if remote_id else {**sent, "edit_due_at": None}


def _known_at(delivery: Delivery) -> datetime:
    """When there was something to tell: of a storm, when the first server of it failed."""
    if delivery.transition:
        return delivery.transition.at
    storm = delivery.storm if delivery.kind == Kind.STORM else None
    return storm.began_at if storm else delivery.created_at


def _write(attempt: Attempt, expected: State, changes: dict[str, Any], now: datetime) -> bool:
    ours = Delivery.objects.filter(pk=attempt.delivery.pk, state=expected, token=attempt.delivery.token)
    return bool(ours.update(lease_until=None, planned_at=now, **changes))


def _cause(attempt: Attempt, reply: Reply) -> Cause:
    return transports.of(attempt.channel).cause(reply.code)


def _begun_by(attempt: Attempt, ended: datetime) -> datetime:
    """When the attempt that ended then had begun at the earliest."""
    return ended - STARTS_WITHIN - timedelta(seconds=transports.of(attempt.channel).capabilities.deadline)


def _error(reply: Reply) -> str:
    return f"{reply.code} {reply.detail}".strip()[:200]


def _backoff(attempts: int, reply: Reply) -> timedelta:
    """1, 2, 4, ... seconds, up to a minute; up to an hour where the medium may have taken every one of them. A server
    error says of itself that it did not serve."""
    doubtful = reply.verdict is Verdict.UNCERTAIN and not _is_server_error(reply)
    return min(timedelta(seconds=2 ** min(attempts - 1, 12)), LONGEST_DOUBT if doubtful else LONGEST_BACKOFF)
