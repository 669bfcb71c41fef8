"""Times on the page of a server: in the zone of whoever reads them, and in the server's where no script runs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from healthcheck.tests.browser import assert_accessible, screenshot
from monitors.charts import scale
from monitors.charts.latency import EDGE
from monitors.models import Incident, Rollup, Server
from monitors.spans import floor
from monitors.tests.builders import SECOND, see, server
from monitors.tests.fleet import keep_ticking

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HOUR = timedelta(hours=1)
STEPS = {"24h": (4, 1), "7d": (24, 1), "30d": (24, 5)}  # hours and days between two labels


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def target(now, monkeypatch) -> Server:
    keep_ticking(monkeypatch)
    found = server(host_name="web-1")
    Rollup.objects.bulk_create(
        Rollup(
            server=found,
            resolution=resolution,
            start=floor(now - step * number, resolution),
            succeeded=6,
            failed=0,
            inconclusive=0,
            elapsed_sum_us=6 * 80_000,
            elapsed_max_us=(number % 5 + 1) * 90_000,
        )
        for resolution, step, count in ((60, HOUR / 60, 24 * 60), (3_600, HOUR, 30 * 24))
        for number in range(count, 0, -1)
    )
    Incident.objects.create(
        server=found,
        host_name="web-1",
        environment="LIVE",
        failure="refused",
        began_at=now - 5 * HOUR,
        confirmed_at=now - 5 * HOUR,
        ended_at=now - 4 * HOUR,
    )
    see(found, "+-+", start=now - 40 * SECOND)
    return found


def labels(page) -> list[tuple[float, str]]:
    """Place (percent of the width) and words of those on the axis."""
    found = page.locator(".instants text").evaluate_all(
        "all => all.map(text => [parseFloat(text.getAttribute('x')), text.firstChild.textContent.trim()])"
    )
    return [(place, words) for place, words in found]


def expected(page, zone: str, range_: str) -> list[tuple[float, str]]:
    figure = page.locator("svg[data-begin]")
    seconds = [int(str(figure.get_attribute(name))) for name in ("data-begin", "data-end")]
    begin, end = (datetime.fromtimestamp(each, UTC) for each in seconds)
    hours, days = STEPS[range_]
    return [
        (100 * share, f"{at:%H:%M}" if hours < 24 and at.hour else f"{at:%b} {at.day}")
        for at in scale.instants(begin, end, ZoneInfo(zone), hours=hours, days=days)
        if EDGE <= (share := (at - begin) / (end - begin)) <= 1 - EDGE
    ]


ZONES = ["Asia/Seoul", "America/New_York", "Australia/Adelaide", "UTC"]


@pytest.mark.parametrize("range_", STEPS)
@pytest.mark.parametrize("zone", ZONES)
def test_a_chart_is_labelled_by_the_clock_of_its_reader(visit, target, zone, range_):
    page = visit(f"/servers/{target.pk}/?range={range_}", zone=zone)
    expect(page.locator(".latency .key")).to_contain_text(f"Times in {zone}.")
    found, wanted = labels(page), expected(page, zone, range_)
    assert [words for _, words in found] == [words for _, words in wanted]
    assert [place for place, _ in found] == pytest.approx([place for place, _ in wanted], abs=0.1)


def test_a_chart_without_a_script_is_labelled_by_the_clock_of_the_server(visit, target):
    page = visit(f"/servers/{target.pk}/", zone="Asia/Seoul", scripts=False)
    assert [words for _, words in labels(page)] == [words for _, words in expected(page, "UTC", "24h")]
    expect(page.locator(".latency .key")).to_contain_text("Times in UTC.")
    expect(page.locator("#last-probe time[data-at]").first).to_contain_text("UTC")


def test_the_time_of_the_server_is_told_on_hover(visit, target, now):
    page = visit(f"/servers/{target.pk}/", zone="Asia/Seoul")
    title = page.locator(".instants text title").first
    assert "at the server (UTC)" in title.inner_html()
    down = page.locator("rect.hit[data-words] title").inner_html()
    began = (now - 5 * HOUR).astimezone(ZoneInfo("Asia/Seoul"))
    assert down.startswith(f"Down from {began:%b} {began.day} {began:%H:%M} to ")
    assert re.search(rf"\n.*{now - 5 * HOUR:%m-%d %H:%M}.*at the server \(UTC\)", down)
    readout = page.locator(".readout")
    expect(readout).to_have_attribute("title", re.compile(r"^\w+ \d+ \d\d:\d0–\d\d:\d0 at the server \(UTC\)$"))
    page.get_by_text("The same as a table").click()
    expect(page.locator("th[data-from]").first).to_have_attribute("title", re.compile(r"at the server \(UTC\)$"))
    probed = page.locator("#last-probe time[data-at]").first
    expect(probed).to_contain_text("GMT+9")
    probed.hover()
    expect(probed).to_have_attribute("title", re.compile(r"at the server \(UTC\)"))


@pytest.mark.parametrize(("width", "dark", "language"), [(1440, False, "en"), (390, True, "ko")])
def test_a_chart_in_another_zone_looks_well(visit, target, width, dark, language):
    for range_ in STEPS:
        page = visit(f"/servers/{target.pk}/?range={range_}", width=width, dark=dark, language=language)
        page.locator("#latency").scroll_into_view_if_needed()
        screenshot(page, f"zone-{range_}-{width}-{'dark' if dark else 'light'}-{language}")
    assert_accessible(page)


def test_another_range_is_labelled_anew(visit, target):
    page = visit(f"/servers/{target.pk}/", zone="Asia/Seoul")
    page.get_by_role("link", name="7 days").click()
    expect(page).to_have_url(re.compile("range=7d"))
    expect(page.locator(".latency .key")).to_contain_text("Times in Asia/Seoul.")
    assert [words for _, words in labels(page)] == [words for _, words in expected(page, "Asia/Seoul", "7d")]
