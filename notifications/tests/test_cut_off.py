"""Channels whose messages Slack refuses: seen, said, and told what goes on once they are mended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitors.models import Server
from monitors.tests.builders import INTERVAL, NOW, SECOND, see, server
from notifications import outbox
from notifications.models import Channel, Delivery, Guarantee
from notifications.tests import waves
from notifications.tests.standin import Fault, Kind
from notifications.tests.test_sending import channel, clock, run, slack, states, texts
from notifications.transports.slack import workspace
from notifications.transports.slack.lacks import CANNOT_POST, CUT_OFF, UNSEEN, lack_of_refused
from notifications.transports.slack.refusals import REFUSALS
from notifications.transports.words import WORDS

__all__ = ["channel", "clock", "slack"]  # fixtures
pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def wait(clock, minutes):
    """What ticks do, the workspace's among them; one of each in a minute, and some more at its end."""
    for _ in range(minutes):
        clock.now += MINUTE
        workspace.watch(clock)
        run(clock, 3)


def lacks():
    return Channel.objects.get().lacks


def shown(slack, channel):
    return [message["text"] for message in slack.workspace.channels[channel.pk].messages]


def test_an_archived_channel_is_told_what_goes_on_once_it_is_open_again(slack, channel, clock):
    workspace.watch(clock)
    slack.workspace.channels[channel.pk].is_archived = True
    lasting, over = server(host_name="lasting"), server(host_name="over")
    see(lasting, "+--")
    see(over, "+--")
    run(clock, 5)
    assert states() == [("failed", "is_archived")] * 2
    assert lacks() == "is_archived"
    see(over, "++", NOW + 10 * INTERVAL)
    clock.now = NOW + 12 * INTERVAL
    wait(clock, 5)
    assert texts(slack) == []
    slack.workspace.channels[channel.pk].is_archived = False
    wait(clock, 5)
    assert len(texts(slack)) == 1
    assert "lasting" in texts(slack)[0]
    wait(clock, 20)
    assert len(texts(slack)) == 1
    assert Channel.objects.get().guarantee == Guarantee.EXACTLY_ONCE


def test_what_a_revoked_token_could_not_tell_is_told_by_the_next_one(slack, channel, clock, settings):
    workspace.watch(clock)
    slack.faults.set(Fault(Kind.ERROR, code="token_revoked"))
    see(server(host_name="lasting"), "+--")
    run(clock, 5)
    wait(clock, 30)
    assert (lacks(), texts(slack)) == ("token_revoked", [])
    assert Delivery.objects.count() == 1, "nothing is tried again as long as nothing is mended"
    slack.faults.clear()
    settings.SLACK_BOT_TOKEN = slack.workspace.token = "xoxb-the-next-one"
    wait(clock, 2)
    assert len(texts(slack)) == 1
    assert lacks() == ""


def test_who_was_in_a_storm_that_was_refused_is_told_and_its_end_once(slack, channel, clock):
    workspace.watch(clock)
    slack.workspace.channels[channel.pk].is_archived = True
    down = waves.fail(6, clock.now)
    run(clock, 5)
    slack.workspace.channels[channel.pk].is_archived = False
    wait(clock, 5)
    assert len(texts(slack)) == 1
    assert "6 of 6" in texts(slack)[0]
    waves.look(down, clock.now, ok=True)
    clock.now += SECOND
    run(clock, 30)
    assert len(texts(slack)) == 2


def test_what_was_told_before_is_not_told_again_but_shown_to_be_over(slack, channel, clock):
    """Its recovery was refused."""
    workspace.watch(clock)
    lasting, over = server(host_name="lasting"), server(host_name="over")
    see(lasting, "+--")
    see(over, "+--")
    run(clock, 5)
    slack.workspace.channels[channel.pk].is_archived = True
    see(over, "++", NOW + 10 * INTERVAL)
    clock.now = NOW + 12 * INTERVAL
    run(clock, 5)
    assert states()[-1] == ("failed", "is_archived")
    slack.workspace.channels[channel.pk].is_archived = False
    wait(clock, 5)
    assert len(texts(slack)) == 2, "the two failures"
    assert ["is down" in text for text in shown(slack, channel)] == [True, False]


