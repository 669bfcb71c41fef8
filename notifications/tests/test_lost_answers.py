"""Making, renaming and archiving a channel when Slack's answer is lost: it is looked at what is so."""

from __future__ import annotations

import time

import pytest
from django.utils import translation

from monitors.tests.answers import text
from monitors.tests.people import client_of, person
from notifications.models import Channel, Workspace, WorkspaceChannel
from notifications.tests.standin import Fault, Kind
from notifications.tests.test_api_workspace import URL, listed, named
from notifications.tests.test_channels_page import PAGE, post
from notifications.tests.test_sending import clock, slack
from notifications.tests.test_workspace import asked, fill
from notifications.transports.slack.workspace import managing
from notifications.transports.slack.workspace.wording import describe_error, describe_managing

__all__ = ["clock", "listed", "slack"]  # fixtures
pytestmark = pytest.mark.django_db
CREATE, RENAME, ARCHIVE = "conversations.create", "conversations.rename", "conversations.archive"

DONE = {  # how the answer to what was done is lost
    "hang": Fault(Kind.RECORD_THEN_HANG, times=1),
    "cut": Fault(Kind.RECORD_THEN_CUT, times=1),
    "fatal error": Fault(Kind.RECORD_THEN_ERROR, code="fatal_error", times=1),
}
NOT_DONE = {  # what looks the same from here
    "cut": Fault(Kind.CUT_BEFORE_RECORD, times=1),
    "fatal error": Fault(Kind.ERROR, code="fatal_error", times=1),
    "status": Fault(Kind.STATUS, status=502, times=1),
}
done = pytest.mark.parametrize("fault", DONE.values(), ids=DONE)
not_done = pytest.mark.parametrize("fault", NOT_DONE.values(), ids=NOT_DONE)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(managing, "PATIENCE", 0.5)


@pytest.fixture
def operator():
    return client_of("operator")


def create(client, name="ops-2", **more):
    return client.post(URL, {"name": name, **more}, format="json")


def assert_not_known(response):
    assert response.status_code == 503
    assert "not known whether it was done" in response.json()["detail"]
    assert Workspace.objects.get().page_at is None, "the list is read again"


@done
@pytest.mark.parametrize("is_private", [False, True], ids=["public", "private"])
def test_a_channel_that_was_made_is_found(listed, operator, fault, is_private):
    listed.faults.set(fault)
    response = create(operator, is_private=is_private)
    assert response.status_code == 201, response.content
    assert response.json()["id"] == named(listed, "ops-2").id
    assert WorkspaceChannel.objects.get(name="ops-2").is_private == is_private
    assert len(asked(listed, CREATE)) == 1


@not_done
def test_a_channel_that_was_not_made_is_not_said_to_be(listed, operator, fault):
    listed.faults.set(fault)
    assert_not_known(create(operator))
    assert create(operator).status_code == 201


def test_a_channel_that_was_made_later_is_there_for_who_tries_again(listed, operator):
    """Its name is taken, by what was asked for."""
    listed.faults.set(Fault(Kind.RECORD_THEN_CUT, method=CREATE))
    listed.faults.set(Fault(Kind.STATUS, method="conversations.list"))
    assert_not_known(create(operator))
    listed.faults.clear()
    response = create(operator)
    assert (response.status_code, response.json()["id"]) == (201, named(listed, "ops-2").id)
    again = create(operator)
    assert (again.status_code, again.json()["code"]) == (409, "slack_name_taken")
    assert "choose it from the list" in again.json()["detail"]


OTHERS = {  # a channel of the same name that is not what was asked for
    "somebody else's": {},
    "an old one": {"is_ours": True, "created": int(time.time()) - 3600},
    "a private one": {"is_ours": True, "is_private": True},
    "an archived one": {"is_ours": True, "is_archived": True},
}


@pytest.mark.parametrize("facts", OTHERS.values(), ids=OTHERS)
def test_another_channel_of_the_same_name_is_not_taken_for_it(listed, operator, facts):
    listed.workspace.add_channel("ops-2", **facts)
    response = create(operator)
    assert (response.status_code, response.json()["code"]) == (409, "slack_name_taken")
    listed.faults.set(Fault(Kind.CUT_BEFORE_RECORD, method=CREATE, times=1))
    assert_not_known(create(operator))


