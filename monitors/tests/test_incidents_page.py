"""The page of the incidents, as people with each role meet it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from monitors import recording
from monitors.models import Incident
from monitors.tests.builders import NOW, SECOND, see, server
from monitors.tests.people import person

pytestmark = pytest.mark.django_db


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


def text(response) -> str:
    assert response.status_code == 200
    return str(response.content, "utf-8")


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
