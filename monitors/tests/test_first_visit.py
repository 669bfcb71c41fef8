"""What a new installation shows, until there is nothing left to set up."""

from __future__ import annotations

import pytest

from monitors.models import Server
from monitors.templatetags.first_visit import links_lead_here
from monitors.tests.answers import text
from monitors.tests.builders import server
from monitors.tests.people import visitor
from notifications.models import Channel

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator():
    return visitor("operator")


def connected() -> Channel:
    return Channel.objects.create(channel_id="C1", hook_url="https://hooks.slack.com/services/x")


def test_an_empty_installation_leads_to_the_next_step(operator, settings):
    page = text(operator.get("/"))
    for path in ("/servers/new/", "/servers/paste/", "/channels/"):
        assert f'href="{path}"' in page
    assert "/servers/inventory/" not in page
    settings.INVENTORY_URL = "https://inventory.example.com"
    assert 'href="/servers/inventory/"' in text(operator.get("/"))


def test_a_step_that_is_done_asks_for_nothing_more(operator, settings):
    server(), connected()
    page = text(operator.get("/"))
    assert "First steps" in page
    assert page.count('aria-label="done"') == 2
    assert "Connect Slack" not in page
    assert "Links in messages lead to http://127.0.0.1:8000" in page


def test_the_steps_go_away_when_all_are_done(operator, settings):
    server(), connected()
    settings.SITE_URL = "https://monitor.example.com"
    assert "First steps" not in text(operator.get("/"))
    Server.objects.all().delete()
    assert "First steps" in text(operator.get("/"))


def test_the_steps_go_away_when_somebody_has_seen_enough(operator):
    assert operator.post("/first-steps/dismiss/").status_code == 302
    page = text(operator.get("/"))
    assert "First steps" not in page
    assert "No server is watched yet." in page  # and still there is a way on
    assert 'href="/servers/new/"' in page
    assert "First steps" in text(visitor("operator").get("/"))


def test_a_script_takes_the_steps_away_without_a_new_page(operator):
    response = operator.post("/first-steps/dismiss/", headers={"HX-Request": "true"})
    assert (response.status_code, response.content) == (200, b"")


def test_a_viewer_is_told_whom_to_ask():
    page = text(visitor("viewer").get("/"))
    assert "First steps" not in page
    assert "An operator can add servers." in page
    assert "/servers/new/" not in page
    assert visitor("").post("/first-steps/dismiss/").status_code == 403


ADDRESSES = {
    "http://127.0.0.1:8000": False,
    "http://localhost": False,
    "http://monitor.localhost": False,
    "http://[::1]:8000": False,
    "http://10.0.0.7:8000": True,
    "https://monitor.example.com": True,
}


@pytest.mark.parametrize(("address", "leads"), ADDRESSES.items())
def test_an_address_of_this_machine_leads_nobody_here(settings, address, leads):
    settings.SITE_URL = address
    assert links_lead_here() is leads
