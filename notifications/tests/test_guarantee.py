"""What each channel can be promised, and what is missing for more."""

from __future__ import annotations

import re

import pytest
import yaml
from django.conf import settings
from django.utils import translation

from monitors.tests.builders import NOW, see, server
from notifications import outbox
from notifications.models import Channel, Guarantee
from notifications.outbox import EVERY
from notifications.promises import describe_guarantee
from notifications.tests.standin import Fault, Kind
from notifications.tests.standin.workspace import ALL_SCOPES
from notifications.tests.test_sending import clock, run, slack
from notifications.tests.test_workspace import asked, tick
from notifications.transports.slack import workspace
from notifications.transports.slack.lacks import describe_lack
from notifications.transports.slack.workspace.wording import SCOPES

__all__ = ["clock", "slack"]  # fixtures
pytestmark = pytest.mark.django_db

EXACTLY, AT_LEAST = Guarantee.EXACTLY_ONCE, Guarantee.AT_LEAST_ONCE
HISTORY = {"channels:history", "groups:history"}


def promised(channel_id):
    found = Channel.objects.get(pk=channel_id)
    return found.guarantee, found.lacks


CASES = {  # what the app may do, and how the channel is: what it can be promised, and what is missing
    "all is there": (set(), {}, EXACTLY, ""),
    "public, not in it: joined": (set(), {"is_member": False}, EXACTLY, ""),
    "public, may not join": ({"channels:join"}, {"is_member": False}, AT_LEAST, "not_in_channel"),
    "public, may not read": ({"channels:history"}, {}, AT_LEAST, "missing_scope:channels:history"),
    "private": (set(), {"is_private": True}, EXACTLY, ""),
    "private, may not read": ({"groups:history"}, {"is_private": True}, AT_LEAST, "missing_scope:groups:history"),
    "private, not in it": (set(), {"is_private": True, "is_member": False}, AT_LEAST, "channel_not_found"),
    "may not look": ({"channels:read"}, {}, AT_LEAST, "missing_scope:channels:read"),
    "archived": (set(), {"is_archived": True}, AT_LEAST, "is_archived"),
}


@pytest.mark.parametrize(("without", "facts", "guarantee", "lacks"), CASES.values(), ids=CASES)
def test_a_channel_says_what_it_can_be_promised(slack, clock, without, facts, guarantee, lacks):
    slack.workspace.scopes -= without
    target = slack.workspace.add_channel("경보", **facts)
    Channel.objects.create(channel_id=target.id)
    tick(clock, 2)
    assert promised(target.id) == (guarantee, lacks)
    assert target.is_member or guarantee == AT_LEAST


def test_a_webhook_can_promise_no_more_than_at_least_once(clock):
    Channel.objects.create(channel_id="hook-1", hook_url="https://hooks.slack.com/services/T/B/x")
    tick(clock)
    assert promised("hook-1") == (AT_LEAST, "webhook")


def test_without_a_token_nothing_is_looked_for(clock):
    Channel.objects.create(channel_id="C1")
    tick(clock)
    assert promised("C1") == (AT_LEAST, "not_authed")


def test_a_refused_token_is_every_channels_lack_until_it_is_mended(slack, clock):
    Channel.objects.create(channel_id=slack.channel)
    slack.faults.set(Fault(Kind.ERROR, method="auth.test", code="token_revoked"))
    tick(clock)
    assert promised(slack.channel) == (AT_LEAST, "token_revoked")
    slack.faults.clear()
    clock.now += EVERY
    tick(clock, 2)
    assert promised(slack.channel) == (EXACTLY, "")


def test_a_scope_that_is_given_later_is_seen_by_itself(slack, clock):
    slack.workspace.scopes -= HISTORY
    Channel.objects.create(channel_id=slack.channel)
    tick(clock)
    assert promised(slack.channel) == (AT_LEAST, "missing_scope:channels:history")
    slack.workspace.scopes |= HISTORY
    clock.now += EVERY
    tick(clock)
    assert promised(slack.channel) == (EXACTLY, "")


