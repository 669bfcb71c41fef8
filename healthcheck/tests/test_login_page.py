"""The first page that anybody sees."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from healthcheck.tests.browser import assert_accessible, assert_no_sideways_scrolling, screenshot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_login_is_accessible_in_every_look(visit, width, dark, language):
    page = visit("/login/", role="", width=width, dark=dark, language=language)
    screenshot(page, f"login-{width}-{'dark' if dark else 'light'}-{language}")
    assert_no_sideways_scrolling(page)
    assert_accessible(page)


def test_colours_follow_the_system_until_they_are_switched_and_stay_switched(visit):
    page = visit("/login/", role="", dark=True)
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.locator("#menu > summary").click()
    page.get_by_role("button", name="Light").click()
    light = page.evaluate(ground)
    assert light != dark
    page.reload()
    assert page.evaluate(ground) == light
    page.locator("#menu > summary").click()
    expect(page.get_by_role("button", name="Light")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="System").click()
    assert page.evaluate(ground) == dark


def test_the_menu_is_used_by_keyboard_alone(visit):
    page = visit("/login/", role="")
    summary = page.locator("#menu > summary")
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="한국어")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="한국어")).to_be_hidden()
    expect(summary).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="한국어").press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
