"""What is a member of a storm, and what becomes of it; what Slack is told is in `test_storm_messages`."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitors import recording
from monitors.tests.builders import NOW, SECOND
from monitors.tests.test_concurrency import together
from notifications import outbox
from notifications.models import Channel, Delivery, State, Storm, StormRule
from notifications.outbox import claiming, fan_out, grouping, settling
from notifications.outbox.grouping import Rule
from notifications.tests.waves import fail, fleet, look
from notifications.transports.slack import Reply, Verdict

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
SOON = NOW + SECOND


@pytest.fixture
def channel():
    return Channel.objects.create(channel_id="C1", name="alerts")


def rows(channel_id="C1", **condition):
    found = Delivery.objects.filter(channel=channel_id, **condition).order_by("id")
    return [(row.kind, row.state, row.reason) for row in found]


def told(channel_id="C1"):
    """What is sent, or has been."""
    return [kind for kind, state, _ in rows(channel_id) if state != State.SKIPPED]


def post_next(now, reply=None, channel_id="C1"):
    """Send what is next, and hear from Slack that it has it, or `reply`."""
    attempt = claiming.claim(channel_id, now)
    assert attempt
    settling.settle(attempt, reply or Reply(Verdict.SENT, remote_id=f"{now.timestamp():.6f}"), now)
    return Delivery.objects.get(pk=attempt.delivery.pk)


def test_failures_that_are_few_are_told_one_by_one(channel):
    fail(4)
    outbox.fan_out_news(SOON)
    assert told() == ["failure"] * 4
    assert not Storm.objects.exists()


def test_from_five_within_half_a_minute_on_they_are_told_as_one(channel):
    fail(5)
    outbox.fan_out_news(SOON)
    assert told() == ["storm"]
    assert rows(kind="failure") == [("failure", "skipped", "absorbed")] * 5
    storm = Storm.objects.get()
    assert (storm.channel_id, storm.environment, storm.ended_at) == ("C1", "LIVE", None)
    assert grouping.members(storm.pk).count() == 5


def test_each_environment_and_each_channel_has_storms_of_its_own():
    Channel.objects.create(channel_id="C1")
    Channel.objects.create(channel_id="C2", environments=["STAGE"])
    fail(5)
    fail(5, environment="STAGE")
    fail(4, environment="DEV")
    outbox.fan_out_news(SOON)
    assert sorted(told("C1")) == ["failure"] * 4 + ["storm"] * 2
    assert told("C2") == ["storm"]
    assert Storm.objects.get(channel="C2").environment == "STAGE"


def test_the_rule_of_an_environment_says_how_many_and_how_soon(channel):
    StormRule.objects.create(environment="LIVE", servers=2, seconds=5)
    StormRule.objects.create(environment="DEV", servers=0)
    fail(1)
    fail(1, NOW + 6 * SECOND)
    fail(20, environment="DEV")
    outbox.fan_out_news(NOW + 7 * SECOND)
    assert told() == ["failure"] * 22
    fail(1, NOW + 8 * SECOND)
    outbox.fan_out_news(NOW + 9 * SECOND)
    assert Storm.objects.get().environment == "LIVE"


def test_servers_whose_notification_is_off_are_no_part_of_it(channel):
    fail(4)
    fail(4, notification=False)
    outbox.fan_out_news(SOON)
    assert told() == ["failure"] * 4


def test_what_slack_has_been_told_points_at_the_storm_and_what_it_has_not_is_not_sent(channel):
    fail(3)
    outbox.fan_out_news(SOON)
    sent = post_next(SOON)
    uncertain = post_next(SOON + SECOND, Reply(Verdict.UNCERTAIN, "timeout"))
    fail(2, NOW + 5 * SECOND)
    outbox.fan_out_news(NOW + 6 * SECOND)
    storm = Storm.objects.get()
    assert rows(kind="failure") == [
        ("failure", "sent", ""),
        ("failure", "uncertain", ""),
        *[("failure", "skipped", "absorbed")] * 3,
    ]
    for row in (sent, uncertain):
        row.refresh_from_db()
        assert (row.storm_id, row.edit_due_at) == (storm.pk, NOW + 6 * SECOND + grouping.AFTER_OPENING)


def test_what_was_told_long_before_or_is_over_stays_as_it_is(channel):
    fail(1, NOW - 60 * SECOND)
    healed = fail(1)
    outbox.fan_out_news(NOW)
    look(healed, SOON, ok=True)
    fail(4, SOON)
    outbox.fan_out_news(NOW + 2 * SECOND)
    assert not Storm.objects.exists()
    fail(1, NOW + 3 * SECOND)
    outbox.fan_out_news(NOW + 4 * SECOND)
    assert grouping.members(Storm.objects.get().pk).count() == 5


def test_whoever_fails_within_the_window_joins_and_whoever_fails_later_is_told_alone(channel):
    fail(5)
    outbox.fan_out_news(SOON)
    fail(2, NOW + 20 * SECOND)
    outbox.fan_out_news(NOW + 21 * SECOND)
    fail(1, NOW + 50 * SECOND)
    outbox.fan_out_news(NOW + 51 * SECOND)
    assert grouping.members(Storm.objects.get().pk).count() == 8
    fail(1, NOW + 81 * SECOND)
    outbox.fan_out_news(NOW + 82 * SECOND)
    assert told() == ["storm", "failure"]
    fail(4, NOW + 82 * SECOND)
    outbox.fan_out_news(NOW + 83 * SECOND)
    assert told() == ["storm", "storm"]


def test_members_recover_inside_and_the_end_is_told_when_the_last_has(channel):
    servers = fail(6)
    outbox.fan_out_news(SOON)
    post_next(SOON)
    look(servers[1:], NOW + 10 * SECOND, ok=True)
    outbox.fan_out_news(NOW + 11 * SECOND)
    assert told() == ["storm"]
    assert rows(kind="recovery") == [("recovery", "skipped", "absorbed")] * 5
    assert Delivery.objects.get(kind="storm").edit_due_at == NOW + 11 * SECOND
    look(servers[:1], NOW + 20 * SECOND, ok=True)
    outbox.fan_out_news(NOW + 21 * SECOND)
    assert told() == ["storm", "storm_end"]
    assert Storm.objects.get().ended_at == NOW + 21 * SECOND


@pytest.mark.parametrize("end", ["pause", "delete"])
def test_a_member_that_is_no_longer_watched_is_no_longer_down(channel, end):
    servers = fail(5)
    outbox.fan_out_news(SOON)
    getattr(recording, end)([server.pk for server in servers], actor="kim", now=SOON)
    outbox.fan_out_news(SOON + SECOND)
    assert told() == ["storm", "storm_end"]
    assert rows(kind="ended") == [("ended", "skipped", "absorbed")] * 5


def test_a_member_that_fails_again_joins_again(channel):
    servers = fail(5)
    outbox.fan_out_news(SOON)
    look(servers[:1], NOW + 2 * SECOND, ok=True)
    look(servers[:1], NOW + 3 * SECOND, ok=False)
    outbox.fan_out_news(NOW + 4 * SECOND)
    look(servers[1:], NOW + 5 * SECOND, ok=True)
    outbox.fan_out_news(NOW + 6 * SECOND)
    assert told() == ["storm"]
    assert Storm.objects.get().ended_at is None
    look(servers[:1], NOW + 7 * SECOND, ok=True)
    outbox.fan_out_news(NOW + 8 * SECOND)
    assert told() == ["storm", "storm_end"]


def test_whoever_was_told_by_itself_before_the_storm_recovers_inside_it(channel):
    first = fail(1)
    outbox.fan_out_news(SOON)
    post_next(SOON)
    fail(4, NOW + 5 * SECOND)
    outbox.fan_out_news(NOW + 6 * SECOND)
    look(first, NOW + 7 * SECOND, ok=True)
    outbox.fan_out_news(NOW + 8 * SECOND)
    assert rows(kind="recovery") == [("recovery", "skipped", "absorbed")]


def test_failures_and_recoveries_that_waited_together_are_one_storm_that_is_over(channel, monkeypatch):
    """However many parts they are handed over in."""
    monkeypatch.setattr(fan_out, "MOST", 10)
    servers = fleet(12)
    for server in servers:
        look([server], NOW, ok=False)
        look([server], NOW + SECOND, ok=True)
    outbox.fan_out_news(NOW + 2 * SECOND)
    assert Storm.objects.count() == 1
    assert told() == ["storm", "storm_end"]
    assert post_next(NOW + 3 * SECOND).kind == "storm_end"
    assert told() == ["storm_end"]


def test_a_storm_ends_though_the_process_was_killed_before_it_said_so(channel):
    servers = fail(5)
    outbox.fan_out_news(SOON)
    look(servers, NOW + 5 * SECOND, ok=True)
    fan_out._fan_out_some(NOW + 6 * SECOND)  # and then it is killed
    assert told() == ["storm"]
    outbox.fan_out_news(NOW + 7 * SECOND)
    outbox.fan_out_news(NOW + 8 * SECOND)
    assert told() == ["storm", "storm_end"]


def test_switching_the_notification_of_a_member_off_and_on_says_nothing_new(channel):
    servers = fail(5)
    outbox.fan_out_news(SOON)
    recording.set_notification([servers[0].pk], False, actor="kim", now=SOON)
    recording.set_notification([servers[0].pk], True, actor="kim", now=SOON)
    outbox.fan_out_news(SOON + SECOND)
    assert told() == ["storm"]
    look(servers, NOW + 5 * SECOND, ok=True)
    outbox.fan_out_news(NOW + 6 * SECOND)
    assert told() == ["storm", "storm_end"]


def test_switching_many_notifications_on_is_told_as_one(channel):
    servers = fail(8, notification=False)
    outbox.fan_out_news(SOON)
    recording.set_notification([server.pk for server in servers], True, actor="kim", now=SOON)
    outbox.fan_out_news(SOON + SECOND)
    assert told() == ["storm"]


def test_a_channel_that_begins_to_listen_in_a_mass_outage_is_told_once():
    servers = fail(30)
    fail(2, environment="DEV")
    outbox.fan_out_news(SOON)
    outbox.add_channel(Channel(channel_id="C1"), SOON)
    assert sorted(told()) == ["ongoing", "ongoing", "storm"]
    look(servers, NOW + 5 * SECOND, ok=True)
    outbox.fan_out_news(NOW + 6 * SECOND)
    assert sorted(told()) == ["ongoing", "ongoing", "storm", "storm_end"]


def test_one_that_is_disabled_and_enabled_again_is_not_told_twice(channel):
    servers = fail(6)
    outbox.fan_out_news(SOON)
    opening = post_next(SOON)
    outbox.set_enabled(["C1"], False, SOON + SECOND)
    look(servers[:2], NOW + 5 * SECOND, ok=True)
    outbox.fan_out_news(NOW + 6 * SECOND)
    assert claiming.claim("C1", NOW + 6 * SECOND) is None
    outbox.set_enabled(["C1"], True, NOW + 20 * SECOND)
    assert told() == ["storm"]
    opening.refresh_from_db()
    assert opening.edit_due_at == NOW + 20 * SECOND


def test_one_that_was_disabled_before_it_heard_is_told_when_it_listens_again(channel):
    servers = fail(6)
    outbox.fan_out_news(SOON)
    outbox.set_enabled(["C1"], False, SOON)
    claiming.claim("C1", SOON)
    assert rows(kind="storm") == [("storm", "skipped", "channel_disabled")]
    outbox.set_enabled(["C1"], True, SOON + SECOND)
    assert told() == ["storm"]
    look(servers, NOW + 5 * SECOND, ok=True)
    outbox.fan_out_news(NOW + 6 * SECOND)
    post_next(NOW + 7 * SECOND)
    assert rows(kind="storm_end") == [("storm_end", "skipped", "channel_disabled"), ("storm_end", "sent", "")]
    assert not Storm.objects.filter(ended_at=None).exists()


def test_the_storms_of_a_channel_that_is_deleted_end_in_silence(channel):
    servers = fail(6)
    outbox.fan_out_news(SOON)
    outbox.remove_channels(["C1"], SOON)
    look(servers, NOW + 5 * SECOND, ok=True)
    outbox.fan_out_news(NOW + 6 * SECOND)
    for channel_id in outbox.due_channels(NOW + 7 * SECOND):
        assert claiming.claim(channel_id, NOW + 7 * SECOND) is None
    assert told() == []
    assert not Storm.objects.filter(ended_at=None).exists()


def test_an_environment_without_a_rule_has_what_a_new_rule_has():
    rule = StormRule(environment="LIVE")
    assert Rule() == Rule(rule.servers, rule.seconds * SECOND)


def test_the_first_message_need_not_wait_for_the_last_part(channel, monkeypatch):
    monkeypatch.setattr(fan_out, "MOST", 5)
    fail(12)
    parts = outbox.fan_out_in_parts(lambda: SOON)
    assert next(parts) == 5
    assert outbox.due_channels(SOON) == ["C1"]
    assert list(parts) == [5, 2]


@pytest.mark.django_db(transaction=True)
def test_hand_overs_and_claims_at_once_make_one_storm_and_forget_nobody(channel):
    fleets = [fleet(15, environment="LIVE") for _ in range(3)]

    def fall(servers):
        for server in servers:
            look([server], NOW, ok=False)
            outbox.fan_out_news(SOON)

    def send():
        for second in range(20):
            if attempt := claiming.claim("C1", SOON + second * SECOND):
                settling.settle(attempt, Reply(Verdict.SENT, remote_id="1.000001"), SOON + second * SECOND)

    together(*[lambda servers=servers: fall(servers) for servers in fleets], send)
    outbox.fan_out_news(SOON)
    assert Storm.objects.count() == 1
    assert grouping.members(Storm.objects.get().pk).count() == 45
    assert len(rows(kind="storm")) == 1
    assert told().count("failure") <= 4
    together(*[lambda servers=servers: look(servers, NOW + 5 * SECOND, ok=True) for servers in fleets])
    together(*[lambda: outbox.fan_out_news(NOW + 6 * SECOND)] * 3)
    assert len(rows(kind="storm_end")) == 1
    assert {state for _, state, _ in rows(kind="recovery")} == {"skipped"}


class TestRefused:
    """Slack does not take the storm's message, for good."""

    @pytest.fixture
    def servers(self, channel):
        self.single = fail(1)
        outbox.fan_out_news(SOON)
        post_next(SOON)
        servers = fail(5, NOW + 2 * SECOND)
        outbox.fan_out_news(NOW + 3 * SECOND)
        opening = post_next(NOW + 3 * SECOND, Reply(Verdict.GIVE_UP, "restricted_action"))
        assert (opening.kind, opening.state, opening.reason) == ("storm", "failed", "restricted_action")
        return servers

    def test_nobody_joins_it(self, servers):
        fail(1, NOW + 4 * SECOND)
        outbox.fan_out_news(NOW + 5 * SECOND)
        assert rows(kind="failure")[-1] == ("failure", "pending", "")
        fail(5, NOW + 5 * SECOND)
        outbox.fan_out_news(NOW + 6 * SECOND)
        assert rows(kind="storm") == [("storm", "failed", "restricted_action"), ("storm", "pending", "")]

    def test_whoever_was_told_by_itself_is_told_its_end(self, servers):
        look(self.single, NOW + 5 * SECOND, ok=True)
        outbox.fan_out_news(NOW + 6 * SECOND)
        assert rows(kind="recovery") == [("recovery", "pending", "")]

    def test_its_end_tells_of_it_all(self, servers):
        look([*self.single, *servers], NOW + 5 * SECOND, ok=True)
        outbox.fan_out_news(NOW + 6 * SECOND)
        assert rows(kind="recovery")[1:] == [("recovery", "skipped", "absorbed")] * 5
        post_next(NOW + 7 * SECOND)
        end = post_next(NOW + 8 * SECOND)
        assert (end.kind, end.state, end.facts) == ("storm_end", "sent", {"late": True})

    def test_sent_again_by_hand_it_tells(self, servers):
        outbox.resend(Delivery.objects.get(kind="storm").pk, NOW + 5 * SECOND)
        assert post_next(NOW + 6 * SECOND).state == State.SENT


@pytest.mark.parametrize(("ended", "kept"), [(True, 0), (False, 7)], ids=["over", "goes on"])
def test_old_storms_go_when_they_are_over(channel, ended, kept):
    servers = fail(6)
    outbox.fan_out_news(SOON)
    post_next(SOON)
    if ended:
        look(servers, NOW + 5 * SECOND, ok=True)
        outbox.fan_out_news(NOW + 6 * SECOND)
        post_next(NOW + 7 * SECOND)
    outbox.prune(NOW + timedelta(days=30))
    assert Storm.objects.exists()
    outbox.prune(NOW + timedelta(days=91))
    assert Delivery.objects.count() == kept
    assert Storm.objects.count() == (1 if kept else 0)
