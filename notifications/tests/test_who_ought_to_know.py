"""Whoever ought to know of what is down is told once, and whoever was told is told its end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitors import recording
from monitors.models import Incident, Server
from monitors.tests.builders import INTERVAL, NOW, SECOND, see, server
from notifications import outbox
from notifications.models import Channel, Delivery
from notifications.tests import waves
from notifications.tests.test_sending import channel, clock, run, slack

__all__ = ["channel", "clock", "slack"]  # fixtures
pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
MINUTE = timedelta(minutes=1)
SOON = NOW + 60 * SECOND


def listen(channel_id, *environments):
    return Channel.objects.create(channel_id=channel_id, environments=list(environments) or None)


def told(channel_id="C1"):
    """The messages that the channel has got or will get."""
    rows = Delivery.objects.filter(channel=channel_id).exclude(state="skipped").order_by("id")
    return list(rows.values_list("kind", flat=True))


def fail(at=NOW, **columns):
    target = server(**columns)
    see(target, "--", at)
    return target


def recover(target, at):
    see(target, "++", at)
    outbox.fan_out_news(at + INTERVAL)


def move(target, environment, at=SOON):
    target.refresh_from_db()
    target.environment = environment
    recording.save(target, actor="kim", now=at)


class TestAFilterThatGrows:
    WIDER = {"to another": ["DEV", "LIVE"], "to all": None, "to all, as an empty list": []}

    @pytest.mark.parametrize("after", WIDER.values(), ids=WIDER)
    def test_tells_what_is_down_there_once(self, after):
        listen("C1", "DEV")
        target = fail(environment="LIVE")
        outbox.fan_out_news(SOON)
        for environments in (after, ["DEV"], after):
            outbox.change_channel("C1", {"environments": environments}, SOON)
        assert told() == ["ongoing"]
        recover(target, NOW + 10 * INTERVAL)
        assert told() == ["ongoing", "recovery"]

    def test_tells_nothing_that_was_told_before(self):
        listen("C1", "LIVE")
        fail(environment="LIVE")
        outbox.fan_out_news(SOON)
        outbox.change_channel("C1", {"environments": None}, SOON)
        assert told() == ["failure"]

    def test_tells_a_mass_outage_as_a_storm(self):
        listen("C1", "DEV")
        waves.fail(8, environment="STAGE")
        outbox.fan_out_news(SOON)
        outbox.change_channel("C1", {"environments": []}, SOON)
        assert told() == ["storm"]

    def test_that_shrinks_still_hears_the_end_of_what_it_was_told(self):
        listen("C1")
        target = fail(environment="LIVE")
        outbox.fan_out_news(SOON)
        outbox.change_channel("C1", {"environments": ["DEV"]}, SOON)
        recover(target, NOW + 10 * INTERVAL)
        assert told() == ["failure", "recovery"]


class TestAServerThatMovesWhileItIsDown:
    @pytest.fixture(autouse=True)
    def channels(self):
        listen("C1", "LIVE")
        listen("C2", "DEV")
        listen("C3", "DEV", "LIVE")
        listen("C4")

    def test_is_told_where_it_is_now_and_its_end_to_all_who_were_told(self):
        target = fail(environment="DEV")
        outbox.fan_out_news(SOON)
        move(target, "LIVE")
        outbox.fan_out_news(SOON + SECOND)
        assert Incident.objects.get().environment == "LIVE"
        recover(target, NOW + 10 * INTERVAL)
        assert told("C1") == ["ongoing", "recovery"]
        assert told("C2") == told("C3") == told("C4") == ["failure", "recovery"]

    def test_is_told_once_however_often_it_moves(self):
        target = fail(environment="DEV")
        outbox.fan_out_news(SOON)
        for environment in ("LIVE", "DEV", "LIVE"):
            move(target, environment)
            outbox.fan_out_news(SOON + SECOND)
        assert told("C1") == ["ongoing"]
        assert told("C2") == ["failure"]

    def test_is_told_in_both_places_when_it_moved_before_anybody_was_told(self):
        target = fail(environment="DEV")
        move(target, "LIVE")
        outbox.fan_out_news(SOON)
        assert told("C1") == ["ongoing"]
        assert told("C2") == told("C3") == ["failure"]

    def test_is_told_to_a_channel_that_listens_only_now(self):
        target = fail(environment="DEV")
        outbox.fan_out_news(SOON)
        move(target, "LIVE")
        outbox.fan_out_news(SOON)
        outbox.add_channel(Channel(channel_id="C5", environments=["LIVE"]), SOON)
        outbox.add_channel(Channel(channel_id="C6", environments=["DEV"]), SOON)
        assert told("C5") == ["ongoing"]
        assert told("C6") == []

    def test_is_not_told_while_its_notification_is_off_and_told_when_it_is_switched_on(self):
        target = fail(environment="DEV", notification=False)
        move(target, "LIVE")
        outbox.fan_out_news(SOON)
        assert told("C1") == []
        recording.set_notification([target.pk], True, actor="kim", now=SOON)
        outbox.fan_out_news(SOON)
        assert told("C1") == ["ongoing"]

    def test_is_told_once_when_it_moves_and_its_notification_is_switched_on_together(self):
        target = fail(environment="DEV", notification=False)
        outbox.fan_out_news(SOON)
        target.refresh_from_db()
        target.environment, target.notification = "LIVE", True
        recording.save(target, actor="kim", now=SOON)
        outbox.fan_out_news(SOON)
        assert told("C1") == ["ongoing"]

    def test_and_is_another_target_now_has_ended_for_whoever_was_told(self):
        target = fail(environment="DEV")
        outbox.fan_out_news(SOON)
        target.refresh_from_db()
        target.environment, target.host = "LIVE", "127.0.0.9"
        recording.save(target, actor="kim", now=SOON)
        outbox.fan_out_news(SOON)
        assert told("C1") == []
        assert told("C2") == ["failure", "ended"]

    def test_with_many_others_is_told_as_a_storm_to_whoever_did_not_know(self):
        targets = waves.fail(8, environment="DEV")
        outbox.fan_out_news(NOW + SECOND)
        moved = list(Server.objects.filter(pk__in=[target.pk for target in targets]))
        for target in moved:
            target.environment = "LIVE"
        recording.save_all(moved, actor="kim", now=SOON)
        outbox.fan_out_news(SOON)
        waves.look(targets, SOON + 10 * SECOND, ok=True)
        outbox.fan_out_news(SOON + 11 * SECOND)
        for channel_id in ("C1", "C2", "C3", "C4"):
            assert told(channel_id) == ["storm", "storm_end"], channel_id

    def test_and_is_renamed_is_told_no_second_time(self):
        target = fail(environment="LIVE")
        outbox.fan_out_news(SOON)
        target.refresh_from_db()
        target.host_name = "another-name"
        recording.save(target, actor="kim", now=SOON)
        outbox.fan_out_news(SOON)
        recover(target, NOW + 10 * INTERVAL)
        assert told("C1") == ["failure", "recovery"]


def test_the_message_of_a_server_that_moved_shows_where_it_is(slack, channel, clock):
    target = fail(environment="DEV", host_name="web")
    run(clock, 3)
    move(target, "LIVE", clock.now)
    run(clock, 3)
    (message,) = slack.workspace.channels[channel.pk].messages
    assert "LIVE web is down" in message["text"]


class TestAHandOverThatComesLate:
    LATE = {"61 min": 61 * MINUTE, "3 h": 180 * MINUTE, "a day": timedelta(days=1)}
    late = pytest.mark.parametrize("wait", LATE.values(), ids=LATE)

    @late
    def test_tells_an_outage_that_goes_on_as_such_and_its_end(self, wait):
        listen("C1")
        target = fail()
        outbox.fan_out_news(SOON + wait)
        assert told() == ["ongoing"]
        recover(target, SOON + wait + MINUTE)
        assert told() == ["ongoing", "recovery"]

    @late
    def test_tells_the_end_of_what_was_told(self, wait):
        listen("C1")
        target = fail()
        outbox.fan_out_news(SOON)
        see(target, "++", NOW + 10 * INTERVAL)
        outbox.fan_out_news(SOON + wait)
        assert told() == ["failure", "recovery"]

    @late
    def test_sums_up_what_is_over(self, wait):
        listen("C1")
        see(server(), "--++")
        outbox.fan_out_news(SOON + wait)
        assert told() == ["expired"]

    @late
    def test_tells_nobody_twice_who_began_to_listen_meanwhile(self, wait):
        target = fail()
        outbox.add_channel(Channel(channel_id="C1"), SOON + wait)
        outbox.fan_out_news(SOON + wait)
        assert told() == ["ongoing"]
        recover(target, SOON + wait + MINUTE)
        assert told() == ["ongoing", "recovery"]

    @late
    def test_tells_that_a_notification_was_switched_on(self, wait):
        listen("C1")
        target = fail(notification=False)
        outbox.fan_out_news(SOON)
        recording.set_notification([target.pk], True, actor="kim", now=SOON)
        outbox.fan_out_news(SOON + wait)
        assert told() == ["ongoing"]

    @late
    def test_tells_a_mass_outage_as_a_storm_and_its_end(self, wait):
        listen("C1")
        targets = waves.fail(8)
        outbox.fan_out_news(SOON + wait)
        waves.look(targets, SOON + wait + MINUTE, ok=True)
        outbox.fan_out_news(SOON + wait + 2 * MINUTE)
        assert told() == ["storm", "storm_end"]

    @late
    def test_tells_a_server_that_moved(self, wait):
        listen("C1", "LIVE")
        target = fail(environment="DEV")
        move(target, "LIVE")
        outbox.fan_out_news(SOON + wait)
        assert told() == ["ongoing"]


class TestAChannelThatIsMadeAnew:
    def test_is_not_told_again_what_it_was_told_under_the_same_id_but_its_end(self, slack, channel, clock):
        target = fail()
        run(clock, 3)
        outbox.remove_channels([channel.pk], clock.now)
        outbox.add_channel(Channel(channel_id=channel.pk), clock.now)
        run(clock, 3)
        recover(target, clock.now)
        clock.now += INTERVAL
        run(clock, 5)
        assert len(slack.ledger.posted()) == 2

    def test_is_told_what_it_had_not_been_told(self, slack, channel, clock):
        fail()
        outbox.fan_out_news(clock.now)
        outbox.remove_channels([channel.pk], clock.now)
        outbox.add_channel(Channel(channel_id=channel.pk), clock.now)
        run(clock, 3)
        assert len(slack.ledger.posted()) == 1
