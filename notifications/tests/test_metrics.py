"""What `/metrics` tells of the messages."""

from __future__ import annotations

import pytest

from healthcheck import metrics
from monitors.tests.builders import NOW, SECOND, see, server
from notifications.models import Channel, Delivery
from notifications.tests.standin import Fault, Kind
from notifications.tests.test_sending import channel, clock, run, slack
from notifications.tests.test_workspace import tick

__all__ = ["channel", "clock", "slack"]  # fixtures
pytestmark = pytest.mark.django_db


def figures(now=NOW):
    lines = metrics.render(now).decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def test_a_new_installation_has_sent_nothing():
    found = figures()
    for name in ("delivery_retries", "deliveries_found", "deliveries_repeated", 'deliveries{state="sent"}'):
        assert found[f"healthcheck_{name}"] == 0
    assert found['healthcheck_channels{guarantee="exactly_once"}'] == 0


def test_what_became_of_every_message_is_counted(slack, channel, clock):
    """One found after a lost answer, one sent again after an error, one refused, one whose channel cannot be read."""
    tick(clock)
    faults = [
        Fault(Kind.RECORD_THEN_CUT, method="chat.postMessage", times=1),
        Fault(Kind.ERROR, method="chat.postMessage", code="service_unavailable", times=2),
        Fault(Kind.ERROR, method="chat.postMessage", code="is_archived", times=1),
    ]
    for fault in faults:
        slack.faults.set(fault)
        see(server(), "--")
        run(clock, 30)
    Channel.objects.update(guarantee="at_least_once")
    slack.faults.set(Fault(Kind.RECORD_THEN_CUT, method="chat.postMessage", times=1))
    see(server(), "--")
    run(clock, 30)
    found = figures(clock.now)
    assert found['healthcheck_deliveries{state="sent"}'] == 3
    assert found['healthcheck_deliveries{state="failed"}'] == 1
    assert found["healthcheck_deliveries_found"] == 1
    assert found["healthcheck_delivery_retries"] == 2 + 1
    assert found["healthcheck_deliveries_repeated"] == 1
    assert found['healthcheck_channels{guarantee="at_least_once"}'] == 1


def test_what_waits_is_counted_and_how_long_the_oldest_has_waited(slack, channel):
    Delivery.objects.create(kind="test", channel=channel, key="1", state="uncertain", created_at=NOW, attempts=1)
    Delivery.objects.create(kind="test", channel=channel, key="2", created_at=NOW + 5 * SECOND)
    found = figures(NOW + 60 * SECOND)
    assert found['healthcheck_deliveries{state="uncertain"}'] == found['healthcheck_deliveries{state="pending"}'] == 1
    assert found["healthcheck_oldest_pending_delivery_seconds"] == 60
    assert found["healthcheck_delivery_retries"] == 0
