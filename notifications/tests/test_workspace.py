"""The workspace's channels, read in the background and kept."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitors.tests.builders import NOW, SECOND
from notifications.models import Channel, Workspace, WorkspaceChannel
from notifications.outbox import EVERY
from notifications.tests.standin import Fault, Kind
from notifications.tests.test_sending import Clock, clock, slack
from notifications.transports.slack import workspace
from notifications.transports.slack.workspace.turns import LEASE, standing, take_turn

__all__ = ["clock", "slack"]  # fixtures
pytestmark = pytest.mark.django_db
TICK = timedelta(seconds=3)


def tick(clock, times=1):
    for _ in range(times):
        workspace.watch(clock)
        clock.now += TICK


def asked(slack, method="conversations.list"):
    return [entry for entry in slack.ledger.entries() if entry.method == method]


def names():
    return set(WorkspaceChannel.objects.values_list("name", flat=True))


def one():
    return Workspace.objects.get()


def fill(slack, count, **facts):
    for number in range(count):
        slack.workspace.add_channel(f"room-{number:04}", is_member=False, **facts)


def test_the_token_s_owner_and_scopes_are_known_after_a_tick(slack, clock):
    tick(clock)
    seen = workspace.seen()
    assert (seen.team, seen.team_id, seen.user_id) == ("Stand-in", "T0001", "U0001")
    assert set(seen.scopes) == slack.workspace.scopes
    assert seen.refreshed_at == NOW + 60 * SECOND
    assert names() == {"general", "alerts"}


def test_seed_defect_10_every_channel_of_a_large_workspace_is_listed_and_by_one_list(slack, clock):
    """Over short pages and an empty one, each asked for once, and never with a limit that Slack refuses."""
    fill(slack, 2_500)
    slack.workspace.page_sizes = (200, 0, 137, 200, 200, 1)
    tick(clock, 25)
    assert WorkspaceChannel.objects.count() == 2_502
    pages = len(asked(slack))
    assert {entry.outcome for entry in asked(slack)} == {"ok"}
    assert one().refreshed_at is not None
    tick(clock, 20)
    assert len(asked(slack)) == pages, "the next list begins later"


def test_seed_defect_10_the_pages_keep_slacks_pace(slack, clock):
    """20 calls a minute, however often the tick comes."""
    fill(slack, 1_000)
    for _ in range(10):
        workspace.watch(clock)
        clock.now += SECOND
    assert len(asked(slack)) == 4


def test_seed_defect_16_private_channels_are_listed_where_the_app_is_in_them(slack, clock):
    slack.workspace.add_channel("비밀-회의", is_private=True)
    slack.workspace.add_channel("others", is_private=True, is_member=False)
    slack.workspace.add_channel("old", is_archived=True)
    tick(clock)
    assert names() == {"general", "alerts", "비밀-회의", "old"}
    found = WorkspaceChannel.objects.get(name="비밀-회의")
    assert (found.is_private, found.is_member, found.is_archived, found.members) == (True, True, False, 3)
    assert WorkspaceChannel.objects.get(name="old").is_archived


def test_a_limit_in_the_middle_is_obeyed_and_the_list_goes_on_where_it_was(slack, clock):
    fill(slack, 500)
    tick(clock)
    slack.faults.set(Fault(Kind.RATE_LIMITED, method="conversations.list", seconds=40, times=1))
    tick(clock, 14)  # 42 s
    assert [entry.outcome for entry in asked(slack)] == ["ok", "ratelimited"]
    assert (one().refreshed_at, one().refresh_error) == (None, "ratelimited")
    workspace.ask_again(clock.now)
    tick(clock, 3)
    assert [entry.outcome for entry in asked(slack)] == ["ok", "ratelimited", "ok", "ok"]
    assert (WorkspaceChannel.objects.count(), one().refresh_error) == (502, "")


def test_a_cursor_that_slack_forgot_begins_the_list_anew(slack, clock):
    fill(slack, 300)
    tick(clock)
    slack.faults.set(Fault(Kind.ERROR, method="conversations.list", code="invalid_cursor", times=1))
    tick(clock, 14)
    assert [entry.outcome for entry in asked(slack)] == ["ok", "invalid_cursor", "ok", "ok"]
    assert WorkspaceChannel.objects.count() == 302


def test_what_vanished_goes_when_the_whole_list_was_read_and_not_before(slack, clock):
    fill(slack, 300)
    tick(clock, 3)
    assert WorkspaceChannel.objects.count() == 302
    gone = next(id_ for id_, channel in slack.workspace.channels.items() if channel.name == "general")
    del slack.workspace.channels[gone]
    clock.now += EVERY
    tick(clock)
    assert WorkspaceChannel.objects.filter(pk=gone).exists()
    tick(clock)
    assert not WorkspaceChannel.objects.filter(pk=gone).exists()
    assert WorkspaceChannel.objects.count() == 301


def test_a_process_that_dies_in_the_middle_is_followed_by_another(slack, clock):
    fill(slack, 300)
    tick(clock)
    assert take_turn(standing(), clock)  # and then it is killed
    tick(clock)
    assert len(asked(slack)) == 1
    clock.now += LEASE
    tick(clock)
    assert len(asked(slack)) == 2
    assert WorkspaceChannel.objects.count() == 302


def test_whoever_lost_its_turn_writes_nothing(slack, clock):
    first = take_turn(standing(), clock)
    clock.now += LEASE
    assert take_turn(standing(), clock)
    assert first
    assert not first.write(cursor="mine")
    assert one().cursor == ""


def test_a_clock_that_is_set_back_in_the_middle_loses_no_channel_and_does_not_stop_the_list(slack, clock):
    fill(slack, 300)
    tick(clock)
    clock.now -= timedelta(hours=5)
    tick(clock, 2)
    assert one().refreshed_at is not None
    assert WorkspaceChannel.objects.count() == 302


def test_a_channel_that_bears_slacks_name_is_renamed_with_it(slack, clock):
    general, alerts = slack.workspace.channels.values()
    Channel.objects.create(channel_id=alerts.id)
    Channel.objects.create(channel_id=general.id, name="our own word", enabled=False)
    tick(clock, 2)
    assert Channel.objects.get(pk=alerts.id).name == "alerts", "of one without a name"
    alerts.name, general.name = "경보", "town"
    clock.now += EVERY
    tick(clock)
    assert Channel.objects.get(pk=alerts.id).name == "경보"
    assert Channel.objects.get(pk=general.id).name == "our own word"


REFUSED = ["invalid_auth", "token_revoked", "account_inactive"]


@pytest.mark.parametrize("code", REFUSED)
def test_a_token_that_is_refused_is_said_and_asked_of_again_later(slack, clock, code):
    slack.faults.set(Fault(Kind.ERROR, method="auth.test", code=code))
    tick(clock, 100)
    assert one().error == code
    assert len(slack.ledger.entries()) == 1, "and Slack is not asked for anything else"
    slack.faults.clear()
    workspace.ask_again(clock.now)
    tick(clock)
    assert (one().error, names()) == ("", {"general", "alerts"})


def test_without_the_scope_to_list_it_is_said_what_is_missing(slack, clock):
    slack.workspace.scopes -= {"channels:read", "groups:read"}
    tick(clock, 5)
    assert one().refresh_error == "missing_scope:channels:read"
    assert asked(slack) == []
    slack.workspace.scopes |= {"channels:read"}
    workspace.ask_again(clock.now)
    slack.workspace.add_channel("secret", is_private=True)
    tick(clock, 2)
    assert names() == {"general", "alerts"}


def test_slacks_trouble_passes(slack, clock):
    slack.faults.set(Fault(Kind.STATUS, status=503, times=1))
    tick(clock, 2)
    assert workspace.seen().team == ""
    tick(clock, 10)
    assert workspace.seen().team == "Stand-in"


def test_another_token_begins_with_nothing(slack, clock, settings):
    tick(clock)
    settings.SLACK_BOT_TOKEN = slack.workspace.token = "xoxb-another"
    assert workspace.seen().team == ""
    tick(clock)
    assert workspace.seen().team == "Stand-in"
    assert len(asked(slack, "auth.test")) == 2


def test_another_workspace_takes_its_channels_with_it(slack, clock):
    tick(clock)
    Workspace.objects.update(team_id="T0000", identify_at=None)
    WorkspaceChannel.objects.create(slack_id="C9", name="theirs", seen_at=clock.now)
    tick(clock)
    assert "theirs" not in names()


def test_without_a_token_slack_is_not_asked(slack, clock, settings):
    settings.SLACK_BOT_TOKEN = ""
    tick(clock)
    assert slack.ledger.entries() == []
    assert not Workspace.objects.exists()


def test_a_tick_with_nothing_to_do_costs_three_reads(slack, clock, django_assert_num_queries):
    tick(clock, 2)
    with django_assert_num_queries(3):
        workspace.watch(Clock(clock.now))
