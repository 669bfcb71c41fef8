"""The database fails once, at any statement of what the outbox does: every message arrives all the same, and once."""

from __future__ import annotations

import itertools
from contextlib import suppress

import pytest
from django.db import Error, InterfaceError, OperationalError, ProgrammingError, connection

from healthcheck.tests.length import AT_LENGTH
from monitors import recording
from monitors.models import Incident
from monitors.tests.builders import INTERVAL, SECOND, see, server
from notifications import outbox
from notifications.models import OPEN_STATES, Channel, Delivery, State, StormRule
from notifications.outbox import claiming, sending
from notifications.tests import waves
from notifications.tests.standin import Fault, Kind
from notifications.tests.test_sending import channel, clock, slack, states

__all__ = ["channel", "clock", "slack"]  # fixtures
pytestmark = pytest.mark.django_db(transaction=True)

ERRORS = {
    "a lost connection": OperationalError(2013, "Lost connection to server during query"),
    "a wait for a lock": OperationalError(1205, "Lock wait timeout exceeded"),
    "a closed connection": InterfaceError(0, ""),
}


class Hiccup:
    """The statement of this number fails; those before and after it do not."""

    def __init__(self, number: int, error: Exception) -> None:
        self.left, self.error = number, error

    def __call__(self, execute, sql, params, many, context):
        self.left -= 1
        if self.left == 0:
            raise self.error
        return execute(sql, params, many, context)


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch):
    monkeypatch.setattr(sending, "AGAIN_SECONDS", 0)


def tick(clock, seconds=1):
    """What a tick does: Celery logs a task that fails, and the next tick comes."""
    for task in (outbox.fan_out_news, outbox.show_acknowledged, lambda _now: send(clock)):
        with suppress(Error):
            task(clock.now)
    clock.now += seconds * SECOND


def send(clock):
    for channel_id in outbox.due_channels(clock.now):
        with suppress(Error):
            outbox.deliver(channel_id, clock)


def settle(clock):
    for _ in range(30):
        tick(clock, 3)
        editing = Delivery.objects.filter(state=State.SENT, edit_due_at__isnull=False)
        if not editing.exists() and not Delivery.objects.filter(state__in=OPEN_STATES).exists():
            return
    raise AssertionError(states())


def tell_a_failure(slack, clock):
    """Yields when the database may fail, and then what the channel is to show, a text of each message."""
    target = server()
    see(target, "--", clock.now - 2 * INTERVAL)
    yield
    yield [f"{target.host_name} is down"]


def tell_a_failure_whose_answer_is_lost(slack, clock):
    slack.faults.set(Fault(Kind.RECORD_THEN_CUT, times=1, method="chat.postMessage"))
    yield from tell_a_failure(slack, clock)


def tell_an_end(slack, clock):
    target = server()
    see(target, "--", clock.now - 2 * INTERVAL)
    settle(clock)
    see(target, "++", clock.now)
    clock.now += 2 * INTERVAL
    yield
    yield [f"{target.host_name} was down", f"{target.host_name} is up again"]


def show_who_takes_care(slack, clock):
    target = server()
    see(target, "--", clock.now - 2 * INTERVAL)
    settle(clock)
    recording.acknowledge(Incident.objects.latest("id").pk, actor=f"kim-{target.pk}", now=clock.now)
    clock.now += 2 * SECOND
    yield
    yield [f"kim-{target.pk}"]


def tell_a_storm(slack, clock):
    down = waves.fail(6, clock.now, environment="DEV")
    yield
    waves.look(down, clock.now, ok=True)
    settle(clock)
    yield ["DEV", "DEV: all 6 servers are up again"]


def tell_the_end_of_a_storm(slack, clock):
    down = waves.fail(6, clock.now, environment="DEV")
    settle(clock)
    waves.look(down, clock.now, ok=True)
    yield
    yield ["DEV", "DEV: all 6 servers are up again"]


SCENES = [
    tell_a_failure,
    tell_a_failure_whose_answer_is_lost,
    tell_an_end,
    show_who_takes_care,
    tell_a_storm,
    tell_the_end_of_a_storm,
]


