"""From a claimed delivery to the medium's answer, without a transaction; then `settling` writes down what became of
it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.db import Error, InterfaceError, OperationalError, connection
from django.utils.crypto import salted_hmac

from notifications import transports
from notifications.models import Channel, Delivery
from notifications.notice import Notice
from notifications.outbox.claiming import Attempt, Purpose, claim, claim_test
from notifications.outbox.composing import compose
from notifications.outbox.settling import settle, settle_edit, settle_look
from notifications.transports.base import Destination, Dispatch, Lookup, Reply, Transport, Verdict
from notifications.transports.settings import destination

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
BROKEN_OFF = Reply(Verdict.UNCERTAIN, "connection_lost")
TOO_LATE = Reply(Verdict.RETRY, "too_late")
NOT_CONFIRMED = Reply(Verdict.UNCERTAIN, "not_confirmed")

Clock = Callable[[], datetime]
T = TypeVar("T")


def deliver(channel_id: str, clock: Clock) -> Reply | None:
    """Do what is to be done next for one channel, if there is anything and the pace allows it; returns what the medium
    said of it. Two at once are harmless.

    After a message comes an edit if one is due, or edits would wait until the last message has left.
    """
    attempt = claim(channel_id, clock())
    if attempt is None:
        return None
    reply = _carry_out(attempt, clock)
    posted = attempt.purpose is Purpose.POST and reply.verdict is Verdict.SENT  # and the medium does not hang
    if posted and (edit := claim(channel_id, clock())) is not None:
        _carry_out(edit, clock)
    return reply


def send_test(channel_id: str, clock: Clock) -> tuple[Delivery, Reply]:
    """Send a test message now, ahead of whatever waits, and say what became of it. Blocks until the medium has
    answered, so never call it with a transaction open.

    What was not taken is tried again like any other message, and whoever asks for a test meanwhile has that very
    message tried: a test that is asked for again and again while the medium is down is one message, not a hundred.
    Raises BusyError when the channel's pace forbids a message now, and Channel.DoesNotExist.
    """
    attempt = claim_test(channel_id, clock())
    return attempt.delivery, _carry_out(attempt, clock)


def _carry_out(attempt: Attempt, clock: Clock) -> Reply:
    transport = transports.of(attempt.channel)
    if attempt.purpose is Purpose.LOOK:
        lookup = _look(attempt, transport)
        _patiently(lambda: settle_look(attempt, lookup, clock()), SETTLING_SECONDS)
        found = Reply(Verdict.SENT, remote_id=lookup.remote_id) if lookup.remote_id else NOT_CONFIRMED
        return lookup.refusal or found
    reply, write = tell(attempt), settle if attempt.purpose is Purpose.POST else settle_edit
    _patiently(lambda: write(attempt, reply, clock()), SETTLING_SECONDS)
    return reply


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


def tell(attempt: Attempt) -> Reply:
    """Send it, or edit what was sent. A transport that fails may have sent it before."""
    transport = transports.of(attempt.channel)
    act = transport.send if attempt.purpose is Purpose.POST else transport.edit
    prepared = _prepared(attempt)
    try:
        return prepared if isinstance(prepared, Reply) else act(*prepared)
    except Exception as error:
        logger.exception("transport failed", extra={"delivery": attempt.delivery.pk})
        return BROKEN_OFF if isinstance(error, MAY_PASS) else UNWRITABLE


def _prepared(attempt: Attempt) -> tuple[Destination, Notice, Dispatch] | Reply:
    """What is to be sent; or why nothing is. What may pass by itself is tried again. What cannot be written at all
    settles, or it would hold up the channel."""
    try:
        return _patiently(lambda: _prepare(attempt), READING_SECONDS)
    except MAY_PASS as error:
        logger.warning(
            "message not written now", extra={"delivery": attempt.delivery.pk, "error": type(error).__name__}
        )
        return NOT_WRITTEN
    except Exception:
        logger.exception("message cannot be written", extra={"delivery": attempt.delivery.pk})
        return UNWRITABLE


def _prepare(attempt: Attempt) -> tuple[Destination, Notice, Dispatch] | Reply:
    """What is to be sent, read from the database; or why nothing is."""
    notice = compose(attempt.delivery, attempt.channel)
    channel = Channel.objects.filter(pk=attempt.channel.pk).first()
    if channel is None or channel.kind != attempt.channel.kind:  # whoever claims next settles what waits for it
        return TOO_LATE
    try:
        to = destination(channel)
    except ValueError as error:
        return Reply(Verdict.GIVE_UP, str(error))
    return (to, notice, _dispatch(attempt)) if attempt.may_send() else TOO_LATE


def _look(attempt: Attempt, transport: Transport) -> Lookup:
    try:
        return transport.find(destination(attempt.channel), _dispatch(attempt))
    except ValueError as error:
        return Lookup(refusal=Reply(Verdict.GIVE_UP, str(error)))


def _dispatch(attempt: Attempt) -> Dispatch:
    """The key is one that no other delivery has, not even that of the same number in another database.

    A message that was posted without it, by a version before this one, or with another SECRET_KEY, is not found and
    sent again: once, for what was in doubt when the version or the key changed. To take any message of that number for
    ours would lose news instead.
    """
    delivery = attempt.delivery
    born = delivery.created_at.astimezone(UTC).isoformat(timespec="microseconds")
    ago = attempt.at - (delivery.first_attempt_at or delivery.created_at)
    return Dispatch(
        delivery_id=delivery.pk,
        key=salted_hmac("notifications.delivery", f"{delivery.pk} {born}").hexdigest()[:32],
        remote_id=delivery.remote_id,
        thread_id=delivery.thread_id,
        after_id=delivery.after_id,
        age=max(ago, timedelta(0)) + LOOK_BACK,
        plain="refused" in delivery.facts,
    )
