"""What Slack is told of a storm, from the first failure to the last recovery."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitors import recording
from monitors.models import Incident
from monitors.tests.builders import NOW, SECOND
from notifications import outbox
from notifications.models import Channel, Delivery, Storm, Workspace
from notifications.outbox.summary import survey
from notifications.tests.reading import shown
from notifications.tests.standin import Fault, Kind
from notifications.tests.test_sending import channel, clock, run, slack, texts
from notifications.tests.waves import fail, fleet, look
from notifications.transports.slack.blocks import Message

__all__ = ["channel", "clock", "slack"]  # fixtures
pytestmark = pytest.mark.django_db


def edits(slack):
    return [entry for entry in slack.ledger.entries() if entry.method == "chat.update"]


def as_read(entry):
    return shown(Message(entry.text, entry.blocks))


def at(clock, now):
    clock.now = now


def test_a_wave_is_one_message_that_is_kept_up_to_date_and_one_for_its_end(slack, channel, clock):
    fleet(12)
    at(clock, NOW)
    servers = fail(5)
    for _second in range(20):
        servers += fail(1, clock.now)
        run(clock)
    run(clock, 3)
    assert len(texts(slack)) == 1
    assert "25 of 37 down since" in edits(slack)[-1].text
    assert 5 <= len(edits(slack)) <= 23 / 3
    look(servers[3:], clock.now, ok=True)
    run(clock, 5)
    assert "3 of 37 down since" in edits(slack)[-1].text
    assert f"Down: {', '.join(server.host_name for server in servers[:3])}" in as_read(edits(slack)[-1])
    assert "22 of 25" in as_read(edits(slack)[-1])
    look(servers[:3], clock.now, ok=True)
    run(clock, 5)
    opening, end = slack.ledger.posted()
    assert end.thread_ts == opening.ts
    assert "all 25 servers are up again" in end.text
    assert "25 servers were down, for" in edits(slack)[-1].text
    assert slack.workspace.channels[channel.pk].messages[-1]["broadcast"]


def test_who_was_told_of_before_points_at_the_storm_and_recovers_inside_it(slack, channel, clock):
    Workspace.objects.create(url="https://stand-in.slack.com/")
    at(clock, NOW)
    servers = fail(1)
    run(clock)
    servers += fail(6, clock.now)
    run(clock, 6)
    look(servers, clock.now, ok=True)
    run(clock, 8)
    single, opening, end = slack.ledger.posted()
    assert "is down" in single.text
    assert "7 of 7 down" in opening.text
    assert "all 7 servers are up again" in end.text
    pointing, *_, over = [entry for entry in edits(slack) if "is down" in entry.text or "was down for" in entry.text]
    assert "one message tells of all of them" in as_read(pointing)
    assert f"https://stand-in.slack.com/archives/{channel.pk}/p{opening.ts.replace('.', '')}" in as_read(pointing)
    assert servers[0].host_name in over.text


def test_whoever_is_down_beside_a_storm_is_counted_and_its_end_is_that_of_its_own(slack, channel, clock):
    at(clock, NOW)
    before = fail(3)
    run(clock, 60)
    servers = fail(6, clock.now)
    run(clock, 5)
    opening = slack.ledger.posted()[-1]
    assert "9 of 9 down, 6 of them since" in opening.text
    assert "9 of 9 servers are down" in as_read(opening)
    assert "3 other servers are down too" in as_read(opening)
    look(before[:1], clock.now, ok=True)
    run(clock, 5)
    assert "8 of 9 down, 6 of them since" in edits(slack)[-1].text
    look(servers, clock.now, ok=True)
    run(clock, 5)
    assert "all 6 servers are up again" in texts(slack)[-1]


def test_who_points_at_a_storm_in_an_unknown_workspace_has_no_link(slack, channel, clock):
    at(clock, NOW)
    fail(1)
    run(clock)
    fail(6, clock.now)
    run(clock, 6)
    [pointing] = [entry for entry in edits(slack) if "is down" in entry.text]
    assert "one message tells of all of them" in as_read(pointing)
    assert "Open the message" not in as_read(pointing)


def test_a_webhook_is_told_the_beginning_one_summary_and_the_end(slack, clock):
    Channel.objects.create(channel_id="hook-1", hook_url=slack.hook_url())
    at(clock, NOW)
    servers = fail(5)
    run(clock)
    servers += fail(15, clock.now)
    run(clock, 60)
    look(servers, clock.now, ok=True)
    run(clock, 10)
    beginning, summary, end = texts(slack)
    assert "5 of 5 down" in beginning
    assert "20 of 20 down" in summary
    assert "all 20 servers are up again" in end
    assert edits(slack) == []
    assert not Delivery.objects.exclude(edit_due_at=None).exists()


def test_a_webhook_needs_no_summary_of_a_storm_that_is_over(slack, clock):
    Channel.objects.create(channel_id="hook-1", hook_url=slack.hook_url())
    at(clock, NOW)
    servers = fail(5)
    run(clock)
    servers += fail(3, clock.now)
    run(clock)
    look(servers, clock.now, ok=True)
    run(clock, 60)
    assert len(texts(slack)) == 2
    assert "all 8 servers are up again" in texts(slack)[1]


def test_a_webhook_needs_no_summary_when_nobody_has_joined(slack, clock):
    Channel.objects.create(channel_id="hook-1", hook_url=slack.hook_url())
    at(clock, NOW)
    fail(5)
    run(clock, 60)
    assert len(texts(slack)) == 1
    summary = Delivery.objects.get(kind="storm_summary")
    assert (summary.state, summary.reason) == ("skipped", "absorbed")


def test_a_storm_that_came_and_went_while_slack_was_away_is_one_late_message(slack, channel, clock):
    slack.refuse()
    at(clock, NOW)
    servers = fail(8)
    run(clock, 30)
    look(servers, clock.now, ok=True)
    run(clock, 30)
    slack.accept()
    run(clock, 120)
    [message] = slack.ledger.posted()
    assert "all 8 servers are up again" in message.text
    assert "Told late" in as_read(message)
    assert message.thread_ts == ""


def test_a_storm_s_message_whose_answer_was_lost_is_found_and_edited(slack, channel, clock):
    slack.faults.set(Fault(Kind.RECORD_THEN_CUT, times=1, method="chat.postMessage"))
    at(clock, NOW)
    fail(6)
    run(clock, 10)
    fail(2, clock.now)
    run(clock, 10)
    assert len(texts(slack)) == 1
    assert Delivery.objects.get(kind="storm").found
    assert "8 of 8 down" in edits(slack)[-1].text


def test_the_end_waits_until_it_is_known_what_became_of_the_first_message(slack, channel, clock):
    """Slack's answer was lost, and the message too: the end tells of it all."""
    slack.faults.set(Fault(Kind.CUT_BEFORE_RECORD, times=1, method="chat.postMessage"))
    at(clock, NOW)
    servers = fail(6)
    run(clock, 2)
    look(servers, clock.now, ok=True)
    run(clock, 10)
    assert texts(slack) == []
    run(clock, 30)
    [message] = slack.ledger.posted()
    assert "all 6 servers are up again" in message.text
    assert "Told late" in as_read(message)