def test_a_channel_that_is_switched_on_again_shows_what_ended_meanwhile(slack, channel, clock):
    target = server(host_name="srv")
    see(target, "+--")
    run(clock, 3)
    outbox.set_enabled([channel.pk], False, clock.now)
    see(target, "++", NOW + 10 * INTERVAL)
    clock.now = NOW + 12 * INTERVAL
    run(clock, 3)
    assert "is down" in shown(slack, channel)[0]
    outbox.set_enabled([channel.pk], True, clock.now)
    run(clock, 5)
    assert "is down" not in shown(slack, channel)[0]
    assert len(texts(slack)) == 1, "an edit, and no message about what is over"
    before = len(slack.ledger.entries())
    for enabled in (False, True):
        outbox.set_enabled([channel.pk], enabled, clock.now)
    run(clock, 5)
    assert len(slack.ledger.entries()) == before, "what says the truth is not written again"


def test_a_refusal_that_asking_does_not_show_lasts_until_a_message_is_taken(slack, channel, clock):
    workspace.watch(clock)
    slack.faults.set(Fault(Kind.ERROR, code="restricted_action", method="chat.postMessage"))
    see(server(host_name="lasting"), "+--")
    run(clock, 5)
    wait(clock, 30)
    assert (lacks(), Delivery.objects.count()) == ("restricted_action", 1)
    slack.faults.clear()
    outbox.send_test(channel.pk, clock)
    wait(clock, 2)
    assert lacks() == ""
    assert "lasting" in texts(slack)[-1]
    assert len(texts(slack)) == 2


def test_a_webhook_that_was_removed_lasts_until_there_is_another(slack, clock):
    Channel.objects.create(channel_id="hook", hook_url=slack.hook_url())
    workspace.watch(clock)
    slack.faults.set(Fault(Kind.ERROR, code="no_service", method="webhook"))
    see(server(host_name="lasting"), "+--")
    run(clock, 5)
    wait(clock, 30)
    assert (lacks(), Delivery.objects.count()) == ("no_service", 1)
    slack.faults.clear()
    outbox.change_channel("hook", {"hook_url": slack.hook_url()}, clock.now)
    wait(clock, 2)
    assert lacks() == "webhook"
    assert len(texts(slack)) == 1


def test_without_a_way_to_write_in_a_public_channel_it_is_cut_off_until_the_app_is_in_it(slack, clock):
    slack.workspace.scopes -= {"chat:write.public", "channels:join"}
    target = slack.workspace.add_channel("alarms", is_member=False)
    Channel.objects.create(channel_id=target.id)
    workspace.watch(clock)
    assert lacks() == CANNOT_POST
    see(server(), "+--")
    run(clock, 3)
    assert states() == [("failed", "not_in_channel")]
    target.is_member = True
    wait(clock, 4)
    assert states()[-1] == ("sent", "")


def test_one_line_of_the_log_tells_of_a_channel_that_is_cut_off(slack, channel, clock, caplog):
    workspace.watch(clock)
    slack.workspace.channels[channel.pk].is_archived = True
    for _ in range(3):
        see(server(), "+--")
    run(clock, 6)
    wait(clock, 10)
    assert Server.objects.count() == len(states())
    assert [record.message for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == [
        "alerts do not arrive"
    ]


@pytest.mark.parametrize("code", sorted(UNSEEN))
def test_every_reason_says_what_to_do(code):
    assert code in {**WORDS, **REFUSALS}


def test_a_refused_thread_or_form_does_not_cut_a_channel_off():
    assert {lack_of_refused(code) for code in ("thread_locked", "invalid_blocks", "brand_new_code")} == {""}
    assert lack_of_refused("missing_scope") in CUT_OFF
