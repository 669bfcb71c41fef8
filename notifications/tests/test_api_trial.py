"""A test message by the API: sent now, with Slack's verdict as the answer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from monitors.tests.builders import see, server
from monitors.tests.people import client_of
from notifications import outbox
from notifications.models import Channel, Delivery
from notifications.outbox import claiming, sending, settling
from notifications.tests.standin import Fault, Kind, Standin
from notifications.tests.test_sending import LEASE
from notifications.transports.slack import post_message
from notifications.transports.slack.refusals import describe_refusal

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture
def slack(settings):
    with Standin() as standin:
        settings.SLACK_BOT_TOKEN, settings.SLACK_API_URL = standin.token, standin.api_url
        yield standin


@pytest.fixture
def channel(slack):
    return Channel.objects.create(channel_id=slack.channel, name="alerts")


@pytest.fixture
def operator():
    return client_of("operator")


def ask(client, channel):
    return client.post(f"/api/channels/{channel.pk}/test/")


def rested():
    """As if the channel's second had passed."""
    Channel.objects.update(next_send_at=timezone.now() - SECOND)


def test_a_test_message_is_sent_at_once(operator, slack, channel):
    response = ask(operator, channel)
    delivery = Delivery.objects.get()
    assert (response.status_code, response.json()) == (
        200,
        {
            "verdict": "sent",
            "code": None,
            "explanation": "Slack accepted the message.",
            "delivery_id": delivery.pk,
        },
    )
    assert (delivery.kind, delivery.state, delivery.attempts) == ("test", "sent", 1)
    assert len(slack.ledger.posted(channel.pk)) == 1


def test_a_test_message_goes_by_the_webhook_where_there_is_one(operator, slack):
    created = operator.post("/api/channels/", {"hook_url": slack.hook_url("T1/B1/secret")}, format="json").json()
    assert operator.post(f"/api/channels/{created['channel_id']}/test/").json()["verdict"] == "sent"
    assert [entry.channel for entry in slack.ledger.posted()] == ["T1/B1/secret"]


def test_a_channel_is_tested_before_it_is_enabled(operator, slack, channel):
    outbox.set_enabled([channel.pk], False, timezone.now())
    assert ask(operator, channel).status_code == 200


def test_a_test_message_overtakes_what_waits(operator, slack, channel):
    see(server(), "--", timezone.now())
    outbox.fan_out_news(timezone.now())
    answered = ask(operator, channel).json()
    assert Delivery.objects.get(pk=answered["delivery_id"]).kind == "test"
    assert Delivery.objects.get(kind="failure").state == "pending"


REFUSED = ["not_in_channel", "is_archived", "channel_not_found", "invalid_auth", "restricted_action"]


def refused(response, status: int, code: str):
    """An error as any other, which says besides what became of the message."""
    body = response.json()
    assert (response.status_code, body["code"], body["errors"]) == (status, f"slack_{code}", [])
    assert set(body) == {"code", "detail", "errors", "verdict", "explanation", "delivery_id"}
    assert body["detail"] == body["explanation"]
    return body


@pytest.mark.parametrize("code", REFUSED)
def test_what_slack_refuses_is_answered_with_its_code_and_what_to_do(operator, slack, channel, code):
    slack.faults.set(Fault(Kind.ERROR, code=code))
    body = refused(ask(operator, channel), 424, code)
    assert (body["verdict"], body["detail"]) == ("give_up", describe_refusal(code))
    delivery = Delivery.objects.get(pk=body["delivery_id"])
    assert (delivery.state, delivery.reason) == ("failed", code)


def test_a_form_that_slack_refuses_is_said_and_a_plainer_message_is_on_its_way(operator, slack, channel):
    slack.faults.set(Fault(Kind.ERROR, code="msg_too_long", times=1))
    body = refused(ask(operator, channel), 424, "msg_too_long")
    assert Delivery.objects.get(pk=body["delivery_id"]).state == "pending"
    Channel.objects.update(next_send_at=None)
    outbox.deliver(channel.pk, timezone.now)
    assert Delivery.objects.get(pk=body["delivery_id"]).state == "sent"


UNKNOWN = {
    "a code that we do not know": (Fault(Kind.ERROR, code="brand_new_code"), "brand_new_code"),
    "an answer that is not Slack's": (Fault(Kind.STATUS, status=404), "http_404"),
}


