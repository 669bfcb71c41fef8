"""What `/metrics` tells of the messages."""

from __future__ import annotations

import pytest
from django.db import OperationalError

from healthcheck import metrics
from monitors.tests.builders import NOW, SECOND, see, server
from notifications.models import Channel, Delivery, PressCount
from notifications.socket import state
from notifications.socket.counting import Ended, Tally
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


CONNECTED = "healthcheck_slack_socket_connected"


def test_whether_presses_arrive_is_a_figure_where_there_are_buttons(settings):
    assert CONNECTED not in figures()
    settings.SLACK_APP_TOKEN = "xapp-1"
    assert figures()[CONNECTED] == 0
    state.note(NOW, connected_at=NOW)
    assert figures()[CONNECTED] == 1
    assert figures(NOW + state.FRESH + SECOND)[CONNECTED] == 0, "the process says no longer that it lives"
    state.note(NOW, error="invalid_auth")
    assert figures()[CONNECTED] == 0


def pressed(action, ended):
    return figures()[f'healthcheck_slack_presses_total{{action="{action}",outcome="{ended}"}}']


def test_presses_are_counted_from_the_beginning():
    assert {pressed(action, ended) for action in ("acknowledge", "probe") for ended in Ended} == {0}
    for _ in range(2):
        tally = Tally()
        tally.add("probe", Ended.DONE)
        tally.add("probe", Ended.DONE)
        tally.add("acknowledge", Ended.LATE)
        tally.store()
        tally.store()
    assert (pressed("probe", "done"), pressed("acknowledge", "late"), pressed("probe", "late")) == (4, 2, 0)


def test_what_could_not_be_counted_is_counted_with_the_next(monkeypatch):
    def away(*_, **__):
        raise OperationalError("away")

    tally = Tally()
    tally.add("probe", Ended.DONE)
    with monkeypatch.context() as patched:
        patched.setattr(PressCount.objects, "filter", away)
        patched.setattr("notifications.socket.counting.connection.close", lambda: None)
        tally.store()
    assert pressed("probe", "done") == 0
    tally.add("probe", Ended.DONE)
    tally.store()
    assert pressed("probe", "done") == 2
