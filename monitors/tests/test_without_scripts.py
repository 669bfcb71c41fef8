"""The dashboard and its forms where no script runs: pages and forms do, a little less comfortably."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from healthcheck.tests.browser import assert_no_sideways_scrolling, screenshot
from monitors.models import Server
from monitors.tests.builders import server
from monitors.tests.fleet import fleet, keep_ticking

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def ticking(transactional_db, monkeypatch):
    keep_ticking(monkeypatch)


def names() -> set[str]:
    return set(Server.objects.values_list("host_name", flat=True))


@pytest.mark.parametrize("width", [390, 1440])
def test_servers_are_listed_narrowed_down_and_turned_over(visit, width):
    fleet(230, timezone.now())
    page = visit("/", scripts=False, width=width)
    rows = page.locator("#fleet tbody tr")
    expect(rows).to_have_count(100)
    expect(page.locator(".sentences")).to_contain_text("LIVE:")
    expect(rows.first.locator(".since time")).not_to_be_empty()
    screenshot(page, f"without-scripts-{width}")
    assert_no_sideways_scrolling(page)
    page.get_by_role("link", name="Next").click()
    expect(page).to_have_url(re.compile(r"\?page=2$"))
    expect(page.get_by_text("Page 2 of 3")).to_be_visible()
    page.get_by_label("Environment", exact=True).select_option("LIVE")
    page.get_by_role("searchbox").fill("chat")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page).to_have_url(re.compile(r"q=chat&environment=LIVE"))
    shown = rows.locator(".name a").all_inner_texts()
    assert set(shown) == set(
        Server.objects.filter(environment="LIVE", host_name__contains="chat").values_list("host_name", flat=True)
    )
    expect(page.locator(".count").first).to_have_text(f"{len(shown)} servers match")
    page.get_by_role("link", name="Show all").click()
    expect(rows).to_have_count(100)


def test_a_server_is_added_and_deleted(visit):
    server(host_name="kept")
    page = visit("/", scripts=False)
    page.get_by_role("link", name="Add a server").click()
    page.get_by_label("Name", exact=True).fill("web-1")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("Nothing was saved")).to_be_visible()
    page.get_by_label("Host", exact=True).fill("127.0.0.1")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="web-1")).to_be_visible()
    assert names() == {"kept", "web-1"}
    page.goto(f"/servers/{Server.objects.get(host_name='web-1').pk}/delete/")
    assert names() == {"kept", "web-1"}
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("web-1 is deleted.")).to_be_visible()
    assert names() == {"kept"}


def test_ticked_servers_are_paused_and_all_that_match_are_deleted_after_a_question(visit):
    fleet(130, timezone.now())
    Server.objects.filter(host_name="web-1").update(environment="UNKNOWN")
    page = visit("/?q=web-1", scripts=False)
    page.get_by_role("checkbox", name="web-1", exact=True).check()
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text("1 server paused.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("1 server resumed.")).to_be_visible()
    page.goto("/?environment=LIVE")
    expected = names()
    Server.objects.filter(environment__in=("STAGE", "DEV")).update(environment="LIVE")
    page.reload()
    page.get_by_label("Select all 129 on all pages").check()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("heading", name="Delete 129 servers?")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("Type the number of servers.")
    assert names() == expected
    page.get_by_label("Type 129 to confirm").fill("129")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("129 servers are deleted.")).to_be_visible()
    assert names() == {"web-1"}
