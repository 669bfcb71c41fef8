"""The inventory on its page: what it would change, then the change."""

from __future__ import annotations

import pytest

from monitors.models import InventoryRun, Server
from monitors.tests.answers import text
from monitors.tests.inventory_stand_in import TOKEN, inventory_server, listing
from monitors.tests.people import visitor

pytestmark = pytest.mark.django_db

PATH = "/servers/inventory/"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def inventory(settings):
    with inventory_server() as running:
        settings.INVENTORY_URL, settings.INVENTORY_TOKEN = running.url, TOKEN
        yield running


@pytest.fixture
def operator():
    return visitor("operator")


def apply(client, **given):
    run = InventoryRun.objects.order_by("-id").values_list("id", flat=True)[0]
    return client.post(PATH, {"act": "apply", "run": run, **given}, follow=True)


def test_a_viewer_may_not_ask(inventory):
    viewer = visitor("viewer")
    assert viewer.get(PATH).status_code == 403
    assert viewer.post(PATH, {"act": "look"}).status_code == 403
    assert inventory.seen == []


def test_without_an_inventory_its_page_says_what_to_set_and_nothing_leads_there(operator):
    page = text(operator.get(PATH))
    assert "INVENTORY_URL is not set" in page
    assert 'value="look"' not in page
    assert PATH not in text(operator.get("/"))


def test_opening_the_page_asks_nobody(operator, inventory):
    text(operator.get(PATH))
    assert inventory.seen == []


def test_what_would_change_is_shown_and_then_written(operator, inventory):
    inventory.lists(*listing("web-1", "web-2", HOSTILE))
    page = text(operator.post(PATH, {"act": "look"}))
    assert "web-1" in page
    assert "<script>alert" not in page
    assert not Server.objects.exists()
    assert "3 created, 0 changed, 0 paused" in text(apply(operator))
    assert Server.objects.filter(from_inventory=True).count() == 3
    inventory.lists(*listing("web-1", "web-2", HOSTILE, port=8443))
    assert "port 443 → 8443" in text(operator.post(PATH, {"act": "look"}))


def test_nothing_would_change_is_said(operator, inventory):
    inventory.lists(*listing("web-1"))
    operator.post(PATH, {"act": "look"})
    apply(operator)
    page = text(operator.post(PATH, {"act": "look"}))
    assert "Nothing would change." in page
    assert 'value="apply"' not in page
    assert "Last synchronisation" in page


def test_too_much_at_once_needs_a_tick(operator, inventory):
    inventory.lists(*listing(*(f"web-{n}" for n in range(10))))
    operator.post(PATH, {"act": "look"})
    apply(operator)
    inventory.lists(*listing("web-0", "web-1"))
    page = text(operator.post(PATH, {"act": "look"}), 409)
    assert "more than 20 %" in page
    assert "Vanished, so paused" in page
    assert "more than 20 %" in text(apply(operator), 409)
    assert not Server.objects.filter(paused=True).exists()
    assert "8 paused" in text(apply(operator, force="on"))
    assert Server.objects.filter(paused=True).count() == 8


def test_what_was_not_shown_is_not_written(operator, inventory):
    inventory.lists(*listing("web-1"))
    operator.post(PATH, {"act": "look"})
    inventory.lists(*listing("web-1", "web-2"))
    page = text(apply(operator), 409)
    assert "no longer those that you saw: nothing was changed" in page
    assert "web-2" in page
    assert not Server.objects.exists()
    assert "2 created" in text(apply(operator))


@pytest.mark.parametrize("run", ["", "x", "4711", "9" * 40])
def test_nothing_is_written_without_a_look(operator, inventory, run):
    page = text(operator.post(PATH, {"act": "apply", "run": run}), 409)
    assert "Look at what would change first" in page
    assert inventory.seen == []


def test_what_is_wrong_with_the_inventory_is_said(operator, inventory, settings):
    settings.INVENTORY_TOKEN = "wrong"
    page = text(operator.post(PATH, {"act": "look"}), 409)
    assert "INVENTORY_TOKEN" in page
    assert "wrong" not in page.split("<main")[1]
    assert 'value="apply"' not in page


def test_rejected_rows_are_named(operator, inventory):
    inventory.lists(*listing("web-1"), *listing("web-2", port=70000))
    page = text(operator.post(PATH, {"act": "look"}))
    assert "row 2" in page
    assert "port: " in page