def shown(slack, channel):
    return [f"{message['text']} {message.get('blocks')}" for message in slack.workspace.channels[channel.pk].messages]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_whichever_statement_fails_every_message_arrives_once(slack, channel, clock, scene, error):
    StormRule.objects.create(environment="LIVE", servers=0)
    first, every = (1, 1) if AT_LENGTH else (1 + list(ERRORS.values()).index(error), 7)
    for number in itertools.count(first, every):
        before = len(shown(slack, channel))
        playing = scene(slack, clock)
        next(playing)
        hiccup = Hiccup(number, error)
        with connection.execute_wrapper(hiccup):
            tick(clock, 3)
            tick(clock, 3)
        settle(clock)
        expected = next(playing)
        posted = shown(slack, channel)[before:]
        assert len(posted) == len(expected), (number, posted)
        assert all(text in message for text, message in zip(expected, posted, strict=True)), (number, posted)
        assert not Delivery.objects.exclude(state__in=(State.SENT, State.SKIPPED)).exists(), number
        slack.faults.clear()
        clock.now += 60 * SECOND
        if hiccup.left > 0:
            break
    assert number > 20


PASSING = {
    **ERRORS,
    "a full disk": OSError(28, "No space left on device"),
    "no memory": MemoryError(),
    "a table that is being changed": ProgrammingError(1412, "Table definition has changed"),
}


@pytest.mark.parametrize("error", PASSING.values(), ids=PASSING)
@pytest.mark.parametrize("by", ["bot", "webhook"])
def test_a_message_that_cannot_be_written_now_is_written_later_and_is_no_repeat(slack, clock, monkeypatch, error, by):
    hook_url = slack.hook_url() if by == "webhook" else None
    Channel.objects.create(channel_id=slack.channel, hook_url=hook_url)
    monkeypatch.setattr(sending, "READING_SECONDS", 0)
    see(server(), "--", clock.now - 2 * INTERVAL)
    with monkeypatch.context() as broken:
        broken.setattr(sending, "compose", raising(error))
        for _ in range(20):
            tick(clock)
        assert states() == [("pending", "")]
    for _ in range(60):
        tick(clock)
    assert states() == [("sent", "")]
    assert not Delivery.objects.get().possible_repeat
    assert len(slack.ledger.posted()) == 1


@pytest.mark.parametrize("error", [KeyError("count"), ValueError(), Incident.DoesNotExist()], ids=repr)
def test_one_that_cannot_be_written_at_all_is_settled(slack, channel, clock, monkeypatch, error):
    see(server(), "--", clock.now - 2 * INTERVAL)
    monkeypatch.setattr(sending, "compose", raising(error))
    tick(clock)
    assert states() == [("failed", "unwritable")]


def test_an_edit_that_cannot_be_written_now_is_written_later(slack, channel, clock, monkeypatch):
    target = server()
    see(target, "--", clock.now - 2 * INTERVAL)
    settle(clock)
    monkeypatch.setattr(sending, "READING_SECONDS", 0)
    with monkeypatch.context() as broken:
        broken.setattr(sending, "compose", raising(ERRORS["a lost connection"]))
        see(target, "++", clock.now)
        clock.now += 2 * INTERVAL
        for _ in range(5):
            tick(clock)
    settle(clock)
    assert "was down" in shown(slack, channel)[0]


def test_a_webhook_whose_message_cannot_be_read_now_is_posted_to_later(slack, clock):
    hook = Channel.objects.create(channel_id="hook", hook_url=slack.hook_url())
    see(server(), "--", clock.now - 2 * INTERVAL)
    outbox.fan_out_news(clock.now)
    attempt = claiming.claim(hook.pk, clock.now)
    assert attempt

    def lost(execute, sql, params, many, context):
        if Incident._meta.db_table in sql:
            raise ERRORS["a lost connection"]
        return execute(sql, params, many, context)

    with connection.execute_wrapper(lost), pytest.MonkeyPatch.context() as impatient:
        impatient.setattr(sending, "READING_SECONDS", 0)
        reply = sending._carry_out(attempt, clock)
    assert reply.code == "not_written"
    settle(clock)
    assert [message.text for message in slack.ledger.posted()] == [slack.ledger.posted()[0].text]
    assert not Delivery.objects.get().possible_repeat


def raising(error):
    def compose(*_args):
        raise error

    return compose
