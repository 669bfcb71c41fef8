"""The page of the channels as people use it: by a click, by a dialog, on a telephone, in Korean."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from healthcheck.tests.browser import assert_accessible, assert_no_sideways_scrolling, screenshot
from monitors.tests.fleet import keep_ticking
from notifications.models import Channel, Delivery, State
from notifications.tests.test_sending import Clock, slack
from notifications.transports.slack import workspace

__all__ = ["slack"]  # a fixture
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def ticking(transactional_db, monkeypatch):
    keep_ticking(monkeypatch)


@pytest.fixture
def listed(slack):
    """A workspace of 60 channels, its list read; three are chosen."""
    for number in range(55):
        slack.workspace.add_channel(f"team-{number:02}", is_member=False, is_ours=True)
    slack.workspace.add_channel("비밀-경보", is_private=True)
    slack.workspace.scopes -= {"groups:history", "channels:join"}
    now = timezone.now() - timedelta(minutes=4)
    alerts, secret = slack.channel, next(c.id for c in slack.workspace.channels.values() if c.name == "비밀-경보")
    Channel.objects.create(channel_id=alerts, name="alerts", environments=["LIVE"], language="ko")
    Channel.objects.create(channel_id=secret, name="비밀-경보")
    Channel.objects.create(
        channel_id="hook-1", name="on call", hook_url=slack.hook_url(), hook_url_hint="…cret", enabled=False
    )
    clock = Clock(now)
    for _ in range(4):
        workspace.watch(clock)
        clock.now += timedelta(seconds=3)
    hour = timedelta(hours=1)
    for channel_id, state, reason in ((alerts, State.SENT, ""), ("hook-1", State.FAILED, "no_service")):
        Delivery.objects.create(
            kind="failure", channel_id=channel_id, key="t:1", state=state, reason=reason, created_at=now - hour
        )
    return slack


def test_channels_are_chosen_with_a_click_and_the_page_stays_where_it_is(visit, listed):
    page = visit("/channels/")
    expect(page.get_by_text("exactly once", exact=True)).to_be_visible()
    assert_accessible(page)
    screenshot(page, "channels")
    page.get_by_role("link", name="All of the workspace").click()
    page.get_by_label("Search").fill("team-4")
    expect(page.get_by_role("switch")).to_have_count(10)
    switch = page.get_by_role("switch", name="team-47 receives alerts")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")
    expect(switch).to_be_focused()
    expect(page.get_by_text("team-47 receives alerts.")).to_be_visible()
    assert Channel.objects.filter(name="team-47", enabled=True).exists()
    assert_accessible(page)
    screenshot(page, "channels-workspace")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")


def test_a_channel_is_made_renamed_and_archived_in_dialogs(visit, listed):
    page = visit("/channels/", role="admin")
    page.get_by_role("link", name="New channel in Slack").click()
    page.get_by_role("textbox", name="Name").fill("alerts")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("A channel of this name exists")).to_be_visible()
    screenshot(page, "channels-new")
    page.get_by_role("textbox", name="Name").fill("night-watch")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("#night-watch is made and receives alerts.")).to_be_visible()
    page.locator("summary", has_text="More for night-watch").click()
    page.get_by_role("link", name="Rename in Slack").click()
    page.get_by_role("textbox", name="Name").fill("day-watch")
    page.get_by_role("button", name="Rename", exact=True).click()
    expect(page.get_by_text("#night-watch is now #day-watch.")).to_be_visible()
    page.locator("summary", has_text="More for day-watch").click()
    page.get_by_role("link", name="Archive in Slack").click()
    expect(page.get_by_text("It receives alerts. It no longer will.")).to_be_visible()
    assert_accessible(page)
    screenshot(page, "channels-archive")
    page.get_by_role("button", name="Archive", exact=True).click()
    expect(page.get_by_text("#day-watch is archived and no longer receives alerts.")).to_be_visible()


def test_settings_and_a_test_message(visit, listed):
    page = visit("/channels/")
    page.locator("summary", has_text="More for alerts").click()
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("STAGE").check()
    assert_accessible(page)
    screenshot(page, "channels-settings")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("cell", name="STAGE, LIVE")).to_be_visible()
    page.get_by_role("row", name="alerts").get_by_role("button", name="Send a test").first.click()
    expect(page.get_by_text("Slack accepted the message.")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_is_usable_on_a_telephone_and_in_korean(visit, listed, dark):
    page = visit("/channels/", width=390, dark=dark, language="ko")
    expect(page.get_by_role("switch")).to_have_count(3)
    assert_no_sideways_scrolling(page)
    assert_accessible(page)
    screenshot(page, f"channels-390{'-dark' if dark else ''}-ko")


def test_without_a_token_the_page_says_how_to_connect_slack(visit):
    page = visit("/channels/", dark=True)
    page.get_by_text("The manifest", exact=True).click()
    expect(page.get_by_text("groups:history")).to_be_visible()
    assert_accessible(page)
    screenshot(page, "channels-connect-dark")
