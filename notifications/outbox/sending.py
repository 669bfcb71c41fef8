"""From a claimed delivery to Slack's answer, without a transaction; then `settling` writes down what became of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db import Error, InterfaceError, OperationalError, connection
from django.utils.crypto import salted_hmac

from notifications.models import Channel, Delivery
from notifications.outbox.claiming import Attempt, Purpose, claim, claim_test
from notifications.outbox.composing import compose
from notifications.outbox.settling import settle, settle_edit, settle_look
from notifications.transports.slack import (
    Account,
    Lookup,
    Reply,
    Verdict,
    find_message,
    instant_of,
    post_message,
    post_webhook,
    update_message,
)
from notifications.transports.slack.blocks import Message

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 0.25
"""Between two tries to reach the database."""
SETTLING_SECONDS = 15.0
"""Less than what is left of the lease after an attempt of ten seconds that began within five."""
READING_SECONDS = 3.0
"""Less than the time within which an attempt has to begin."""
LOOK_BACK = timedelta(days=1, hours=1)
"""Our clock may have been set back by less than this since the message was sent."""
MAY_PASS = (Error, OSError, MemoryError)
"""Errors that are not the message's: of the database, of files, of a full disk."""
NOT_WRITTEN = Reply(Verdict.RETRY, "not_written")
UNWRITABLE = Reply(Verdict.GIVE_UP, "unwritable")
TOO_LATE = Reply(Verdict.RETRY, "too_late")
NOT_CONFIRMED = Reply(Verdict.UNCERTAIN, "not_confirmed")

Clock = Callable[[], datetime]
T = TypeVar("T")


def deliver(channel_id: str, clock: Clock) -> Reply | None:
    """Do what is to be done next for one channel, if there is anything and the pace allows it; returns what Slack said
    of it. Two at once are harmless.

    After a message comes an edit if one is due, or edits would wait until the last message has left.
    """
    attempt = claim(channel_id, clock())
    if attempt is None:
        return None
    reply = _carry_out(attempt, clock)
    posted = attempt.purpose is Purpose.POST and reply.verdict is Verdict.SENT  # and Slack does not hang
    if posted and (edit := claim(channel_id, clock())) is not None:
        _carry_out(edit, clock)
    return reply


def send_test(channel_id: str, clock: Clock) -> tuple[Delivery, Reply]:
    """Send a test message now, ahead of whatever waits, and say what became of it. Blocks until Slack has answered, so
    never call it with a transaction open.

    What Slack did not take is tried again like any other message, and whoever asks for a test meanwhile has that very
    message tried: a test that is asked for again and again while Slack is down is one message, not a hundred. Raises
    BusyError when the channel's pace forbids a message now, and Channel.DoesNotExist.
    """
    attempt = claim_test(channel_id, clock())
    return attempt.delivery, _carry_out(attempt, clock)


def _carry_out(attempt: Attempt, clock: Clock) -> Reply:
    match attempt.purpose:
        case Purpose.POST:
            posted = _post(attempt)
            _patiently(lambda: settle(attempt, posted, clock()), SETTLING_SECONDS)
            return posted
        case Purpose.EDIT:
            edited = _edit(attempt)
            _patiently(lambda: settle_edit(attempt, edited, clock()), SETTLING_SECONDS)
            return edited
        case Purpose.LOOK:
            lookup = _look(attempt)
            _patiently(lambda: settle_look(attempt, lookup, clock()), SETTLING_SECONDS)
            found = Reply(Verdict.SENT, ts=lookup.ts) if lookup.ts else NOT_CONFIRMED
            return lookup.refusal or found


def _patiently(act: Callable[[], T], seconds: float) -> T:
    """Read or write through a database that is away for a moment."""
    until = time.monotonic() + seconds
    while True:
        try:
            return act()
        except (OperationalError, InterfaceError):
            if time.monotonic() >= until:
                raise
            connection.close()
            time.sleep(AGAIN_SECONDS)


def _post(attempt: Attempt) -> Reply:
    delivery = attempt.delivery
    prepared = _prepare(attempt)
    if isinstance(prepared, Reply):
        return prepared
    if prepared.hook_url:
        return post_webhook(prepared.hook_url, prepared.message)
    mark, thread_ts = _mark(delivery), delivery.thread_ts
    return post_message(
        _account(), attempt.channel.pk, prepared.message, delivery_id=delivery.pk, mark=mark, thread_ts=thread_ts
    )


def _edit(attempt: Attempt) -> Reply:
    delivery = attempt.delivery
    prepared = _prepare(attempt)
    if isinstance(prepared, Reply):
        return prepared
    mark, ts = _mark(delivery), delivery.slack_ts
    return update_message(_account(), attempt.channel.pk, ts, prepared.message, delivery_id=delivery.pk, mark=mark)


@dataclass(frozen=True, slots=True)
class _Prepared:
    message: Message
    hook_url: str | None


def _prepare(attempt: Attempt) -> _Prepared | Reply:
    """What is to be sent, read from the database; or why nothing is. What may pass by itself is tried again. What
    cannot be written at all settles, or it would hold up the channel."""
    try:
        return _patiently(lambda: _read(attempt), READING_SECONDS)
    except MAY_PASS as error:
        logger.warning(
            "message not written now", extra={"delivery": attempt.delivery.pk, "error": type(error).__name__}
        )
        return NOT_WRITTEN
    except Exception:
        logger.exception("message cannot be written", extra={"delivery": attempt.delivery.pk})
        return UNWRITABLE


def _read(attempt: Attempt) -> _Prepared | Reply:
    message = compose(attempt.delivery, attempt.channel)
    try:
        hook_url = attempt.channel.hook_url
    except ValueError:
        return Reply(Verdict.GIVE_UP, "unreadable_secret")
    except Channel.DoesNotExist:  # deleted meanwhile: whoever claims next settles what waits for it
        return TOO_LATE
    return _Prepared(message, hook_url) if attempt.may_send() else TOO_LATE


def _look(attempt: Attempt) -> Lookup:
    """By Slack's own clock, whatever ours says."""
    delivery = attempt.delivery
    ago = attempt.at - (delivery.first_attempt_at or delivery.created_at)
    return find_message(
        _account(),
        attempt.channel.pk,
        delivery.pk,
        mark=_mark(delivery),
        oldest=instant_of(delivery.after_ts),
        ago=max(ago, timedelta(0)) + LOOK_BACK,
        thread_ts=delivery.thread_ts,
    )


def _mark(delivery: Delivery) -> str:
    """What no other delivery has, not even that of the same number in another database.

    A message that was posted without it, by a version before this one, or with another SECRET_KEY, is not found and
    sent again: once, for what was in doubt when the version or the key changed. To take any message of that number for
    ours would lose news instead.
    """
    born = delivery.created_at.astimezone(UTC).isoformat(timespec="microseconds")
    return salted_hmac("notifications.delivery", f"{delivery.pk} {born}").hexdigest()[:32]


def _account() -> Account:
    return Account(settings.SLACK_BOT_TOKEN, settings.SLACK_API_URL)
