"""The dashboard as people use it: changes appear while it is open, and nothing that somebody does is lost by that."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from healthcheck.tests.browser import assert_accessible, assert_no_sideways_scrolling, screenshot
from monitors import recording
from monitors.models import Heartbeat, Server
from monitors.tests.builders import SECOND, observation, see, server
from monitors.tests.fleet import fleet

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture(autouse=True)
def ticking(now, transactional_db):
    Heartbeat.objects.create(name="tick", at=now + timedelta(minutes=10))


def fail(target: Server, *, ok: bool = False) -> None:
    """The run of outcomes that completes a failure, or a recovery."""
    start = timezone.now()
    recording.record([observation(target.pk, start + n * timedelta(milliseconds=1), ok=ok) for n in range(2)])


def live(page):
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    return page


def test_a_failure_and_a_recovery_appear_while_the_page_is_open(visit, now):
    see(server(host_name="web-1"), "++", start=now - 15 * SECOND)
    target = server(host_name="web-2")
    see(target, "++", start=now - 15 * SECOND)
    page = live(visit("/"))
    row = page.locator(f"#s{target.pk}")
    expect(row.locator(".health")).to_have_text(re.compile("Healthy"))
    page.evaluate("window.sameDocument = true")
    fail(target)
    expect(row.locator(".health")).to_have_text(re.compile("Down"))
    expect(row.locator(".error")).to_contain_text("Connection refused")
    expect(page.locator("#fleet tbody tr").first).to_have_id(f"s{target.pk}")
    expect(page.locator(".sentences")).to_contain_text(re.compile("1 of 2 down for"))
    expect(page.locator(".open-incidents")).to_contain_text("web-2")
    expect(page).to_have_title(re.compile(r"^\(1\) Servers"))
    expect(page.locator("#favicon")).to_have_attribute("href", re.compile("^data:image/svg"))
    fail(target, ok=True)
    expect(row.locator(".health")).to_have_text(re.compile("Healthy"))
    expect(page.locator(".sentences")).to_contain_text("all 2 healthy")
    expect(page.locator(".open-incidents")).to_have_count(0)
    expect(page).to_have_title(re.compile("^Servers"))
    assert page.evaluate("window.sameDocument")


LOOKS = [(width, dark, language) for width in (390, 1440) for dark in (False, True) for language in ("en", "ko")]


@pytest.mark.parametrize(("width", "dark", "language"), [*LOOKS, (2560, False, "en"), (768, True, "en")])
def test_the_dashboard_is_accessible_in_every_look(visit, now, width, dark, language):
    fleet(12, now)
    page = live(visit("/", width=width, dark=dark, language=language))
    screenshot(page, f"dashboard-12-{width}-{'dark' if dark else 'light'}-{language}", whole=True)
    assert_no_sideways_scrolling(page)
    assert_accessible(page)


@pytest.mark.parametrize("count", [0, 2_000])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_dashboard_stands_none_and_thousands(visit, now, count, width):
    fleet(count, now, down=5)
    page = live(visit("/", width=width))
    screenshot(page, f"dashboard-{count}-{width}")
    assert_no_sideways_scrolling(page)
    assert_accessible(page)
