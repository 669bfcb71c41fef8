"""What the buttons do."""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import replace

import pytest
from django.db import OperationalError
from django.utils import timezone

from healthcheck.tests.stack import wait_for
from monitors import recording
from monitors.models import Incident
from monitors.tests.builders import NOW, SECOND, see, server
from monitors.tests.misbehaving import Farm, answer, hangs, says
from notifications import outbox
from notifications.models import Channel
from notifications.tests.standin import Button, Fault, Kind, Standin
from notifications.tests.test_editing import pressable
from notifications.tests.test_socket_listener import IMPATIENT
from notifications.transports.slack import Account, post_message
from notifications.transports.slack.blocks import render
from notifications.transports.slack.socket import actions, counting
from notifications.transports.slack.socket.actions import Actions
from notifications.transports.slack.socket.envelopes import Press
from notifications.transports.slack.socket.listener import Listener
from notifications.transports.slack.webhooks import clean_posting_url
from notifications.wording import test_notice as some_notice

pytestmark = pytest.mark.django_db
LATER = NOW + 60 * SECOND
SECONDS = 10.0


@pytest.fixture
def slack(settings):
    with Standin() as standin:
        settings.SLACK_BOT_TOKEN, settings.SLACK_API_URL = standin.token, standin.api_url
        settings.SLACK_APP_TOKEN = standin.socket.app_token
        yield standin


@pytest.fixture
def channel(slack):
    return Channel.objects.create(channel_id=slack.channel, name="alerts")


@pytest.fixture
def farm():
    with Farm() as started:
        yield started


@pytest.fixture
def desk():
    started = Actions(lambda: LATER)
    yield started
    started.close()


@pytest.fixture
def press(slack):
    """A press of a button in a message that is in the channel."""
    ts = post_message(Account(slack.token, slack.api_url), slack.channel, render(some_notice("alerts"))).remote_id
    response_url = f"{slack.url}/actions/T0001/1/secret"
    return Press("e-1", "acknowledge", 0, "alice", slack.channel, ts, response_url)


def outage(outcomes="+--"):
    see(server(host_name="shop"), outcomes)
    return Incident.objects.get()


def told(slack):
    """What only who pressed was shown."""
    return [entry.text for entry in slack.ledger.entries() if entry.method == "response"]


def logged(caplog):
    """By the actions themselves."""
    return [record for record in caplog.records if record.name == actions.__name__]


def answered(slack):
    """What stands in threads."""
    return [entry for entry in slack.ledger.posted() if entry.thread_ts]


def test_an_outage_is_taken_care_of_by_who_pressed(desk, press, slack):
    incident = outage()
    desk.carry_out(replace(press, subject_id=incident.pk))
    incident.refresh_from_db()
    assert (incident.acknowledged_by, incident.acknowledged_at) == ("alice (Slack)", LATER)
    assert told(slack) == answered(slack) == []


def test_who_is_second_is_told_who_was_first(desk, press, slack):
    incident = outage()
    for user in ("alice", "bob"):
        desk.carry_out(replace(press, subject_id=incident.pk, user=user))
    incident.refresh_from_db()
    assert incident.acknowledged_by == "alice (Slack)"
    assert told(slack) == ["alice (Slack) takes care of this outage already."]


def test_an_outage_that_has_ended_stays_as_it_is(desk, press, slack):
    incident = outage("+--++")
    desk.carry_out(replace(press, subject_id=incident.pk))
    incident.refresh_from_db()
    assert incident.acknowledged_by == ""
    assert told(slack)[0].startswith("This outage has ended, <!date^")


def test_an_outage_that_is_not_kept_is_said_to_be_so(desk, press, slack):
    desk.carry_out(replace(press, subject_id=10**17))
    assert told(slack) == ["This outage is no longer kept."]


def test_a_name_mentions_nobody(desk, press, slack):
    incident = outage()
    for user in ("<!channel> *x*", "bob"):
        desk.carry_out(replace(press, subject_id=incident.pk, user=user))
    assert told(slack) == ["&lt;!channel&gt; ∗x∗ (Slack) takes care of this outage already."]


def test_answers_are_in_the_language_of_the_channel(desk, press, slack, channel):
    Channel.objects.update(language="ko")
    desk.carry_out(replace(press, action="probe", subject_id=server(port=1).pk))
    assert re.search("[가-힣]", answered(slack)[0].text)


