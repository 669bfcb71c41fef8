"""When the message of a storm is edited."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitors.tests.builders import NOW, SECOND
from notifications import outbox
from notifications.models import Delivery
from notifications.outbox import claiming, settling
from notifications.tests.test_storms import channel, post_next
from notifications.tests.waves import fail
from notifications.transports.slack import Reply, Verdict

__all__ = ["channel"]  # a fixture
pytestmark = pytest.mark.django_db
SOON = NOW + SECOND


@pytest.fixture
def opening(channel):
    fail(5)
    outbox.fan_out_news(SOON)
    return post_next(SOON)


def due(opening):
    """After NOW; None when nothing is to be changed."""
    opening.refresh_from_db()
    return opening.edit_due_at and opening.edit_due_at - NOW


def join(after):
    fail(1, NOW + after)
    outbox.fan_out_news(NOW + after)


def test_it_is_edited_three_seconds_after_it_was_written_at_the_earliest(opening):
    join(2 * SECOND)
    assert due(opening) == 4 * SECOND


def test_what_is_due_stays_due(opening):
    join(5 * SECOND)
    join(6 * SECOND)
    assert due(opening) == 5 * SECOND


def test_what_changes_during_an_edit_is_shown_by_another(opening):
    join(5 * SECOND)
    attempt = claiming.claim("C1", NOW + 6 * SECOND)
    assert attempt
    assert attempt.purpose is claiming.Purpose.EDIT
    join(7 * SECOND)
    settling.settle_edit(attempt, Reply(Verdict.SENT), NOW + 8 * SECOND)
    assert due(opening) == 9 * SECOND


def test_when_slack_says_wait_it_waits(opening):
    join(5 * SECOND)
    attempt = claiming.claim("C1", NOW + 6 * SECOND)
    assert attempt
    wait = Reply(Verdict.RETRY, "ratelimited", retry_after=timedelta(seconds=20))
    settling.settle_edit(attempt, wait, NOW + 6 * SECOND)
    join(7 * SECOND)
    assert due(opening) == 26 * SECOND


def test_one_that_was_written_by_a_clock_ahead_of_ours_is_edited_three_seconds_after_that(opening):
    Delivery.objects.filter(pk=opening.pk).update(edited_at=NOW + 7 * SECOND)
    join(5 * SECOND)
    assert due(opening) == 10 * SECOND


def test_one_that_was_written_before_the_clock_was_set_back_is_edited_at_once(opening):
    Delivery.objects.filter(pk=opening.pk).update(edited_at=NOW + timedelta(hours=1))
    join(5 * SECOND)
    assert due(opening) == 5 * SECOND


def test_a_webhook_s_message_cannot_be_edited(opening):
    Delivery.objects.filter(pk=opening.pk).update(remote_id="")
    join(5 * SECOND)
    assert due(opening) is None
