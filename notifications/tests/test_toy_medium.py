"""A new way to notify is one module and one line of a list: form, API, outbox and pages follow from what it says."""

from __future__ import annotations

import pytest
from django.db import connection
from django.utils import timezone

from monitors.tests.builders import INTERVAL, NOW, see, server
from monitors.tests.people import client_of, visitor
from notifications import outbox
from notifications.models import Channel, Delivery, Guarantee
from notifications.notice import Severity, State
from notifications.outbox.sending import deliver
from notifications.tests.test_sending import clock, run, states
from notifications.tests.toy import SECRET, Toy
from notifications.transports import TRANSPORTS
from notifications.transports.base import Reply, Verdict

__all__ = ["clock"]  # a fixture
pytestmark = pytest.mark.django_db
URL = "/api/channels/"
BODY = {"kind": "toy", "name": "toys", "settings": {"key": SECRET, "room": "nursery"}}
REFUSED = Reply(Verdict.GIVE_UP, "unauthorized")


@pytest.fixture
def toy():
    medium = Toy()
    TRANSPORTS.append(medium)
    yield medium
    TRANSPORTS.remove(medium)


@pytest.fixture
def operator():
    return client_of("operator")


@pytest.fixture
def channel(toy):
    return Channel.objects.create(channel_id="toy-1", kind="toy", settings={"key": SECRET, "room": "nursery"})


def told(toy):
    return [(notice.state, notice.title) for _room, notice in toy.told]


class TestTheApi:
    def test_a_channel_is_made_and_its_secret_never_shown(self, operator, toy):
        made = operator.post(URL, BODY, format="json")
        assert made.status_code == 201, made.content
        body = made.json()
        assert (body["kind"], body["settings"]) == ("toy", {"key": "********", "room": "nursery"})
        assert body["channel_id"].startswith("toy-")
        assert SECRET not in made.content.decode() + operator.get(URL).content.decode()
        with connection.cursor() as cursor:
            cursor.execute("SELECT settings FROM notifications")
            assert SECRET not in str(cursor.fetchall())

    def test_a_masked_secret_that_comes_back_stays_and_another_replaces_it(self, operator, channel):
        url = f"{URL}{channel.pk}/"
        operator.patch(url, {"settings": {"key": "********", "room": "attic", "names": ["a", "b"]}}, format="json")
        assert Channel.objects.get().settings == {"key": SECRET, "room": "attic", "names": ["a", "b"]}
        operator.patch(url, {"settings": {"key": "another toy"}}, format="json")
        assert Channel.objects.get().settings == {"key": "another toy"}
        operator.put(url, {"name": "toys"}, format="json")
        assert Channel.objects.get().settings == {"key": "another toy"}

    @pytest.mark.parametrize(
        ("settings", "field"),
        [
            ({}, "settings.key"),
            ({"key": "********"}, "settings.key"),
            ({"key": "doll"}, "settings.key"),
            ({"key": SECRET, "loud": "yes"}, "settings.loud"),
            ({"key": SECRET, "names": [1]}, "settings.names"),
            ({"key": SECRET, "rooms": "attic"}, "settings.rooms"),
        ],
    )
    def test_what_is_missing_wrong_or_unknown_is_refused_by_name(self, operator, toy, settings, field):
        answer = operator.post(URL, {**BODY, "settings": settings}, format="json")
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == [field]

    def test_every_kind_is_described_by_a_schema(self, operator, toy):
        kinds = {one["kind"]: one for one in operator.get("/api/channel-kinds/").json()}
        assert kinds.keys() == {"slack_bot", "slack_webhook", "toy"}
        schema = kinds["toy"]["settings"]
        assert schema["required"] == ["key"]
        assert schema["properties"]["key"]["writeOnly"] is True
        assert schema["properties"]["names"] == {
            "title": "Names",
            "description": "",
            "type": "array",
            "items": {"type": "string"},
            "default": [],
        }
        assert (kinds["slack_bot"]["guarantee"], kinds["toy"]["guarantee"]) == ("exactly_once", "at_least_once")

    def test_a_test_message_says_what_became_of_it(self, operator, toy, channel):
        answer = operator.post(f"{URL}{channel.pk}/test/")
        assert (answer.status_code, answer.json()["explanation"]) == (200, "Toy accepted the message.")
        toy.replies.append(REFUSED)
        Channel.objects.update(next_send_at=None)
        answer = operator.post(f"{URL}{channel.pk}/test/")
        assert (answer.status_code, answer.json()["code"]) == (424, "toy_unauthorized")
        assert answer.json()["detail"] == "Toy does not accept the secret of the channel: enter it again."


