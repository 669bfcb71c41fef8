"""The pages of a server and of incidents in a real browser."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from healthcheck.tests.browser import assert_accessible, assert_no_sideways_scrolling, screenshot
from monitors import recording
from monitors.engine.base import Observation, Outcome, Stages
from monitors.models import Incident, IncidentNote, Rollup, Server, StatusTransition
from monitors.spans import floor
from monitors.tests.builders import SECOND, see, server
from monitors.tests.failing import Failure
from monitors.tests.fleet import keep_ticking
from monitors.tests.misbehaving import Farm, answer, says
from notifications.models import Channel, Delivery, Kind, State

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MS = timedelta(milliseconds=1)
LOOKS = list(product((390, 1440), (False, True), ("en", "ko")))
IDS = [f"{width}-{'dark' if dark else 'light'}-{language}" for width, dark, language in LOOKS]


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def target(now, monkeypatch) -> Server:
    """A server with a history, that was down twice and is down now."""
    keep_ticking(monkeypatch)
    found = server(
        host_name="payments-gateway-3",
        host="https://pay-3.example.com",
        port=443,
        tags=["payments"],
        timeout_seconds=None,
        created_at=now - 80 * DAY,
    )
    Rollup.objects.bulk_create(_history(found, now))
    _outage(found, now - 9 * DAY, 40 * MINUTE)
    _outage(found, now - 7 * HOUR, 50 * MINUTE)
    stages = Stages(3 * MS, 11 * MS, 24 * MS, 41 * MS)
    fine = Outcome(None, 83 * MS, stages, "", 200, "203.0.113.7", certificate_expires_at=now + 9 * DAY + HOUR)
    broken = replace(
        fine,
        failure=Failure.HTTP_5XX,
        detail="The server answered with status 503.",
        status=503,
        answer="<html>\n<h1>503 Service Unavailable</h1>\nupstream connect error <script>alert(1)</script>",
    )
    for number in range(60):
        at = now - (60 - number) * 10 * timedelta(seconds=1)
        outcome = broken if number in (20, 21) or number > 54 else fine
        recording.record([Observation(found.pk, at, at, outcome)])
    incident = Incident.objects.get(ended_at=None)
    recording.acknowledge(incident.pk, actor="mina", now=now - 20 * timedelta(seconds=1))
    IncidentNote.objects.create(
        incident=incident, at=now, author="mina", text="Deploy 4182 rolled back.\nWaiting for <b>warm-up</b>."
    )
    transition = StatusTransition.objects.filter(server=found, incident=incident).get()
    Channel.objects.create(channel_id="C024BE91L", name="alerts-live")
    rows = {"C024BE91L": (State.SENT, ""), "C1": (State.FAILED, "is_archived")}
    for channel, (state, reason) in rows.items():
        Delivery.objects.create(
            kind=Kind.FAILURE,
            channel_id=channel,
            key=f"t:{transition.pk}",
            transition=transition,
            incident_id=incident.pk,
            state=state,
            reason=reason,
            sent_at=transition.at + 800 * MS if state == State.SENT else None,
            seconds=0.8 if state == State.SENT else None,
        )
    return found


def _history(found: Server, now):
    for minutes in range(24 * 60, 0, -1):
        at = now - minutes * MINUTE
        if 7 * 60 - 50 <= minutes <= 7 * 60:
            yield _rollup(found, at, Rollup.MINUTE, 0, 6, 0)
        elif not 800 <= minutes < 860:  # nothing was probed
            yield _rollup(
                found, at, Rollup.MINUTE, 6, int(minutes % 97 == 0), 60 + minutes % 23 + 40 * (minutes % 241 < 30)
            )
    for hours in range(40 * 24, 0, -1):
        failed = 240 if hours == 9 * 24 else 0
        yield _rollup(found, now - hours * HOUR, Rollup.HOUR, 360 - failed, failed, 55 + hours % 24)
    for days in range(80, 0, -1):
        yield _rollup(found, now - days * DAY, Rollup.DAY, 8_640, 240 if days == 9 else 0, 60)


def _rollup(found: Server, at, resolution: int, succeeded: int, failed: int, mean_ms: int) -> Rollup:
    return Rollup(
        server=found,
        resolution=resolution,
        start=floor(at, resolution),
        succeeded=succeeded,
        failed=failed,
        inconclusive=0,
        elapsed_sum_us=succeeded * mean_ms * 1000,
        elapsed_max_us=int(mean_ms * 1_600),
    )


def _outage(found: Server, began_at, lasted: timedelta) -> None:
    Incident.objects.create(
        server=found,
        host_name=found.host_name,
        environment="LIVE",
        address="https://pay-3.example.com:443/",
        failure="http_5xx",
        detail="The server answered with status 503.",
        began_at=began_at,
        confirmed_at=began_at + MINUTE,
        ended_at=began_at + lasted,
        end_reason="outcomes",
    )


@pytest.mark.parametrize(("width", "dark", "language"), LOOKS, ids=IDS)
def test_the_page_of_a_server_in_every_look(visit, target, width, dark, language):
    page = visit(f"/servers/{target.pk}/", width=width, dark=dark, language=language)
    expect(page.locator(".readout")).not_to_be_empty()
    screenshot(page, f"server-{width}-{'dark' if dark else 'light'}-{language}", whole=True)
    assert_no_sideways_scrolling(page)
    assert_accessible(page)


@pytest.mark.parametrize(("width", "dark", "language"), LOOKS, ids=IDS)
def test_the_pages_of_incidents_in_every_look(visit, target, width, dark, language):
    look = f"{width}-{'dark' if dark else 'light'}-{language}"
    page: Page = visit("/incidents/", width=width, dark=dark, language=language)
    screenshot(page, f"incidents-{look}")
    assert_no_sideways_scrolling(page)
    assert_accessible(page)
    page.goto(f"/incidents/{Incident.objects.get(ended_at=None).pk}/")
    screenshot(page, f"incident-{look}", whole=True)
    assert_no_sideways_scrolling(page)
    assert_accessible(page)


def test_the_chart_is_read_by_keyboard(visit, target):
    page = visit(f"/servers/{target.pk}/")
    slider = page.get_by_role("slider", name="Time in the chart")
    slider.focus()
    latest = page.locator(".readout").inner_text()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".readout")).not_to_have_text(latest)
    assert slider.get_attribute("aria-valuetext") == page.locator(".readout").inner_text()
    page.keyboard.press("End")
    expect(page.locator(".readout")).to_have_text(latest)


def test_another_range_comes_in_place_and_the_back_button_goes_back(visit, target):
    page = visit(f"/servers/{target.pk}/")
    first = page.locator("#chart-summary").inner_text().partition(",")[0]
    page.get_by_role("link", name="30 days").click()
    expect(page.locator("#chart-summary")).not_to_contain_text(first)
    expect(page.locator(".readout")).not_to_be_empty()
    assert "range=30d" in page.url
    page.go_back()
    expect(page.locator("#chart-summary")).to_contain_text(first)


def test_a_look_is_shown_in_place(visit):
    with Farm() as farm:
        target = server(port=farm.serve(says(answer(500, b"<i>out of order</i>"))).port)
        page = visit(f"/servers/{target.pk}/")
        page.get_by_role("button", name="Probe now").click()
        look = page.locator("#look")
        expect(look).to_contain_text("HTTP 5xx, server error")
        expect(look).to_contain_text("<i>out of order</i>")
        expect(look.locator("svg.stages")).to_be_visible()
        screenshot(page, "server-look")
        assert_accessible(page)


def test_an_incident_is_taken_care_of_and_noted_by_keyboard(visit, target):
    incident = Incident.objects.get(ended_at=None)
    Incident.objects.filter(pk=incident.pk).update(acknowledged_by="", acknowledged_at=None)
    page = visit(f"/incidents/{incident.pk}/")
    page.get_by_role("button", name="Take care of it").press("Enter")
    expect(page.locator(".timeline")).to_contain_text("takes care of it")
    page.get_by_label("Add a note").fill("Disk was full.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".timeline")).to_contain_text("Disk was full.")


def test_a_failure_and_its_end_appear_by_themselves(visit, now, monkeypatch):
    """And the focus stays."""
    keep_ticking(monkeypatch)
    target = server()
    see(target, "+", start=now - 20 * SECOND)
    page = visit(f"/servers/{target.pk}/")
    expect(page.locator(".live")).to_have_attribute("data-state", "live")
    page.get_by_role("link", name="Edit").focus()
    see(target, "--", start=now - 10 * SECOND)
    expect(page.locator("#now")).to_contain_text("Down")
    expect(page.locator("#incidents")).to_contain_text("still open")
    expect(page.get_by_role("link", name="Edit")).to_be_focused()
    see(target, "++", start=now + 10 * SECOND)
    expect(page.locator("#now")).to_contain_text("Healthy")
    expect(page.locator("#incidents")).not_to_contain_text("still open")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_admin_is_accessible(visit, target, width, dark):
    look = f"{width}-{'dark' if dark else 'light'}"
    page = visit("/admin/", user=User.objects.create_superuser("root"), width=width, dark=dark)
    expect(page.locator(".home")).to_contain_text("payments-gateway-3")
    for name in ("", "monitors/server/", f"monitors/server/{target.pk}/change/", "monitors/incident/"):
        page.goto(f"/admin/{name}")
        screenshot(page, f"admin-{name.split('/')[1] if name else 'home'}-{page.url.count('/')}-{look}")
        assert_no_sideways_scrolling(page)
        assert_accessible(page)


def test_who_takes_care_appears_on_a_page_that_is_open(visit, now, monkeypatch):
    keep_ticking(monkeypatch)
    target = server()
    see(target, "--", start=now - 20 * SECOND)
    incident = Incident.objects.get()
    pages = [visit(path) for path in (f"/servers/{target.pk}/", f"/incidents/{incident.pk}/", "/incidents/")]
    for page in pages:
        expect(page.locator(".live")).to_have_attribute("data-state", "live")
    recording.acknowledge(incident.pk, actor="mina", now=now)
    for page in pages:
        expect(page.locator("main")).to_contain_text("mina")