@pytest.mark.parametrize(("fault", "code"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_slack_refuses_for_a_reason_that_we_do_not_know_is_no_reason_to_wait(
    operator, slack, channel, fault, code
):
    slack.faults.set(fault)
    assert refused(ask(operator, channel), 424, code)["verdict"] == "retry"


def test_a_missing_scope_is_named(operator, slack, channel):
    slack.workspace.scopes = {"channels:read"}
    assert "chat:write" in refused(ask(operator, channel), 424, "missing_scope")["detail"]


def test_a_webhook_that_is_gone_is_a_refusal(operator, slack):
    hooked = Channel.objects.create(channel_id="hook-1", hook_url=slack.hook_url())
    slack.faults.set(Fault(Kind.ERROR, code="no_service"))
    assert refused(ask(operator, hooked), 424, "no_service")["verdict"] == "give_up"


def test_without_a_token_it_says_so(operator, channel, settings):
    settings.SLACK_BOT_TOKEN = ""
    assert "SLACK_BOT_TOKEN" in refused(ask(operator, channel), 424, "not_authed")["detail"]


LATER = {  # what: (fault, code, verdict, seconds)
    "429 with Retry-After": (Fault(Kind.RATE_LIMITED, seconds=7), "ratelimited", "retry", "7"),
    "service_unavailable": (Fault(Kind.ERROR, code="service_unavailable"), "service_unavailable", "retry", "5"),
    "503, so Slack may have it": (Fault(Kind.STATUS, status=503), "http_503", "uncertain", "5"),
    "a cut after the request": (Fault(Kind.RECORD_THEN_CUT), "connection_lost", "uncertain", "5"),
}


@pytest.mark.parametrize(("fault", "code", "verdict", "seconds"), LATER.values(), ids=LATER)
def test_a_slack_that_is_slow_is_answered_with_when_to_ask_again(
    operator, slack, channel, fault, code, verdict, seconds
):
    slack.faults.set(fault)
    response = ask(operator, channel)
    assert refused(response, 503, code)["verdict"] == verdict
    assert response["Retry-After"] == seconds


def test_a_slack_that_cannot_be_reached_is_answered_with_when_to_ask_again(operator, slack, channel):
    slack.refuse()
    response = ask(operator, channel)
    assert refused(response, 503, "connection_error")["verdict"] == "retry"
    assert response["Retry-After"] == "5"


def test_asking_again_while_slack_is_slow_is_one_message(operator, slack, channel):
    slack.faults.set(Fault(Kind.STATUS, status=503, times=2))
    ids = set()
    for expected in (503, 503, 200):
        response = ask(operator, channel)
        assert response.status_code == expected
        ids.add(response.json()["delivery_id"])
        rested()
    assert ids == {Delivery.objects.get().pk}
    assert len(slack.ledger.posted()) == 1
    assert ask(operator, channel).json()["delivery_id"] not in ids


def busy(response, seconds: str) -> None:
    assert (response.status_code, response["Retry-After"]) == (503, seconds)
    body = response.json()
    assert (body["code"], body["errors"], set(body)) == ("channel_busy", [], {"code", "detail", "errors"})


def test_the_pace_of_the_channel_is_kept_without_waiting_for_it(operator, slack, channel):
    ask(operator, channel)
    busy(ask(operator, channel), "1")
    assert Delivery.objects.count() == len(slack.ledger.posted()) == 1


def test_slacks_limit_is_kept_by_whoever_asks_next(operator, slack, channel):
    slack.faults.set(Fault(Kind.RATE_LIMITED, seconds=30, times=1))
    ask(operator, channel)
    busy(ask(operator, channel), "30")


def test_a_channel_whose_answer_is_awaited_is_busy(operator, slack, channel):
    claiming.claim_test(channel.pk, timezone.now())
    rested()
    busy(ask(operator, channel), "1")


def test_a_test_whose_sender_was_killed_is_taken_up_with_the_next(operator, slack, channel):
    attempt = claiming.claim_test(channel.pk, timezone.now() - 2 * LEASE)
    rested()
    assert ask(operator, channel).json()["delivery_id"] == attempt.delivery.pk
    assert "repeat" in slack.ledger.posted()[0].text


def test_a_channel_that_is_deleted_meanwhile_is_not_found(operator, channel, monkeypatch):
    def deleted(_channel_id, _clock):
        raise Channel.DoesNotExist

    monkeypatch.setattr(outbox, "send_test", deleted)
    assert ask(operator, channel).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_slack_is_asked_outside_any_transaction(operator, slack, channel, monkeypatch):
    open_ones = []

    def noting(*args, **kwargs):
        open_ones.append(connection.in_atomic_block)
        return post_message(*args, **kwargs)

    monkeypatch.setattr("notifications.transports.slack.transport.post_message", noting)
    assert ask(operator, channel).status_code == 200
    assert open_ones == [False]


def test_a_channel_that_is_deleted_while_its_medium_answers_is_not_found(operator, channel, monkeypatch):
    def settle(*given):
        Channel.objects.all().delete()
        return settling.settle(*given)

    monkeypatch.setattr(sending, "settle", settle)
    assert ask(operator, channel).status_code == 404