def test_a_large_workspace_is_looked_through_page_by_page_and_not_for_ever(listed, operator, monkeypatch):
    fill(listed, 300)
    listed.workspace.page_sizes = (0, 50)
    listed.faults.set(Fault(Kind.RECORD_THEN_CUT, method=CREATE))
    before = len(asked(listed))
    assert_not_known(create(operator))
    assert len(asked(listed)) == before + 10
    monkeypatch.setattr(managing, "LOOKING", 0.5)
    listed.faults.set(Fault(Kind.RECORD_THEN_HANG, method="conversations.list"))
    assert_not_known(create(operator, "ops-3"))
    listed.faults.clear()
    listed.workspace.page_sizes = (0, 200)
    assert create(operator).status_code == 201


def test_before_the_bot_is_known_nothing_is_taken_for_its_work(slack, operator):
    slack.faults.set(Fault(Kind.RECORD_THEN_CUT, method=CREATE))
    assert create(operator).status_code == 503
    assert not asked(slack)


@done
def test_a_channel_that_was_renamed_is(listed, operator, fault):
    ops = named(listed, "ops")
    listed.faults.set(fault)
    response = operator.patch(f"{URL}{ops.id}/", {"name": "ops-live"}, format="json")
    assert (response.status_code, response.json()["name"]) == (200, "ops-live")
    assert WorkspaceChannel.objects.get(pk=ops.id).name == "ops-live"


@not_done
def test_a_channel_that_was_not_renamed_keeps_its_name(listed, operator, fault):
    ops = named(listed, "ops")
    listed.faults.set(fault)
    assert_not_known(operator.patch(f"{URL}{ops.id}/", {"name": "ops-live"}, format="json"))
    assert WorkspaceChannel.objects.get(pk=ops.id).name == "ops"
    taken = operator.patch(f"{URL}{ops.id}/", {"name": "alerts"}, format="json")
    assert (taken.status_code, taken.json()["code"]) == (409, "slack_name_taken")


@done
def test_a_channel_that_was_archived_is_and_receives_no_alerts(listed, operator, fault):
    ops = named(listed, "ops")
    Channel.objects.create(channel_id=ops.id)
    listed.faults.set(fault)
    response = operator.delete(f"{URL}{ops.id}/")
    assert (response.status_code, response.json()["is_archived"], response.json()["disabled"]) == (200, True, True)
    assert not Channel.objects.get().enabled


@not_done
def test_a_channel_that_was_not_archived_goes_on(listed, operator, fault):
    ops = named(listed, "ops")
    Channel.objects.create(channel_id=ops.id)
    listed.faults.set(fault)
    assert_not_known(operator.delete(f"{URL}{ops.id}/"))
    assert Channel.objects.get().enabled


def test_what_nobody_can_look_at_is_not_known(listed, operator):
    listed.faults.set(Fault(Kind.RECORD_THEN_CUT, method=ARCHIVE))
    listed.faults.set(Fault(Kind.RATE_LIMITED, method="conversations.info", seconds=9))
    assert_not_known(operator.delete(f"{URL}{named(listed, 'ops').id}/"))


def test_the_page_says_the_same(listed, client):
    client.force_login(person("operator", is_staff=True))
    listed.faults.set(Fault(Kind.RECORD_THEN_CUT, method=CREATE, times=1))
    assert "#ops-2 is made and receives alerts." in text(post(client, f"{PAGE}new/", name="ops-2", enabled="on"))
    listed.faults.set(Fault(Kind.CUT_BEFORE_RECORD, method=CREATE, times=1))
    refused = client.post(f"{PAGE}new/", {"name": "ops-3"})
    assert "not known whether it was done" in str(refused.content, "utf-8")


@pytest.mark.parametrize("code", ["timeout", "connection_lost", "fatal_error", "http_502"])
def test_a_list_that_cannot_be_read_is_no_deed_in_doubt(code):
    assert describe_error(code) == "Slack gave no answer that can be used; it is asked again by itself."
    with translation.override("ko"):
        assert "Slack" in describe_managing(code)