def test_it_says_what_all_share_or_nearly_all(slack, channel, clock):
    at(clock, NOW)
    fail(18, host="lb-2.example.com")
    fail(2, host="other.example.com")
    Incident.objects.filter(address__contains="lb-2").update(failure="http_5xx", peer="10.0.3.7")
    Incident.objects.filter(address__contains="other").update(failure="timeout_connect")
    run(clock)
    read = as_read(slack.ledger.posted()[0])
    assert "What failed: HTTP 5xx, server error (18 of 20)" in read
    assert "Same host: lb-2.example.com:8080 (18 of 20)" in read
    assert "Same address: 10.0.3.7 (18 of 20)" in read
    Incident.objects.filter(address__contains="other").update(failure="http_5xx")
    fail(1, clock.now, host="third.example.com")
    run(clock, 5)
    read = as_read(edits(slack)[-1])
    assert "Same host" not in read
    assert "What failed: HTTP 5xx, server error (20 of 21)" in read


def test_one_host_with_many_ports_is_one_host(slack, channel, clock):
    at(clock, NOW)
    servers = [server for port in range(9001, 9011) for server in fleet(1, host="10.0.3.7", port=port)]
    look(servers, NOW, ok=False)
    run(clock)
    assert "Same host: 10.0.3.7 (all)" in as_read(slack.ledger.posted()[0])


def test_ten_names_are_enough(slack, channel, clock):
    at(clock, NOW)
    servers = fail(37)
    run(clock)
    read = as_read(slack.ledger.posted()[0])
    assert f"{servers[9].host_name} and 27 more" in read
    assert "/?environment=LIVE&health=UNHEALTHY" in read
    assert len(json.dumps(slack.ledger.posted()[0].blocks)) < 8_000


def test_the_end_says_who_recovered_and_who_is_no_longer_watched(slack, channel, clock):
    at(clock, NOW)
    servers = fail(9)
    run(clock, 2)
    recording.pause([servers[0].pk], actor="kim", now=clock.now)
    recording.delete([server.pk for server in servers[1:3]], actor="kim", now=clock.now)
    look(servers[3:], clock.now, ok=True)
    run(clock, 3)
    end = slack.ledger.posted()[-1]
    assert "none of 9 servers is down any more" in end.text
    for line in ("Were down: 9", "Up again: 6", "Monitoring paused: 1", "Deleted from the monitor: 2"):
        assert line in as_read(end)


def test_it_is_told_in_the_language_of_the_channel(slack, channel, clock):
    Channel.objects.update(language="ko")
    at(clock, NOW)
    fail(5)
    run(clock)
    assert "5대 중 5대" in texts(slack)[0]


def test_a_storm_is_surveyed_in_a_constant_number_of_statements(slack, channel):
    counts = []
    for size, environment in ((10, "LIVE"), (100, "DEV")):
        fail(size, environment=environment)
        outbox.fan_out_news(NOW + SECOND)
        with CaptureQueriesContext(connection) as captured:
            survey(Storm.objects.get(environment=environment))
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 9
