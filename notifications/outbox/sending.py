"""From a claimed delivery to Slack's answer, without a transaction; then `settling` writes down what became of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils.crypto import salted_hmac

from notifications.blocks import Message
from notifications.models import Delivery
from notifications.outbox.claiming import Attempt, Purpose, claim, claim_test
from notifications.outbox.composing import compose
from notifications.outbox.settling import settle, settle_edit, settle_look
from notifications.slack import (
    Account,
    Lookup,
    Reply,
    Verdict,
    find_message,
    post_message,
    post_webhook,
    update_message,
)

logger = logging.getLogger(__name__)

SETTLING_SECONDS = 15.0
"""Less than what is left of the lease after an attempt of ten seconds that began within five."""
LOOK_BACK = timedelta(minutes=5)
"""Slack's clock and ours may differ by less than this."""
TOO_LATE = Reply(Verdict.RETRY, "too_late")
NOT_CONFIRMED = Reply(Verdict.UNCERTAIN, "not_confirmed")

Clock = Callable[[], datetime]


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
            _surely(lambda: settle(attempt, posted, clock()))
            return posted
        case Purpose.EDIT:
            edited = _edit(attempt)
            _surely(lambda: settle_edit(attempt, edited, clock()))
            return edited
        case Purpose.LOOK:
            lookup = _look(attempt)
            _surely(lambda: settle_look(attempt, lookup, clock()))
            found = Reply(Verdict.SENT, ts=lookup.ts) if lookup.ts else NOT_CONFIRMED
            return lookup.refusal or found


def _surely(write: Callable[[], bool]) -> None:
    """Write through a database that is away for a moment: Slack's answer is nowhere but here, and once it is gone the
    message has to be looked for."""
    until = time.monotonic() + SETTLING_SECONDS
    while True:
        try:
            write()
        except (OperationalError, InterfaceError):
            if time.monotonic() >= until:
                raise
            connection.close()
            time.sleep(0.25)
        else:
            return


def _post(attempt: Attempt) -> Reply:
    """What cannot even be written settles, or it would hold up the channel."""
    if (message := _message(attempt)) is None:
        return Reply(Verdict.GIVE_UP, "unwritable")
    try:
        hook_url = attempt.channel.hook_url
    except ValueError:
        return Reply(Verdict.GIVE_UP, "unreadable_secret")
    if attempt.too_late:
        return TOO_LATE
    if hook_url:
        return post_webhook(hook_url, message)
    delivery = attempt.delivery
    mark, thread_ts = _mark(delivery), delivery.thread_ts
    return post_message(
        _account(), attempt.channel.pk, message, delivery_id=delivery.pk, mark=mark, thread_ts=thread_ts
    )


def _edit(attempt: Attempt) -> Reply:
    if (message := _message(attempt)) is None:
        return Reply(Verdict.GIVE_UP, "unwritable")
    if attempt.too_late:
        return TOO_LATE
    delivery = attempt.delivery
    mark, ts = _mark(delivery), delivery.slack_ts
    return update_message(_account(), attempt.channel.pk, ts, message, delivery_id=delivery.pk, mark=mark)


def _look(attempt: Attempt) -> Lookup:
    delivery = attempt.delivery
    oldest = (delivery.first_attempt_at or delivery.created_at) - LOOK_BACK
    mark, thread_ts = _mark(delivery), delivery.thread_ts
    return find_message(_account(), attempt.channel.pk, delivery.pk, mark=mark, oldest=oldest, thread_ts=thread_ts)


def _mark(delivery: Delivery) -> str:
    """What no other delivery has, not even that of the same number in another database.

    A message that was posted without it, by a version before this one, or with another SECRET_KEY, is not found and
    sent again: once, for what was in doubt when the version or the key changed. To take any message of that number for
    ours would lose news instead.
    """
    born = delivery.created_at.astimezone(UTC).isoformat(timespec="microseconds")
    return salted_hmac("notifications.delivery", f"{delivery.pk} {born}").hexdigest()[:32]


def _message(attempt: Attempt) -> Message | None:
    try:
        return compose(attempt.delivery, attempt.channel)
    except Exception:
        logger.exception("message cannot be written", extra={"delivery": attempt.delivery.pk})
        return None


def _account() -> Account:
    return Account(settings.SLACK_BOT_TOKEN, settings.SLACK_API_URL)