def test_a_probe_is_answered_in_the_thread_with_what_it_found(desk, press, slack, channel, farm):
    target = server(host_name="shop", port=farm.serve(says(answer())).port)
    desk.carry_out(replace(press, action="probe", subject_id=target.pk))
    [entry] = answered(slack)
    assert entry.thread_ts == press.thread_ts
    assert entry.text.startswith("🟢 LIVE shop, looked at now: answered with status 200 in ")
    assert entry.text.endswith("(asked for by alice (Slack))")
    said = str(entry.blocks)
    assert "Connect: " in said
    assert "First byte or upgrade: " in said
    assert "TLS" not in said
    assert "changes no state" in said
    assert told(slack) == []


def test_a_probe_that_fails_says_why(desk, press, slack, channel):
    target = server(host_name="shop", port=1)
    desk.carry_out(replace(press, action="probe", subject_id=target.pk))
    assert answered(slack)[0].text.startswith("🔴 LIVE shop, looked at now: Connection refused")


def test_a_probe_of_a_deleted_server_is_said_to_be_so(desk, press, slack, channel):
    desk.carry_out(replace(press, action="probe", subject_id=7))
    assert told(slack) == ["The server was deleted from the monitor."]


def test_alerts_have_the_pace_of_the_channel_to_themselves(desk, press, slack, channel):
    target = server(host_name="shop", port=1)
    for _ in range(2):
        desk.carry_out(replace(press, action="probe", subject_id=target.pk))
    assert len(answered(slack)) == len(told(slack)) == 1
    assert Channel.objects.get().next_send_at == LATER + SECOND


NO_THREAD = {
    "the channel is not ours": lambda slack, press: Channel.objects.all().delete(),
    "the message is gone": lambda slack, press: slack.workspace.channels[slack.channel].messages.clear(),
    "Slack refuses": lambda slack, press: slack.faults.set(
        Fault(Kind.ERROR, code="restricted_action", method="chat.postMessage")
    ),
}


@pytest.mark.parametrize("happen", NO_THREAD.values(), ids=NO_THREAD)
def test_what_cannot_stand_in_the_thread_is_shown_to_who_asked(desk, press, slack, channel, happen):
    happen(slack, press)
    desk.carry_out(replace(press, action="probe", subject_id=server(host_name="shop", port=1).pk))
    assert answered(slack) == []
    assert told(slack)[0].startswith("🔴 LIVE shop, looked at now")


@pytest.mark.parametrize("url", ["", "https://evil.example.com/actions/1", "http://127.0.0.1:1@evil/x", "file:///etc"])
def test_nothing_is_sent_to_an_address_that_is_not_slacks(desk, press, slack, caplog, url):
    desk.carry_out(replace(press, subject_id=1, response_url=url))
    assert told(slack) == []
    assert [record.message for record in logged(caplog)] == ["no address for the answer"]


def test_an_answer_that_slack_does_not_take_is_one_line_in_the_log(desk, press, slack, caplog):
    slack.faults.set(Fault(Kind.STATUS, status=404, method="response"))
    desk.carry_out(replace(press, subject_id=1))
    [line] = logged(caplog)
    assert line.message == "press not answered"
    assert "secret" not in str(vars(line))


def test_what_became_of_each_press_is_told(desk, press, channel, farm):
    incident = outage()
    target = server(host_name="web", port=farm.serve(says(answer())).port)
    expected = [("acknowledge", incident.pk, "done"), ("acknowledge", incident.pk, "late")]
    expected += [("acknowledge", 10**17, "gone"), ("probe", target.pk, "done"), ("probe", 10**17, "gone")]
    for action, subject_id, ended in expected:
        assert desk.carry_out(replace(press, action=action, subject_id=subject_id)) == ended


# From here on presses are carried out in threads.


def counted():
    return {key: count for key, count in counting.counted().items() if count}


@pytest.fixture
def working():
    """Ends when every press has been carried out, so that no thread meets the next test's database."""
    started = Actions(timezone.now)
    yield started
    for _ in range(actions.MOST_WAITING):
        assert started._room.acquire(timeout=SECONDS)
    started.close()


@pytest.mark.django_db(transaction=True)
def test_a_repeated_envelope_does_nothing_twice(working, press, slack):
    for envelope_id in ("e-1", "e-2", "e-1", "e-2", "e-1"):
        working.take(replace(press, envelope_id=envelope_id, subject_id=1))
    wait_for(lambda: len(told(slack)) == 2)
    working.take(replace(press, envelope_id="e-3", subject_id=1))
    wait_for(lambda: len(told(slack)) == 3)
    wait_for(lambda: counted() == {("acknowledge", "gone"): 3})


