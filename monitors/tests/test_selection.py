"""What is done to several servers at once, and what takes it back."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone

from monitors import recording, undoing
from monitors.models import Server, StatusTransition
from monitors.tests.answers import text
from monitors.tests.builders import NOW, see, server
from monitors.tests.people import visitor

pytestmark = pytest.mark.django_db

HX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/?environment=DEV"}
ACTS = ("pause", "resume", "notification_on", "notification_off", "delete")


@pytest.fixture
def operator():
    return visitor("operator")


def done(client, act: str, *servers: Server, **more: str):
    return client.post("/servers/selection/", {"act": act, "server": [one.pk for one in servers], **more})


def names(**columns: object) -> set[str]:
    return set(Server.objects.filter(**columns).values_list("host_name", flat=True))


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("role", ["", "viewer"])
def test_whoever_may_not_change_servers_changes_none(role, act):
    assert done(visitor(role), act, server(), confirmed="yes").status_code == 403
    assert Server.objects.filter(paused=False, notification=True).count() == 1


def test_an_act_that_does_not_exist_is_refused(operator):
    assert done(operator, "explode", server()).status_code == 403


def test_servers_are_paused_and_taken_back(operator):
    one, two, other = server(host_name="one"), server(host_name="two"), server(host_name="other")
    see(one, "--")
    response = done(operator, "pause", one, two, next="/?environment=LIVE")
    assert response["Location"] == "/?environment=LIVE"
    assert names(paused=True) == {"one", "two"}
    page = text(operator.get("/"))
    assert page.count("2 servers paused.") == 1
    assert 'action="/servers/undo/"' in page
    assert StatusTransition.objects.filter(reason="paused", server=one).get().outage == "ended"
    operator.post("/servers/undo/")
    assert names(paused=True) == set()
    assert not Server.objects.get(pk=other.pk).paused


def test_only_what_was_changed_is_taken_back(operator):
    before, now = server(host_name="before"), server(host_name="now")
    recording.pause([before.pk], actor="tests", now=NOW)
    done(operator, "pause", before, now)
    operator.post("/servers/undo/")
    assert names(paused=True) == {"before"}


def test_a_pause_gets_its_reason_back(operator):
    one, two = server(host_name="one"), server(host_name="two")
    recording.pause([one.pk], actor="tests", now=NOW, reason="vanished from the inventory")
    recording.pause([two.pk], actor="tests", now=NOW)
    done(operator, "resume", one, two)
    assert names(paused=True) == set()
    operator.post("/servers/undo/")
    assert dict(Server.objects.values_list("host_name", "paused_reason")) == {
        "one": "vanished from the inventory",
        "two": None,
    }
    assert names(paused=True) == {"one", "two"}


def test_the_notification_is_switched_and_taken_back(operator):
    one, two = server(host_name="one"), server(host_name="two", notification=False)
    done(operator, "notification_off", one, two)
    assert names(notification=True) == set()
    operator.post("/servers/undo/")
    assert names(notification=True) == {"one"}
    done(operator, "notification_on", one, two)
    assert names(notification=True) == {"one", "two"}


def test_an_act_is_taken_back_once_and_soon(operator):
    one = server(host_name="one")
    done(operator, "pause", one)
    operator.post("/servers/undo/")
    done(operator, "resume", one)  # changes nothing, so it has nothing to offer
    operator.post("/servers/undo/")
    assert names(paused=True) == set()


def test_what_is_offered_expires():
    session, now = SessionBase(), timezone.now()
    undoing.offer(session, "resume", "2 servers paused.", {1: None, 2: "why"}, now)
    expected = undoing.Undo("resume", "2 servers paused.", {"": [1], "why": [2]})
    assert undoing.offered(session, now) == expected
    assert undoing.offered(session, now + undoing.OFFERED_FOR + timedelta(seconds=1)) is None
    assert undoing.offered(session, now - timedelta(hours=1)) is None, "the clock was set back"
    assert undoing.taken_up(session, now) == expected
    assert undoing.offered(session, now) is None


@pytest.mark.parametrize("given", [[], ["x"], ["9" * 40], ["4711"], ["-1"]])
def test_a_selection_of_nothing_changes_nothing(operator, given):
    server()
    for act in ACTS:
        response = operator.post("/servers/selection/", {"act": act, "server": given, "confirmed": "yes"}, follow=True)
        assert "Nothing changed." in text(response)
    assert Server.objects.filter(paused=False, notification=True).count() == 1


@pytest.mark.parametrize("address", ["https://evil.example.com/", "//evil.example.com", "javascript:alert(1)", ""])
def test_nobody_is_led_to_another_site(operator, address):
    assert done(operator, "pause", server(), next=address)["Location"] == "/"


def test_servers_are_deleted_after_a_question(operator):
    targets = [server(host_name=f"web-{n}") for n in range(25)]
    kept = server(host_name="kept")
    page = text(done(operator, "delete", *targets))
    assert "Delete 25 servers?" in page
    assert "and 5 more" in page
    assert Server.objects.count() == 26
    response = done(operator, "delete", *targets, confirmed="yes")
    assert response.status_code == 302
    assert list(Server.objects.all()) == [kept]
    assert "25 servers are deleted." in text(operator.get("/servers/paste/"))
    operator.post("/servers/undo/")
    assert Server.objects.count() == 1


def test_a_script_is_told_which_rows_to_ask_for_anew(operator):
    target = server()
    response = operator.post("/servers/selection/", {"act": "pause", "server": [target.pk]}, headers=HX)
    assert "1 server paused." in text(response)
    assert 'action="/servers/undo/"' in text(response)
    assert response["HX-Retarget"] == "#undo"
    assert json.loads(response["HX-Trigger"]) == {"selection:done": {}, "live:change": {"servers": [target.pk]}}
    response = operator.post("/servers/undo/", headers=HX)
    assert "1 server resumed." in text(response)
    assert 'action="/servers/undo/"' not in text(response)
    given = {"act": "delete", "server": [target.pk], "confirmed": "yes"}
    assert "1 server is deleted." in text(operator.post("/servers/selection/", given, headers=HX))


# on every page


def across(client, act: str, asked: str = "environment=DEV", **more: object):
    return client.post("/servers/selection/", {"act": act, "across": "2", "asked": asked, **more})


@pytest.fixture
def several():
    """Two in DEV, of which the second is named so that it is found, and one in LIVE."""
    places = {"one": "DEV", "two-x": "DEV", "three": "LIVE"}
    return [server(host_name=name, environment=place) for name, place in places.items()]


def test_all_that_match_are_changed_and_taken_back(operator, several):
    page = text(across(operator, "pause", next="/?environment=DEV"), 302)
    assert page == ""
    assert names(paused=True) == {"one", "two-x"}
    assert "2 servers paused." in text(operator.get("/"))
    operator.post("/servers/undo/")
    assert names(paused=True) == set()
    across(operator, "notification_off", "environment=DEV&q=x&sort=-latency&page=2")
    assert names(notification=False) == {"two-x"}
    across(operator, "pause", "health=PAUSED")  # none
    assert names(paused=True) == set()
    across(operator, "pause", "")  # whoever filters nothing means all
    assert names(paused=True) == {"one", "two-x", "three"}


@pytest.mark.parametrize("asked", ["environment=MOON", "type=99", "sort=x", "health=GREEN", None])
def test_a_question_that_is_none_means_no_server(operator, several, asked):
    given = {"act": "pause", "across": "2"} | ({} if asked is None else {"asked": asked})
    operator.post("/servers/selection/", given)
    assert names(paused=True) == set()


def test_who_deletes_across_pages_types_how_many_they_are(operator, several):
    page = across(operator, "delete")
    assert "Delete 2 servers?" in text(page)
    assert "Type 2 to confirm" in text(page)
    sent = {"mark": page.context["mark"], "confirmed": "yes"}
    for typed in ("", "3", "x", "9" * 40):
        assert "Type the number of servers." in text(across(operator, "delete", count=typed, **sent), 422)
    assert Server.objects.count() == 3
    across(operator, "delete", count=" 2 ", **sent)
    assert names() == {"three"}


def test_what_matches_may_have_changed_since_the_question(operator, several):
    sent = {"mark": across(operator, "delete").context["mark"], "confirmed": "yes", "count": "2"}
    Server.objects.filter(host_name="one").update(environment="LIVE")
    new = server(host_name="new", environment="DEV")  # as many as before, but not the same
    page = across(operator, "delete", **sent)
    assert "there are 2 of them now. Nothing was deleted." in text(page, 409)
    assert Server.objects.filter(pk=new.pk).exists()
    across(operator, "delete", **{**sent, "mark": page.context["mark"]})
    assert names() == {"one", "three"}


def test_all_servers_are_no_selection_of_an_operator(operator, several):
    assert across(operator, "delete", "").status_code == 302
    assert "Only admins delete all at once." in text(operator.get("/servers/paste/"))
    assert "Delete 3 servers?" in text(across(visitor("admin"), "delete", ""))


def test_a_page_with_many_changes_asks_for_all_it_shows(operator):
    for number in range(101):
        server(host_name=f"web-{number}", environment="DEV")
    given = {"act": "pause", "across": "101", "asked": ""}
    response = operator.post("/servers/selection/", given, headers=HX)
    assert json.loads(response["HX-Trigger"])["live:change"] == {"all": True}
    assert "101 servers paused." in text(response)
    page = text(operator.get("/?q=web&sort=name"))
    assert 'name="across" value="101"' in page
    assert 'name="asked" value="q=web&amp;sort=name"' in page


# all of them

ALL = "/servers/all/delete/"


@pytest.mark.parametrize("role", ["", "viewer", "operator"])
def test_only_an_admin_deletes_everything(role):
    server()
    somebody = visitor(role)
    assert somebody.get(ALL).status_code == 403
    assert somebody.post(ALL, {"count": "1"}).status_code == 403
    assert Server.objects.count() == 1


def test_whoever_deletes_everything_types_how_much_that_is():
    admin = visitor("admin")
    server(), server()
    assert "All 2 servers would be deleted" in text(admin.get(ALL))
    for typed in ("", "two", "²", "-2"):
        assert "Type the number of servers" in text(admin.post(ALL, {"count": typed}), 422)
    for typed in ("1", "3", "9" * 40):
        assert "There are 2 servers now; nothing was deleted" in text(admin.post(ALL, {"count": typed}), 409)
    assert Server.objects.count() == 2
    assert "2 servers are deleted." in text(admin.post(ALL, {"count": " 2 "}, follow=True))
    assert not Server.objects.exists()


def test_the_number_may_no_longer_be_true():
    admin = visitor("admin")
    server()
    page = admin.get(ALL)
    server()
    assert admin.post(ALL, {"count": page.context["count"]}).status_code == 409
    assert Server.objects.count() == 2