class TestTheForm:
    def test_it_asks_for_what_the_kind_needs(self, toy):
        client = visitor("operator")
        page = client.get("/channels/add/?kind=toy").content.decode()
        assert page.count("?kind=slack_bot") == 1
        assert all(f'name="{name}"' in page for name in ("key", "room", "loud", "names", "name"))
        assert not any(f'name="{name}"' in page for name in ("hook_url", "channel_id"))
        wrong = client.post("/channels/add/?kind=toy", {"key": "doll", "name": "toys"})
        assert wrong.context["form"].errors == {"key": ["This is no key of a toy."]}
        client.post("/channels/add/?kind=toy", {"key": SECRET, "name": "toys", "names": "a\nb"})
        made = Channel.objects.get()
        assert (made.kind, made.settings["key"], made.settings["names"]) == ("toy", SECRET, ["a", "b"])
        assert client.get("/channels/add/?kind=train").status_code == 404

    def test_an_edit_keeps_the_secret(self, channel):
        client = visitor("operator")
        page = client.get(f"/channels/settings/?channel={channel.pk}").content.decode()
        assert "nursery" in page
        assert SECRET not in page
        client.post(f"/channels/settings/?channel={channel.pk}", {"name": "toys", "key": "", "room": "attic"})
        after = Channel.objects.get()
        assert (after.name, after.settings["key"], after.settings["room"]) == ("toys", SECRET, "attic")
        assert "room attic" in client.get("/channels/").content.decode()


class TestTheOutbox:
    def test_a_failure_and_its_recovery_arrive_once_each(self, toy, channel, clock):
        target = server(host_name="chat-3")
        see(target, "+--")
        run(clock, 3)
        see(target, "++", NOW + 10 * INTERVAL)
        clock.now = NOW + 12 * INTERVAL
        run(clock, 3)
        assert told(toy) == [(State.OPEN, "LIVE chat-3 is down"), (State.RESOLVED, "LIVE chat-3 is up again")]
        [(room, failure), (_room, recovery)] = toy.told
        assert (room, failure.severity) == ("nursery", Severity.CRITICAL)
        assert failure.matter == recovery.matter

    def test_a_medium_that_edits_has_a_message_that_lives(self, toy, channel, clock):
        toy.edits = True
        target = server(host_name="chat-3")
        see(target, "+--")
        run(clock, 3)
        see(target, "++", NOW + 10 * INTERVAL)
        clock.now = NOW + 12 * INTERVAL
        run(clock, 5)
        assert [state for state, _ in told(toy)] == [State.RESOLVED, State.RESOLVED]
        assert Delivery.objects.get(kind="recovery").thread_id == "toy-0"

    @pytest.mark.parametrize("edits", [False, True])
    def test_many_failures_are_one_message_and_one_for_their_end(self, toy, channel, clock, edits):
        toy.edits = edits
        fleet = [server() for _ in range(6)]
        for target in fleet:
            see(target, "+--")
        run(clock, 60)
        for target in fleet:
            see(target, "++", NOW + 10 * INTERVAL)
        clock.now = max(clock.now, NOW + 12 * INTERVAL)
        run(clock, 10)
        titles = [title for _, title in told(toy)]
        assert titles[-1] == "LIVE: all 6 servers are up again"
        assert titles[0].startswith("LIVE: 6 servers were down" if edits else "LIVE: 6 of 6 servers are down")
        assert len(titles) == 2
        assert {notice.matter for _, notice in toy.told} == {toy.told[0][1].matter}

    def test_a_channel_that_is_refused_is_shown_and_heals_when_a_message_is_taken(self, toy, channel, clock):
        toy.replies.append(REFUSED)
        see(server(), "+--")
        run(clock, 2)
        assert states() == [("failed", "unauthorized")]
        page = visitor("operator").get("/channels/").content.decode()
        assert "Toy does not accept the secret of the channel" in page
        outbox.resend(Delivery.objects.get().pk, clock.now)
        run(clock, 2)
        assert states() == [("sent", "")]
        outbox.promise_uninspected(clock.now)
        assert (Channel.objects.get().guarantee, Channel.objects.get().lacks) == (Guarantee.AT_LEAST_ONCE, "")

    def test_a_lost_answer_is_a_repeat_that_says_so(self, toy, channel, clock):
        toy.replies.append(Reply(Verdict.UNCERTAIN, "timeout"))
        see(server(host_name="chat-3"), "+--")
        run(clock, 30)
        [(_room, notice)] = toy.told
        assert notice.possible_repeat
        assert any("Toy did not confirm" in note for note in notice.notes)

    def test_a_kind_that_this_version_does_not_know_is_refused_and_holds_up_no_other(self, toy, channel, clock):
        Channel.objects.create(channel_id="odd", kind="train")
        see(server(), "+--")
        run(clock, 3)
        assert sorted(states()) == [("failed", "unknown_kind"), ("sent", "")]

    def test_settings_that_no_key_reads_are_refused_with_what_to_do(self, toy, channel, clock):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE notifications SET settings = 'of a key that is lost'")
        see(server(), "+--")
        run(clock, 2)
        assert states() == [("failed", "unreadable_secret")]
        assert deliver(channel.pk, timezone.now) is None
