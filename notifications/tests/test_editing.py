"""The message that told of a failure lives until the outage is over."""

from datetime import timedelta

import pytest

from monitors import recording
from monitors.models import Incident
from monitors.tests.builders import INTERVAL, NOW, SECOND, see, server
from notifications import outbox
from notifications.models import Channel, Delivery, State
from notifications.outbox import claiming, sending, settling
from notifications.tests.standin import Fault, Kind
from notifications.tests.test_sending import SOON, channel, clock, run, slack, states, texts

__all__ = ["channel", "clock", "slack"]  # fixtures
pytestmark = pytest.mark.django_db
RECOVERED_AT = NOW + 12 * INTERVAL


@pytest.fixture
def buttons(settings):
    settings.SLACK_APP_TOKEN = "xapp-1"


NO_REPLY = [
    "cannot_reply_to_message",
    "cant_broadcast_message",
    "message_not_found",
    "restricted_action_non_threadable_channel",
    "restricted_action_thread_locked",
    "thread_locked",
]


def shown(slack, number=0):
    """The text that the channel shows now, of its message of that number."""
    return slack.workspace.channels[slack.channel].messages[number]["text"]


def block_types(slack, number=0):
    return [block["type"] for block in slack.workspace.channels[slack.channel].messages[number]["blocks"]]


def pressable(slack, number=0):
    """What the buttons of a message send back."""
    blocks = slack.workspace.channels[slack.channel].messages[number]["blocks"]
    elements = [element for block in blocks if block["type"] == "actions" for element in block["elements"]]
    return [(element["action_id"], element["value"]) for element in elements]


def edits(slack):
    return [entry for entry in slack.ledger.entries() if entry.method == "chat.update"]


def fail(clock, **columns):
    target = server(**columns)
    see(target, "+--")
    run(clock, 3)
    return target


def recover(target, clock):
    see(target, "++", NOW + 10 * INTERVAL)
    clock.now = max(clock.now, RECOVERED_AT)


def acknowledge(clock, by="kim"):
    assert recording.acknowledge(Incident.objects.latest("id").pk, actor=by, now=clock.now)


class TestTheEnd:
    def test_the_message_says_that_it_is_over_and_its_thread_tells_the_recovery_to_the_channel(
        self, slack, channel, clock
    ):
        target = fail(clock, host_name="chat-3")
        assert "is down" in shown(slack)
        recover(target, clock)
        run(clock, 3)
        assert "🟢 LIVE chat-3 was down for 1 min 30 s" in shown(slack)
        failure, recovery = slack.workspace.channels[slack.channel].messages
        assert recovery["thread_ts"] == failure["ts"]
        assert recovery["broadcast"]
        assert "is up again" in recovery["text"]
        assert len(edits(slack)) == 1

    @pytest.mark.parametrize("code", NO_REPLY)
    def test_where_no_reply_is_allowed_the_recovery_is_a_message_of_its_own(self, slack, channel, clock, code):
        target = fail(clock)
        slack.faults.set(Fault(Kind.ERROR, code=code, times=1, method="chat.postMessage"))
        recover(target, clock)
        run(clock, 5)
        assert states() == [("sent", ""), ("sent", "")]
        _failure, recovery = slack.ledger.posted()
        assert "is up again" in recovery.text
        assert recovery.thread_ts == ""

    def test_one_that_was_paused_or_deleted_is_over_without_being_well(self, slack, channel, clock):
        target = fail(clock, host_name="chat-3")
        recording.pause([target.pk], actor="kim", now=clock.now)
        run(clock, 3)
        assert shown(slack).startswith("⚪ LIVE chat-3 was down (connection refused, since ")
        assert shown(slack).endswith("Monitoring was paused.")
        assert "paused by kim" in shown(slack, 1)

    def test_a_message_in_somebody_s_hands_when_the_outage_ends_is_edited_afterwards(self, slack, channel, clock):
        target = server()
        see(target, "+--")
        outbox.fan_out_news(clock.now)
        attempt = claiming.claim(channel.pk, clock.now)
        assert attempt
        posted = sending.tell(attempt)
        recover(target, clock)
        outbox.fan_out_news(clock.now)
        settling.settle(attempt, posted, clock.now)
        assert "is down" in shown(slack)
        run(clock, 3)
        assert "was down for" in shown(slack)

    def test_a_message_whose_answer_was_lost_is_edited_once_it_is_found(self, slack, channel, clock):
        slack.faults.set(Fault(Kind.RECORD_THEN_CUT, times=1, method="chat.postMessage"))
        slack.faults.set(Fault(Kind.STATUS, status=503, times=3, method="conversations.history"))
        target = server()
        see(target, "+--")
        run(clock, 2)
        see(target, "++", NOW + 3 * INTERVAL)
        run(clock, 60)
        assert "was down for" in shown(slack)
        assert len(texts(slack)) == 2

    def test_what_a_webhook_has_posted_stays_and_waits_for_no_edit(self, slack, clock):
        Channel.objects.create(channel_id="hook-1", hook_url=slack.hook_url())
        target = fail(clock)
        recover(target, clock)
        run(clock, 3)
        assert states() == [("sent", ""), ("sent", "")]
        assert not Delivery.objects.exclude(edit_due_at=None).exists()

    def test_a_webhook_s_message_in_somebody_s_hands_waits_for_no_edit_either(self, slack, clock):
        hook = Channel.objects.create(channel_id="hook-1", hook_url=slack.hook_url())
        target = server()
        see(target, "+--")
        outbox.fan_out_news(clock.now)
        attempt = claiming.claim(hook.pk, clock.now)
        assert attempt
        recover(target, clock)
        outbox.fan_out_news(clock.now)
        settling.settle(attempt, sending.tell(attempt), clock.now)
        assert not Delivery.objects.exclude(edit_due_at=None).exists()

    def test_a_message_that_is_gone_costs_nothing(self, slack, channel, clock):
        target = fail(clock)
        slack.workspace.channels[channel.pk].messages.clear()
        recover(target, clock)
        run(clock, 30)
        assert states() == [("sent", ""), ("sent", "")]
        assert len(edits(slack)) == 1


