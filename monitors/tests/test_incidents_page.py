"""The page of the incidents, as people with each role meet it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from monitors import recording
from monitors.models import Incident, IncidentNote
from monitors.tests.answers import text
from monitors.tests.builders import NOW, SECOND, see, server
from monitors.tests.people import person
from notifications.models import Channel, Delivery, Kind, State

pytestmark = pytest.mark.django_db

HOUR = 3_600 * SECOND


@pytest.fixture
def now():
    """The page asks the clock; what is stored is dated from it."""
    return timezone.now()


@pytest.fixture
def viewer(client):
    client.force_login(person("viewer"))
    return client


@pytest.fixture
def operator(client):
    client.force_login(person("operator"))
    return client


@pytest.fixture
def incidents(now):
    ended, lasting = server(host_name="ended-one"), server(host_name="open-one", environment="DEV")
    see(ended, "--++", start=now - 200 * SECOND)
    see(lasting, "--", start=now - 400 * SECOND)
    return Incident.objects.get(host_name="open-one")


def test_open_incidents_come_first(viewer, incidents):
    page = text(viewer.get("/incidents/"))
    assert page.index("open-one") < page.index("ended-one")
    assert "Take care of it" not in page


INCIDENT_FILTERS = {
    "open": ("?state=open", {"open-one"}),
    "ended": ("?state=ended", {"ended-one"}),
    "unacknowledged": ("?state=unacknowledged", {"open-one"}),
    "environment": ("?environment=DEV", {"open-one"}),
    "name": ("?q=ENDED", {"ended-one"}),
    "nothing": ("?q=nowhere", set()),
    "no choice": ("?state=sad", {"open-one", "ended-one"}),
}


@pytest.mark.parametrize(("query", "names"), INCIDENT_FILTERS.values(), ids=INCIDENT_FILTERS)
def test_incidents_are_narrowed_down_by_the_address(viewer, incidents, query, names):
    response = viewer.get(f"/incidents/{query}")
    text(response)
    assert {incident.host_name for incident in response.context["page"]} == names


def test_an_operator_takes_care_of_an_incident_once(operator, incidents):
    response = operator.post("/incidents/?state=open", {"incident": incidents.pk})
    assert response["Location"] == "/incidents/?state=open"
    assert Incident.objects.get(pk=incidents.pk).acknowledged_by.startswith("operator-")
    assert "somebody takes care of it already" in text(
        operator.post("/incidents/", {"incident": incidents.pk}, follow=True)
    )


@pytest.mark.parametrize("key", ["", "x", "0", "9" * 40, "²"])
def test_an_incident_that_does_not_exist_is_404(operator, key):
    assert operator.post("/incidents/", {"incident": key}).status_code == 404


def test_a_viewer_takes_care_of_nothing(viewer, incidents):
    assert viewer.post("/incidents/", {"incident": incidents.pk}).status_code == 403
    assert Incident.objects.get(pk=incidents.pk).acknowledged_at is None


def test_an_incident_of_a_deleted_server_keeps_its_name(viewer, incidents):
    recording.delete([incidents.server_id], actor="tests", now=NOW)
    assert "open-one" in text(viewer.get("/incidents/"))


def test_incidents_take_a_constant_number_of_queries(viewer, now, django_assert_max_num_queries):
    Incident.objects.bulk_create(
        Incident(
            server_id=i,
            host_name=f"web-{i}",
            environment="LIVE",
            address="http://web/",
            failure="refused",
            detail="",
            began_at=now,
            confirmed_at=now,
        )
        for i in range(1, 250)
    )
    with django_assert_max_num_queries(6):
        assert "Page 2 of 3" in text(viewer.get("/incidents/?page=2"))


# the list


def test_incidents_of_one_server_are_listed(viewer, incidents):
    response = viewer.get(f"/incidents/?server={incidents.server_id}")
    assert "of open-one" in text(response)
    assert [incident.host_name for incident in response.context["page"]] == ["open-one"]


@pytest.mark.parametrize(("period", "names"), [("24h", {"new", "open"}), ("7d", {"new", "open", "old"})])
def test_a_period_is_the_time_in_which_an_incident_went_on(viewer, now, period, names):
    for name, (began, ended) in {"new": (2, 1), "open": (900, None), "old": (80, 70), "older": (900, 890)}.items():
        incident(name, now - began * HOUR, None if ended is None else now - ended * HOUR)
    response = viewer.get(f"/incidents/?period={period}")
    assert {found.host_name for found in response.context["page"]} == names


@pytest.mark.parametrize("query", ["?server=x", "?server=0", f"?server={'9' * 30}", "?period=never"])
def test_what_is_no_choice_is_ignored(viewer, incidents, query):
    assert len(viewer.get(f"/incidents/{query}").context["page"]) == 2


# the page of one


def incident(name: str, began_at, ended_at=None, **columns) -> Incident:
    return Incident.objects.create(
        server_id=4711,
        host_name=name,
        environment="LIVE",
        address="http://web/",
        failure="refused",
        detail="",
        began_at=began_at,
        confirmed_at=began_at,
        ended_at=ended_at,
        **columns,
    )


def titles(response) -> list[str]:
    return [entry.title for entry in response.context["entries"]]


def test_an_incident_is_told_as_a_story(operator, now):
    target = server(host_name="payments")
    slot = see(target, "--", start=now - 300 * SECOND)
    found = Incident.objects.get()
    address = f"/incidents/{found.pk}/"
    operator.post(address, {"act": "acknowledge"})
    Incident.objects.update(acknowledged_at=slot)
    operator.post(address, {"act": "note", "text": "The disk was full."})
    IncidentNote.objects.update(at=slot + SECOND)
    see(target, "++", start=slot + 30 * SECOND)
    response = operator.get(address)
    page = text(response)
    who = Incident.objects.get().acknowledged_by
    assert titles(response) == [
        "First failed probe",
        "Confirmed: the server is down",
        f"{who} takes care of it",
        "Note",
        "First successful probe",
        "Recovered, after 50 s",
    ]
    assert "The disk was full." in page
    assert "It lasted 50 s" in page


def test_who_was_told_is_part_of_the_story(viewer, now):
    found = incident("web", now - HOUR, acknowledged_by="kim", acknowledged_at=now)
    Channel.objects.create(channel_id="C1", name="alerts-live")
    states = {"C1": (State.SENT, ""), "C2": (State.FAILED, "is_archived"), "C3": (State.PENDING, "")}
    for channel, (state, reason) in states.items():
        Delivery.objects.create(
            kind=Kind.FAILURE,
            channel_id=channel,
            key="t:1",
            incident_id=found.pk,
            state=state,
            reason=reason,
            created_at=now - HOUR + SECOND,
            sent_at=now - HOUR + 2 * SECOND if state == State.SENT else None,
            seconds=2.0 if state == State.SENT else None,
        )
    page = text(viewer.get(f"/incidents/{found.pk}/")).partition('class="timeline"')[2]
    story = ["First failed probe", "Could not tell C2", "On its way to C3", "Told alerts-live", "kim takes care of it"]
    assert sorted(story, key=page.index) == story
    assert "2.0 s after the change of state" in page


def test_the_end_by_a_pause_says_who_did_it(viewer, now):
    target = server()
    see(target, "--", start=now - 60 * SECOND)
    recording.pause([target.pk], actor="kim", now=now)
    page = text(viewer.get(f"/incidents/{Incident.objects.get().pk}/"))
    assert "Ended: paused" in page
    assert "kim" in page
    assert "First successful probe" not in page


def test_the_evidence_stays_after_the_server_is_gone(viewer, now):
    found = incident("gone", now, status=503, peer="10.0.0.7", answer="<b>out of order</b>", stages=",300,,2000")
    page = text(viewer.get(f"/incidents/{found.pk}/"))
    for words in ("503", "10.0.0.7", "&lt;b&gt;out of order&lt;/b&gt;", "Connect", "deleted"):
        assert words in page


def test_hostile_words_are_shown_and_not_run(operator, now):
    hostile = "<script>alert(1)</script>"
    found = incident(hostile, now, answer=hostile, acknowledged_by=hostile, acknowledged_at=now)
    operator.post(f"/incidents/{found.pk}/", {"act": "note", "text": hostile})
    for path in (f"/incidents/{found.pk}/", "/incidents/"):
        assert hostile not in text(operator.get(path))


@pytest.mark.parametrize("words", ["", "   ", "x" * 2_001])
def test_a_note_that_is_none_is_refused_with_words(operator, now, words):
    found = incident("web", now)
    page = text(operator.post(f"/incidents/{found.pk}/", {"act": "note", "text": words}))
    assert 'class="wrong"' in page
    assert not IncidentNote.objects.exists()


def test_a_viewer_reads_and_writes_nothing(viewer, now):
    found = incident("web", now)
    address = f"/incidents/{found.pk}/"
    assert "<textarea" not in text(viewer.get(address))
    for form in ({"act": "note", "text": "x"}, {"act": "acknowledge"}):
        assert viewer.post(address, form).status_code == 403
    assert not IncidentNote.objects.exists()


def test_a_note_goes_with_its_incident(now):
    found = incident("web", now)
    IncidentNote.objects.create(incident=found, at=now, author="kim", text="x")
    found.delete()
    assert not IncidentNote.objects.exists()


def test_an_incident_page_takes_a_constant_number_of_queries(viewer, now, django_assert_max_num_queries):
    found = incident("web", now)
    IncidentNote.objects.bulk_create(IncidentNote(incident=found, at=now, author="kim", text=str(n)) for n in range(50))
    with django_assert_max_num_queries(10):
        text(viewer.get(f"/incidents/{found.pk}/"))


def test_an_incident_page_that_does_not_exist_is_404(viewer):
    assert viewer.get("/incidents/4711/").status_code == 404
