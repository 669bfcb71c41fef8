"""What becomes of messages that Slack did not take, may have taken, or has lost again."""

from datetime import UTC, datetime

import pytest

from monitors.tests.builders import see, server
from notifications import outbox
from notifications.blocks import Message
from notifications.models import Delivery
from notifications.slack import Account, post_message
from notifications.tests.standin import Fault, Kind
from notifications.tests.test_sending import channel, clock, run, slack, states, texts

__all__ = ["channel", "clock", "slack"]  # fixtures
pytestmark = pytest.mark.django_db
POST = "chat.postMessage"


def test_a_message_of_the_same_number_by_another_monitor_is_not_taken_for_ours(slack, channel, clock):
    see(server(), "+--")
    outbox.hand_over(clock.now)
    number = Delivery.objects.get().pk
    account = Account(slack.token, slack.api_url)
    for mark in ("", "0" * 32):
        post_message(account, channel.pk, Message("staging-db is down", []), delivery_id=number, mark=mark)
    clock.now = datetime.now(UTC)  # so that theirs is within what is looked through
    slack.faults.set(Fault(Kind.CUT_BEFORE_RECORD, times=1, method=POST))
    run(clock, 60)
    assert states() == [("sent", "")]
    assert not Delivery.objects.get().found
    assert "is down" in texts(slack)[2]