class TestTheAcknowledgement:
    def test_the_message_shows_who_takes_care_within_seconds(self, slack, channel, clock, buttons):
        target = fail(clock)
        incident = Incident.objects.get()
        assert pressable(slack) == [("acknowledge", str(incident.pk)), ("probe", str(target.pk))]
        acknowledge(clock)
        run(clock, 3)
        assert "kim" in str(slack.workspace.channels[slack.channel].messages[0]["blocks"])
        assert pressable(slack) == [("probe", str(target.pk))]

    def test_it_is_edited_once(self, slack, channel, clock):
        fail(clock)
        acknowledge(clock)
        run(clock, 30)
        assert len(edits(slack)) == 1

    def test_whoever_acknowledged_while_the_message_was_written_is_shown(self, slack, channel, clock):
        """The claim was written down after the instant of the acknowledgement, and the message composed before it was
        committed."""
        fail(clock)
        Incident.objects.update(acknowledged_by="kim", acknowledged_at=SOON - SECOND / 2)
        run(clock, 3)
        assert len(edits(slack)) == 1

    def test_slack_s_final_refusal_is_not_asked_for_again(self, slack, channel, clock):
        fail(clock)
        slack.faults.set(Fault(Kind.ERROR, code="edit_window_closed", method="chat.update"))
        acknowledge(clock)
        run(clock, 30)
        assert len(edits(slack)) == 1

    def test_a_message_that_is_not_written_yet_needs_no_edit(self, slack, channel, clock):
        see(server(), "+--")
        outbox.fan_out_news(clock.now)
        acknowledge(clock)
        clock.now += 5 * SECOND
        run(clock, 5)
        assert "kim" in str(slack.workspace.channels[slack.channel].messages[0]["blocks"])
        assert edits(slack) == []

    def test_looking_for_it_is_one_statement_when_nobody_did(self, slack, channel, clock, django_assert_num_queries):
        fail(clock)
        with django_assert_num_queries(1):
            outbox.show_acknowledged(clock.now)


class TestButtons:
    def test_without_the_app_s_token_there_are_none(self, slack, channel, clock):
        fail(clock)
        assert "actions" not in block_types(slack)

    def test_they_go_when_the_outage_is_over(self, slack, channel, clock, buttons):
        target = fail(clock)
        recover(target, clock)
        run(clock, 3)
        assert "actions" not in block_types(slack, 0) + block_types(slack, 1)

    def test_a_webhook_gets_none(self, slack, clock, buttons):
        Channel.objects.create(channel_id="hook-1", hook_url=slack.hook_url())
        fail(clock)
        assert "actions" not in [block["type"] for block in slack.ledger.posted()[0].blocks]


class TestTheirPace:
    def test_an_edit_does_not_wait_for_the_last_of_many_messages(self, slack, channel, clock):
        fail(clock)
        for _ in range(3):
            see(server(), "+--")
        recording.acknowledge(Incident.objects.earliest("id").pk, actor="kim", now=clock.now)
        run(clock, 2)
        assert len(texts(slack)) < 4
        assert len(edits(slack)) == 1

    def test_an_edit_does_not_wait_for_the_pace_of_messages(self, slack, channel, clock):
        fail(clock)
        acknowledge(clock)
        clock.now += 2 * SECOND
        outbox.show_acknowledged(clock.now)
        Channel.objects.update(next_send_at=clock.now + 30 * SECOND)
        assert outbox.due_channels(clock.now) == [channel.pk]
        assert outbox.deliver(channel.pk, clock)
        assert len(edits(slack)) == 1

    def test_slack_s_limit_holds_every_edit_back_and_loses_none(self, slack, channel, clock):
        targets = [fail(clock) for _ in range(3)]
        slack.faults.set(Fault(Kind.RATE_LIMITED, seconds=20, times=1, method="chat.update"))
        for target in targets:
            recover(target, clock)
        run(clock, 10)
        assert len(edits(slack)) == 1
        run(clock, 20)
        assert len(edits(slack)) == 4
        assert all("was down for" in shown(slack, number) for number in range(3))

    def test_slack_s_trouble_is_waited_out_however_long_the_outage_lasted(self, slack, channel, clock):
        target = fail(clock)
        Delivery.objects.update(created_at=NOW - timedelta(days=3))
        slack.faults.set(Fault(Kind.STATUS, status=503, times=1, method="chat.update"))
        recover(target, clock)
        run(clock, 3)
        assert "is down" in shown(slack)
        clock.now += settling.LONGEST_EDIT_WAIT
        run(clock, 3)
        assert "was down for" in shown(slack)

    def test_a_refusal_that_nobody_knows_is_given_up_after_a_day(self, slack, channel, clock):
        target = fail(clock)
        slack.faults.set(Fault(Kind.ERROR, code="brand_new_code", method="chat.update"))
        recover(target, clock)
        run(clock, 3)
        clock.now += timedelta(days=2)
        run(clock, 3)
        assert not Delivery.objects.exclude(edit_due_at=None).exists()