@pytest.mark.django_db(transaction=True)
def test_a_button_that_nobody_knows_is_one_line_in_the_log(working, press, slack, caplog):
    working.take(replace(press, action="open_page", subject_id=1))
    assert [(line.message, vars(line)["action"]) for line in logged(caplog)] == [("unknown button", "open_page")]


@pytest.mark.django_db(transaction=True)
def test_a_few_probes_run_at_once_and_more_are_told_to_wait(working, press, slack, channel, farm):
    target = server(host_name="shop", port=farm.serve(hangs).port, timeout_seconds=2)
    for number in range(actions.PROBES_AT_ONCE):
        working.take(replace(press, envelope_id=f"e-{number}", action="probe", subject_id=target.pk))
    wait_for(lambda: not _free(working._probing))
    working.take(replace(press, envelope_id="one more", action="probe", subject_id=target.pk))
    wait_for(lambda: told(slack) == ["Other probes are running. Press again in a moment."])
    slack.ledger.wait_for(lambda _: len(answered(slack) + told(slack)) == actions.PROBES_AT_ONCE + 1, SECONDS)
    wait_for(lambda: counted() == {("probe", "done"): actions.PROBES_AT_ONCE, ("probe", "busy"): 1})


def _free(semaphore: threading.BoundedSemaphore) -> bool:
    free = semaphore.acquire(blocking=False)
    if free:
        semaphore.release()
    return free


@pytest.mark.django_db(transaction=True)
def test_more_presses_than_can_wait_are_dropped(press, slack, farm, caplog, monkeypatch):
    monkeypatch.setattr(actions, "MOST_WAITING", 1)
    desk = Actions(timezone.now)
    target = server(host_name="shop", port=farm.serve(hangs).port, timeout_seconds=1)
    desk.take(replace(press, action="probe", subject_id=target.pk))
    desk.take(replace(press, envelope_id="e-2", subject_id=1))
    assert [record.message for record in logged(caplog)] == ["too many presses"]
    assert desk._room.acquire(timeout=SECONDS)
    assert counted() == {("probe", "done"): 1, ("acknowledge", "dropped"): 1}
    desk.close()


@pytest.mark.django_db(transaction=True)
def test_who_pressed_hears_of_trouble(working, press, slack, caplog, monkeypatch):
    def away(*_, **__):
        raise OperationalError("away")

    monkeypatch.setattr(recording, "acknowledge", away)
    with caplog.at_level(logging.CRITICAL + 1):
        working.take(replace(press, subject_id=1))
        wait_for(lambda: told(slack))
    assert told(slack)[0].startswith("The monitor could not do this now.")
    wait_for(lambda: counted() == {("acknowledge", "failed"): 1})


@pytest.fixture
def listening(slack, working):
    listener = Listener(Account(slack.socket.app_token, slack.api_url), working.take, timezone.now, IMPATIENT)
    thread = threading.Thread(target=listener.run, daemon=True)
    thread.start()
    slack.socket.wait_for(lambda: slack.socket.live)
    yield
    listener.stop()
    thread.join(SECONDS)
    assert not thread.is_alive()


@pytest.mark.django_db(transaction=True)
def test_who_presses_takes_care_and_the_message_shows_it(listening, slack, channel):
    incident = outage()
    deliver(slack, NOW + 30 * SECOND)
    [message] = slack.workspace.channels[slack.channel].messages
    buttons = pressable(slack)
    assert dict(buttons) == {"acknowledge": str(incident.pk), "probe": str(incident.server_id)}
    slack.socket.press(Button("acknowledge", dict(buttons)["acknowledge"], slack.channel, ts=message["ts"]))
    wait_for(lambda: Incident.objects.get().acknowledged_by == "alice (Slack)")
    deliver(slack, timezone.now() + 5 * SECOND)
    assert "alice (Slack)" in str(message["blocks"])
    assert [action for action, _ in pressable(slack)] == ["probe"]
    slack.socket.press(Button("probe", dict(buttons)["probe"], slack.channel, ts=message["ts"]))
    wait_for(lambda: answered(slack))
    assert answered(slack)[0].thread_ts == message["ts"]


def deliver(slack, now):
    """What a tick does."""
    outbox.fan_out_news(now)
    outbox.show_acknowledged(now)
    for channel_id in outbox.due_channels(now):
        outbox.deliver(channel_id, lambda: now)


def test_a_press_is_answered_at_slack_s_own_address_for_answers():
    url = "https://hooks.slack.com/actions/T1/1/secret"
    assert clean_posting_url(url) == url
