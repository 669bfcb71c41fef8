"""Finding servers and choosing many of them, as people do."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from healthcheck.tests.browser import assert_accessible, assert_no_sideways_scrolling, screenshot
from monitors import recording
from monitors.models import Server
from monitors.tests.builders import SECOND, observation, see, server
from monitors.tests.fleet import fleet, keep_ticking

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LOOKS = [(width, dark, language) for width in (390, 1440) for dark, language in ((False, "en"), (True, "ko"))]


@pytest.fixture(autouse=True)
def ticking(transactional_db, monkeypatch):
    keep_ticking(monkeypatch)


def select_page(page):
    """By the bar, which appears with the first tick: a narrow window has no heading to tick."""
    bar = page.locator("#selection")
    page.locator("#fleet [data-select]").first.check()
    bar.locator("[data-select-all]").check()
    return bar


def test_all_that_match_are_chosen_on_every_page_and_taken_back(visit):
    fleet(230, timezone.now())
    page = visit("/?environment=LIVE")
    bar = select_page(page)
    expect(bar).to_contain_text("100 selected")
    everything = page.get_by_label("Select all 116 on all pages")
    everything.check()
    expect(bar).to_contain_text("116 selected")
    assert_accessible(page)
    page.locator("#fleet [data-select]").first.uncheck()
    expect(bar).to_contain_text("99 selected")
    expect(everything).to_be_hidden()
    select_page(page)
    expect(everything).not_to_be_checked()
    everything.check()
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text("115 servers paused.")).to_be_visible()  # one was paused before
    expect(page.locator("#fleet .health-paused")).to_have_count(100)
    expect(bar).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("115 servers resumed.")).to_be_visible()
    assert Server.objects.filter(paused=True).count() == 1


def test_another_question_is_another_choice(visit):
    fleet(230, timezone.now())
    page = visit("/")
    select_page(page)
    page.get_by_label("Select all 230 on all pages").check()
    page.get_by_label("Environment", exact=True).select_option("LIVE")
    expect(page).to_have_url(re.compile("environment=LIVE"))
    expect(page.locator("#fleet tbody tr").first.locator(".badge")).to_have_text("LIVE")
    select_page(page)
    everything = page.get_by_label("Select all 116 on all pages")
    expect(everything).not_to_be_checked()
    everything.check()
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Delete 116 servers?")
    assert_accessible(page)
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(dialog).to_contain_text("Type the number of servers.")
    dialog.get_by_label("Type 116 to confirm").fill("116")
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("116 servers are deleted.")).to_be_visible()
    expect(dialog).to_have_count(0)
    assert Server.objects.filter(environment="LIVE").count() == 0
    assert Server.objects.count() == 114


@pytest.mark.parametrize(("width", "dark", "language"), LOOKS)
def test_many_chosen_servers_look_well(visit, width, dark, language):
    fleet(230, timezone.now())
    page = visit("/", width=width, dark=dark, language=language, role="admin")
    bar = select_page(page)
    bar.locator("[name=across]").check()
    look = f"{width}-{'dark' if dark else 'light'}-{language}"
    screenshot(page, f"selection-across-{look}")
    assert_no_sideways_scrolling(page)
    bar.locator("[value=delete]").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    screenshot(page, f"selection-delete-{look}")
    assert_accessible(page)


def test_how_many_match_is_said_to_whoever_searches_and_not_when_something_changes(visit):
    targets = [server(host_name=name) for name in ("web-1", "web-2", "chat-1")]
    for target in targets:
        see(target, "++", start=timezone.now() - 15 * SECOND)
    page = visit("/")
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    found = page.locator("#found")
    expect(found).to_be_empty()
    search = page.get_by_role("searchbox")
    search.fill("web")
    expect(found).to_have_text("2 servers match")
    expect(found).to_have_attribute("role", "status")
    found.evaluate(
        "region => { window.said = 0; new MutationObserver(() => said++).observe(region, {childList: true}) }"
    )
    server(host_name="web-3")
    recording.record([observation(targets[0].pk, timezone.now() + n * SECOND / 1000, ok=False) for n in range(2)])
    expect(page.locator(f"#s{targets[0].pk} .health")).to_have_text("Down")
    expect(page.locator("#fleet tbody tr")).to_have_count(3)
    assert page.evaluate("said") == 0
    search.fill("nothing like it")
    expect(found).to_have_text("No server matches.")
    expect(page.locator("#servers #found")).to_have_count(0)
    assert_accessible(page)


WIDTHS = (390, 768, 960, 1100, 1247, 1248, 1280, 1424, 1440, 2560)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_column_is_shown_at_every_width_and_the_list_stays_in_its_place(visit, language):
    fleet(12, timezone.now())
    page = visit("/", language=language)
    row = page.locator("#fleet tbody tr", has=page.locator(".health-healthy")).first
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for cell in (".state", ".place", ".since", ".spark", ".strip", ".uptime", ".notification", ".next"):
            expect(row.locator(cell)).to_be_visible()
        assert_no_sideways_scrolling(page)
        room = page.evaluate("fleet.parentElement.clientWidth - fleet.scrollWidth")
        assert room >= -1, f"{-room} px too wide at {width}"
