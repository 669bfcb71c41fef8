"""The audit log in a browser: wide and narrow, light and dark, in both languages."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from healthcheck.tests.browser import assert_accessible, assert_no_sideways_scrolling, screenshot
from monitors import recording
from monitors.tests.builders import NOW, server

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LOOKS = [(width, dark, language) for width in (390, 1440) for dark, language in ((False, "en"), (True, "ko"))]


@pytest.mark.parametrize(("width", "dark", "language"), LOOKS)
def test_it_is_read_by_everybody_everywhere(visit, width, dark, language):
    target = server(host_name="a-server-with-a-very-long-name-" + "x" * 60, path="/health?key=secret")
    recording.pause([target.pk], actor="somebody.with.a.long.name@example.com", reason="New disks.", now=NOW)
    page = visit("/audit/", role="admin", width=width, dark=dark, language=language)
    page.locator("details summary").nth(-1).click()  # the menu of the account is one, too
    expect(page.get_by_text("/health?********")).to_be_visible()
    screenshot(page, f"audit-{width}-{'dark' if dark else 'light'}-{language}", whole=True)
    page.evaluate("scrollTo(0, 0)")  # or the bar at the top covers half of a field
    assert_no_sideways_scrolling(page)
    assert_accessible(page)


def test_one_thing_leads_to_all_that_was_done_to_it(visit):
    for name in ("web-a", "web-b"):
        recording.pause([server(host_name=name).pk], actor="kim", now=NOW)
    page = visit("/audit/", role="admin")
    rows = page.locator("table.audit tbody tr")
    expect(rows).to_have_count(4)
    page.get_by_role("link", name="web-a").first.click()
    expect(rows).to_have_count(2)
    page.get_by_role("link", name="Clear filters").click()
    expect(rows).to_have_count(4)
