"""The dashboard as people use it: changes appear while it is open, and nothing that somebody does is lost by that."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from healthcheck.tests.browser import assert_accessible, assert_no_sideways_scrolling, screenshot
from monitors import recording
from monitors.models import Heartbeat, Server, ServerStatus
from monitors.tests.builders import SECOND, observation, see, server
from monitors.tests.fleet import fleet, keep_ticking

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture(autouse=True)
def ticking(transactional_db, monkeypatch):
    keep_ticking(monkeypatch)


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


def test_filters_are_in_the_address_and_the_back_button_undoes_them(visit, now):
    fleet(12, now)
    page = live(visit("/"))
    rows = page.locator("#fleet tbody tr")
    expect(rows).to_have_count(12)
    page.get_by_label("Environment", exact=True).select_option("STAGE")
    expect(rows).to_have_count(3)
    expect(page).to_have_url(re.compile(r"/\?environment=STAGE$"))
    page.get_by_label("State", exact=True).select_option("UNHEALTHY")
    expect(rows).to_have_count(1)
    page.go_back()
    expect(rows).to_have_count(3)
    expect(page.get_by_label("State", exact=True)).to_have_value("")
    page.go_back()
    expect(rows).to_have_count(12)
    expect(page).to_have_url(re.compile(r"/$"))
    page.go_forward()
    expect(rows).to_have_count(3)
    expect(page.get_by_label("Environment", exact=True)).to_have_value("STAGE")
    page.get_by_role("link", name="Show all").click()
    expect(rows).to_have_count(12)


def test_sorting_goes_both_ways_and_keeps_the_focus(visit, now):
    fleet(12, now)
    page = live(visit("/"))
    heading = page.get_by_role("link", name="Name", exact=True)
    heading.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#fleet tbody tr").first.locator(".name a")).to_have_text("admin-1")
    expect(heading).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#fleet tbody tr").first.locator(".name a")).to_have_text("web-1")
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "descending")


def test_a_search_keeps_the_focus_and_the_half_typed_text_while_rows_change(visit, now):
    one, other = server(host_name="web-1"), server(host_name="chat-1")
    for target in (one, other):
        see(target, "++", start=now - 15 * SECOND)
    page = live(visit("/"))
    page.keyboard.press("/")
    search = page.get_by_role("searchbox")
    expect(search).to_be_focused()
    page.keyboard.type("we")
    expect(page.locator("#fleet tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?q=we$"))
    fail(one)
    expect(page.locator(f"#s{one.pk} .health")).to_have_text("Down")
    expect(search).to_be_focused()
    expect(search).to_have_value("we")
    page.keyboard.type("b-1")
    expect(page).to_have_url(re.compile(r"\?q=web-1$"))
    fail(other)  # does not match, so it does not appear
    expect(page.locator(".sentences")).to_contain_text("2 of 2 down")
    expect(page.locator("#fleet tbody tr")).to_have_count(1)
    page.go_back()
    expect(page.locator("#fleet tbody tr")).to_have_count(2)


def test_an_open_menu_the_scroll_and_the_focus_survive_a_change(visit, now):
    fleet(60, now)
    page = live(visit("/", width=1440))
    target = Server.objects.get(host_name="web-5")
    page.locator("#menu > summary").click()
    link = page.locator(f"#n{target.pk}")
    link.evaluate("element => { element.scrollIntoView({block: 'center'}); element.focus({preventScroll: true}) }")
    page.evaluate("document.getElementById('menu').open = true")
    before = page.evaluate("scrollY")
    assert before > 0
    Server.objects.filter(pk=target.pk).update(unhealthy_threshold=2, healthy_threshold=2)
    other = Server.objects.get(host_name="web-4")
    Server.objects.filter(pk=other.pk).update(notification=not other.notification)
    recording.set_notification([other.pk], other.notification, actor="somebody", now=timezone.now())
    fail(target)
    expect(page.locator(f"#s{target.pk} .health")).to_have_text("Down")
    expect(link).to_be_focused()
    assert page.evaluate("document.getElementById('menu').open")


def test_the_switch_of_a_row_takes_one_click_and_nobody_without_the_right_has_it(visit, now):
    target = server(host_name="web-1")
    page = live(visit("/"))
    switch = page.get_by_role("switch", name="Notification web-1")
    expect(switch).to_be_checked()
    switch.press("Space")
    expect(switch).not_to_be_checked()
    expect(switch).to_be_focused()
    assert not Server.objects.get(pk=target.pk).notification
    switch.click()
    expect(switch).to_be_checked()
    assert Server.objects.get(pk=target.pk).notification
    viewer = live(visit("/", role="viewer"))
    expect(viewer.locator(f"#s{target.pk} .notification")).to_have_text("on")
    expect(viewer.get_by_role("switch")).to_have_count(0)


def test_each_outcome_of_a_strip_is_told_by_pointer_and_by_keyboard(visit, now):
    target = server(host_name="web-1")
    see(target, "++-+", start=now - 45 * SECOND)
    page = live(visit("/"))
    strip = page.locator(f"#s{target.pk} .strip")
    strip.focus()
    tip = page.locator(".tip")
    expect(tip).to_contain_text("ok")
    page.keyboard.press("ArrowLeft")
    expect(tip).to_contain_text("Connection refused")
    expect(tip).to_have_attribute("role", "status")
    page.keyboard.press("Escape")
    expect(tip).to_have_count(0)
    strip.hover(position={"x": 1, "y": 8})
    expect(tip).to_contain_text("ok")


def test_language_and_colours_are_switched_on_the_page(visit, now):
    fleet(12, now)
    page = live(visit("/"))
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.locator("#menu > summary").click()
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(ground) != light
    page.get_by_role("button", name="한국어").click()
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    assert page.evaluate(ground) != light


def test_times_tick_and_tell_both_zones(visit, now):
    target = server(host_name="web-1")
    see(target, "++", start=now - 15 * SECOND)
    page = live(visit("/", zone="America/New_York"))
    since = page.locator(f"#s{target.pk} .since time")
    before = since.inner_text()
    expect(since).not_to_have_text(before)
    since.hover()
    expect(since).to_have_attribute("title", re.compile(r"at the server \(UTC\)"))


def test_a_lost_connection_is_said_and_what_may_be_wrong_is_grey(visit, site, now):
    see(server(host_name="web-1"), "++", start=now - 15 * SECOND)
    page = live(visit("/", lost=True))
    green = _color(page, "#fleet .health")
    site.stop()
    expect(page.locator("#live")).to_have_attribute("data-state", "lost", timeout=15_000)
    expect(page.locator("#live")).to_have_text("Connection lost, reconnecting")
    assert _color(page, "#fleet .health") != green


def _color(page, selector: str) -> str:
    return str(page.locator(selector).evaluate("element => getComputedStyle(element).color"))


def test_nothing_stays_green_once_nothing_is_probed(visit, now):
    see(server(host_name="web-1"), "++", start=now - 15 * SECOND)
    page = live(visit("/"))
    expect(page.locator("#fleet .health")).to_have_text("Healthy")
    Heartbeat.objects.update(at=timezone.now() - timedelta(minutes=5))
    expect(page.locator("#board")).to_contain_text("Nothing has been probed for", timeout=15_000)
    expect(page.locator("#fleet .health")).to_have_text("Out of date")
    expect(page.locator(".health-healthy")).to_have_count(0)
    Heartbeat.objects.update(at=timezone.now() + timedelta(minutes=5))
    expect(page.locator("#fleet .health")).to_have_text("Healthy", timeout=15_000)


def seen(target: Server, ago: timedelta) -> None:
    ServerStatus.objects.filter(server=target).update(last_checked_at=timezone.now() - ago)


def test_a_server_that_is_no_longer_seen_turns_grey_and_green_again_while_the_page_is_open(visit, now):
    targets = [server(host_name=name) for name in ("web-1", "web-2")]
    for target in targets:
        see(target, "++", start=now - 15 * SECOND)
        seen(target, timedelta(minutes=-10))
    page = live(visit("/"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    row = page.locator(f"#s{targets[1].pk}")
    seen(targets[1], timedelta(minutes=5))
    expect(page.locator(".sentences")).to_contain_text("1 of 2 not seen lately", timeout=15_000)
    expect(row).to_have_class(re.compile("stale"))
    expect(row.locator(".next")).to_have_text("overdue")
    expect(page.locator("#fleet tbody tr").first).to_have_id(f"s{targets[1].pk}")
    expect(page.locator("#board .banner")).to_have_count(0)
    seen(targets[1], timedelta(minutes=-10))
    expect(page.locator(".sentences")).to_contain_text("all 2 healthy", timeout=15_000)
    expect(row.locator(".health")).to_have_text("Healthy")
    assert not [url for url in asked if "/rows/" in url]  # they come with the news


def test_workers_that_hang_are_said_while_the_schedule_goes_on(visit, now):
    target = server(host_name="web-1")
    see(target, "++", start=now - 15 * SECOND)
    seen(target, timedelta(minutes=-10))
    Heartbeat.objects.create(name="outcomes", at=now)
    page = live(visit("/"))
    other = live(visit(f"/servers/{target.pk}/"))
    assert _color(page, "#fleet .health")
    Heartbeat.objects.filter(name="outcomes").update(at=timezone.now() - timedelta(minutes=5))
    seen(target, timedelta(minutes=5))
    ServerStatus.objects.update(next_probe_at=timezone.now(), claimed_until=timezone.now())
    expect(page.locator("#board")).to_contain_text("Check that the workers of the queue “probes” run", timeout=15_000)
    expect(page.locator("#fleet .health")).to_have_text("Out of date")
    expect(page.locator(".health-healthy")).to_have_count(0)
    expect(other.locator("#now")).to_contain_text("although the schedule goes on", timeout=15_000)
    for part in ("#latency", "#outcomes", "#last-probe"):
        expect(other.locator(part)).to_have_class(re.compile("stale"))
    expect(other.locator("#last-probe")).to_contain_text("overdue")
    screenshot(page, "dashboard-unanswered")
    screenshot(other, "server-unanswered", whole=True)
    assert_accessible(page)
    assert_accessible(other)
    Heartbeat.objects.filter(name="outcomes").update(at=timezone.now())
    seen(target, timedelta(minutes=-10))
    expect(page.locator("#fleet .health")).to_have_text("Healthy", timeout=15_000)
    expect(page.locator("#board .banner")).to_have_count(0)
    expect(other.locator("#latency")).not_to_have_class(re.compile("stale"), timeout=15_000)


def test_what_is_down_is_sorted_by_its_environment_as_it_comes(visit, now):
    places = {"a-dev": "DEV", "b-stage": "STAGE", "c-live": "LIVE", "d-live": "LIVE"}
    targets = {name: server(host_name=name, environment=place) for name, place in places.items()}
    for target in targets.values():
        see(target, "++", start=now - 15 * SECOND)
    page = live(visit("/"))
    names = page.locator("#fleet tbody .name a")
    expect(names).to_have_text(["a-dev", "b-stage", "c-live", "d-live"])
    for name in ("a-dev", "d-live", "b-stage"):
        fail(targets[name])
        expect(page.locator(f"#s{targets[name].pk} .health")).to_have_text("Down")
    sorted_by_weight = ["d-live", "b-stage", "a-dev", "c-live"]
    expect(names).to_have_text(sorted_by_weight)
    page.reload()
    expect(names).to_have_text(sorted_by_weight)
    expect(page.locator(".open-incidents a").first).to_have_text("d-live")


def test_changes_arrive_while_redis_is_away(visit, now, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    target = server(host_name="web-1")
    see(target, "++", start=now - 15 * SECOND)
    page = live(visit("/"))
    fail(target)
    expect(page.locator(f"#s{target.pk} .health")).to_have_text("Down", timeout=10_000)


def test_rows_come_with_the_news_also_where_the_list_is_narrowed_down(visit, now):
    shown, other = server(host_name="web-1"), server(host_name="chat-1")
    for target in (shown, other):
        see(target, "++", start=now - 15 * SECOND)
    page = live(visit("/?q=web&sort=name"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    fail(other)
    fail(shown)
    expect(page.locator(f"#s{shown.pk} .health")).to_have_text("Down")
    expect(page.locator(".sentences")).to_contain_text(re.compile("2 of 2 down for"))
    expect(page.locator("#fleet tbody tr")).to_have_count(1)
    assert not [url for url in asked if "/rows/" in url]


def test_rows_are_asked_for_once_the_list_was_narrowed_down_otherwise(visit, now):
    shown, other = server(host_name="web-1"), server(host_name="chat-1")
    for target in (shown, other):
        see(target, "++", start=now - 15 * SECOND)
    page = live(visit("/"))
    page.get_by_role("searchbox").fill("web")
    expect(page.locator("#fleet tbody tr")).to_have_count(1)
    with page.expect_request(lambda request: "/rows/?q=web" in request.url):
        fail(other)
        fail(shown)
    expect(page.locator(f"#s{shown.pk} .health")).to_have_text("Down")
    expect(page.locator("#fleet tbody tr")).to_have_count(1)


def test_servers_come_and_go_while_the_page_is_open(visit, now):
    first = server(host_name="b-1")
    page = live(visit("/"))
    second = server(host_name="a-1")
    rows = page.locator("#fleet tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_have_id(f"s{second.pk}")
    recording.delete([first.pk], actor="somebody", now=timezone.now())
    expect(rows).to_have_count(1)