class TestAPlainerMessage:
    """Slack does not take the form of one: our fault, and no reason to keep the news back."""

    def test_it_is_told_in_one_line(self, slack, channel, clock):
        slack.faults.set(Fault(Kind.ERROR, code="invalid_blocks", times=1))
        fail(clock, host_name="chat-3")
        assert states() == [("sent", "")]
        assert len(slack.ledger.posted()) == 1
        assert slack.ledger.posted()[0].blocks == []
        assert "LIVE chat-3 is down" in shown(slack)
        assert Delivery.objects.get().facts == {"refused": "invalid_blocks"}

    def test_so_it_is_by_a_webhook(self, slack, clock):
        Channel.objects.create(channel_id="hook-1", hook_url=slack.hook_url())
        slack.faults.set(Fault(Kind.ERROR, code="invalid_payload", times=1))
        fail(clock)
        assert states() == [("sent", "")]
        assert slack.ledger.posted()[0].blocks == []

    def test_a_second_refusal_is_final(self, slack, channel, clock):
        slack.faults.set(Fault(Kind.ERROR, code="invalid_blocks"))
        fail(clock)
        assert states() == [("failed", "invalid_blocks")]
        assert Delivery.objects.get().attempts == 2

    def test_an_edit_takes_the_blocks_away(self, slack, channel, clock):
        target = fail(clock)
        slack.faults.set(Fault(Kind.ERROR, code="msg_blocks_too_long", times=1, method="chat.update"))
        recover(target, clock)
        run(clock, 3)
        assert "was down for" in shown(slack)
        assert block_types(slack) == []

    def test_an_edit_that_slack_refuses_twice_is_dropped(self, slack, channel, clock):
        target = fail(clock)
        slack.faults.set(Fault(Kind.ERROR, code="msg_blocks_too_long", method="chat.update"))
        recover(target, clock)
        run(clock, 30)
        assert len(edits(slack)) == 2


class TestLateNews:
    def test_an_outage_that_could_not_be_told_is_one_message_that_says_so(self, slack, channel, clock):
        slack.refuse()
        target = fail(clock, host_name="brief")
        recover(target, clock)
        run(clock, 3)
        slack.accept()
        run(clock, 90)
        assert states() == [("skipped", "absorbed"), ("sent", "")]
        (told,) = slack.ledger.posted()
        assert "LIVE brief is up again. It was down from" in told.text
        assert "(1 min 30 s): connection refused. Told late" in told.text
        assert told.thread_ts == ""
        assert not Delivery.objects.exclude(edit_due_at=None).exists()

    def test_so_is_one_that_ended_by_a_pause(self, slack, channel, clock):
        slack.refuse()
        target = fail(clock, host_name="brief")
        recording.pause([target.pk], actor="kim", now=clock.now)
        run(clock, 3)
        slack.accept()
        run(clock, 90)
        (told,) = texts(slack)
        assert "Monitoring was paused by kim. Told late" in told

    def test_the_end_of_what_was_told_before_is_not_late(self, slack, channel, clock):
        """The failure is known; only that it goes on could not be told."""
        target = fail(clock)
        slack.refuse()
        recording.set_notification([target.pk], False, actor="kim", now=clock.now)
        recording.set_notification([target.pk], True, actor="kim", now=clock.now)
        run(clock, 2)
        recover(target, clock)
        run(clock, 3)
        slack.accept()
        run(clock, 90)
        failure, recovery = slack.ledger.posted()
        assert "Told late" not in recovery.text
        assert recovery.thread_ts == failure.ts
        assert [row.state for row in Delivery.objects.order_by("id")] == [State.SENT, State.SKIPPED, State.SENT]


def test_each_channel_is_told_in_its_language(slack, channel, clock, settings):
    settings.LANGUAGE_CODE = "ko"
    english = slack.workspace.add_channel("english")
    Channel.objects.create(channel_id=english.id, language="en")
    fail(clock, host_name="chat-3")
    assert "LIVE chat-3 서버 장애" in slack.ledger.posted(channel.pk)[0].text
    assert "LIVE chat-3 is down" in slack.ledger.posted(english.id)[0].text