def test_a_channel_that_is_switched_on_is_looked_at_at_once(slack, clock):
    Channel.objects.create(channel_id=slack.channel, enabled=False)
    tick(clock, 3)
    assert promised(slack.channel) == (Guarantee.UNCHECKED, "")
    outbox.set_enabled([slack.channel], True, clock.now)
    tick(clock)
    assert promised(slack.channel) == (EXACTLY, "")
    slack.workspace.scopes -= HISTORY
    workspace.ask_again(clock.now)
    for change in ({"enabled": False}, {"enabled": True}):
        outbox.change_channel(slack.channel, change, clock.now)
    tick(clock)
    assert promised(slack.channel) == (AT_LEAST, "missing_scope:channels:history")


def test_a_channel_that_is_given_a_webhook_is_unchecked_until_it_is_looked_at(slack, clock):
    Channel.objects.create(channel_id=slack.channel)
    tick(clock)
    outbox.change_channel(slack.channel, {"hook_url": slack.hook_url()}, clock.now)
    assert promised(slack.channel) == (Guarantee.UNCHECKED, "")
    tick(clock)
    assert promised(slack.channel) == (AT_LEAST, "webhook")


def test_looking_does_not_touch_when_the_channel_was_changed(slack, clock):
    Channel.objects.create(channel_id=slack.channel)
    Channel.objects.update(updated_at=NOW)
    tick(clock)
    assert promised(slack.channel) == (EXACTLY, "")
    assert Channel.objects.get().updated_at == NOW


def test_many_channels_are_looked_at_at_slacks_pace(slack, clock):
    """50 a minute (tier 3)."""
    for number in range(100):
        channel = slack.workspace.add_channel(f"room-{number}")
        Channel.objects.create(channel_id=channel.id)
    tick(clock, 20)
    assert 30 <= len(asked(slack, "conversations.info")) <= 50
    tick(clock, 40)
    assert set(Channel.objects.values_list("guarantee", flat=True)) == {EXACTLY}


def test_a_channel_that_slack_stumbles_over_holds_up_no_other(slack, clock):
    channels = [slack.workspace.add_channel(f"room-{number}").id for number in range(4)]
    for channel_id in channels:
        Channel.objects.create(channel_id=channel_id)
    slack.faults.set(Fault(Kind.STATUS, status=500, channel=channels[0], method="conversations.info"))
    tick(clock, 200)
    assert [promised(channel_id)[0] for channel_id in channels] == [Guarantee.UNCHECKED, EXACTLY, EXACTLY, EXACTLY]


def test_a_promise_is_kept_a_lost_message_is_looked_for_only_where_it_can_be(slack, clock):
    """In a channel without the scope it is sent again, marked; where the app may read it is found."""
    Channel.objects.create(channel_id=slack.channel)
    tick(clock, 2)
    slack.faults.set(Fault(Kind.RECORD_THEN_CUT, method="chat.postMessage", times=1))
    see(server(), "+--")
    run(clock, 40)
    assert len(slack.ledger.posted()) == 1


LACKS = ["webhook", "not_in_channel", "missing_scope:channels:history", "not_authed", "is_archived", "history_too_long"]


@pytest.mark.parametrize("lacks", LACKS)
def test_what_is_missing_is_said_in_both_languages(lacks):
    assert describe_lack(lacks)
    assert lacks.partition(":")[2] in describe_lack(lacks)
    channel = Channel(channel_id="C1", guarantee=AT_LEAST, lacks=lacks)
    with translation.override("ko"):
        assert re.search("[가-힣]", describe_lack(lacks))
        assert re.search("[가-힣]", describe_guarantee(channel))


def test_every_scope_says_what_it_is_for_in_both_languages():
    with translation.override("ko"):
        assert all(re.search("[가-힣]", str(purpose)) for purpose in SCOPES.values())


def test_the_manifest_asks_for_the_scopes_that_are_explained_and_no_other():
    manifest = yaml.safe_load((settings.BASE_DIR / "docs" / "slack-app-manifest.yaml").read_text())
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == set(SCOPES) == ALL_SCOPES
    assert manifest["settings"]["socket_mode_enabled"]
    assert manifest["settings"]["interactivity"]["is_enabled"]
    readme = (settings.BASE_DIR / "README.md").read_text()
    assert set(re.findall(r"^\| `([a-z]+:[a-z.]+)` \|", readme, re.MULTILINE)) == set(SCOPES)
