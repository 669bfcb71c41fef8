"""That alerts do not arrive is seen where people look."""

from __future__ import annotations

import pytest

from healthcheck import readiness
from monitors.tests.answers import text
from monitors.tests.builders import NOW, server
from monitors.tests.people import client_of, visitor
from notifications.models import Channel, Guarantee
from notifications.tests.test_admin import HOSTILE

pytestmark = pytest.mark.django_db


@pytest.fixture
def archived(settings):
    settings.SLACK_BOT_TOKEN = "xoxb-1"
    facts = {"guarantee": Guarantee.AT_LEAST_ONCE, "lacks": "is_archived", "checked_at": NOW}
    return Channel.objects.create(channel_id="C1", name="ops", **facts)


def dashboard():
    return text(visitor("operator").get("/"))


def test_the_dashboard_names_the_channel_and_says_what_to_do(archived):
    server()
    assert "Alerts do not arrive in #ops. The channel is archived: unarchive it in Slack" in dashboard()
    Channel.objects.update(lacks="missing_scope:channels:history")
    assert "Alerts do not arrive" not in dashboard(), "they may be repeated, and arrive"
    Channel.objects.update(lacks="is_archived", enabled=False)
    assert "Alerts do not arrive" not in dashboard()


def test_what_many_channels_lack_is_one_banner(archived):
    for number in range(2, 7):
        Channel.objects.create(channel_id=f"C{number}", name=f"ops-{number}", lacks="token_revoked")
    page = dashboard()
    assert page.count("Alerts do not arrive in") == 2
    assert "#ops-2, #ops-3, #ops-4 and 2 more" in page


def test_a_hostile_name_is_shown_as_it_is(archived):
    Channel.objects.update(name=HOSTILE)
    assert HOSTILE not in dashboard()
    assert "Alerts do not arrive in #" in dashboard()


def test_who_is_told_is_no_step_that_is_done(archived):
    server()
    assert dashboard().count('aria-label="done"') == 1
    Channel.objects.update(lacks="")
    assert dashboard().count('aria-label="done"') == 2


def test_the_banner_takes_no_further_query(archived, django_assert_max_num_queries):
    viewer = visitor("viewer")
    viewer.get("/")
    with django_assert_max_num_queries(12):
        viewer.get("/")


def test_the_page_of_the_channels_is_not_green(archived):
    page = text(visitor("operator").get("/channels/"))
    assert "alerts do not arrive" in page
    assert "at least once" not in page


def test_the_admin_is_not_green(archived):
    page = text(visitor("operator", is_staff=True).get("/admin/notifications/channel/"))
    assert "alerts do not arrive" in page


def test_the_api_says_it(archived):
    shown = client_of("viewer").get("/api/channels/C1/").json()
    assert shown["lacks"] == "is_archived"
    assert shown["explanation"].startswith("Alerts do not arrive there. The channel is archived")


def channels_check():
    return next(check for check in readiness.checks(NOW) if check.name == "slack_channels")


def test_readiness_tells_it_and_stays_ready(archived):
    assert channels_check().as_dict() == {"ok": False, "state": "is_archived", "seconds": None}
    assert not channels_check().required
    Channel.objects.update(lacks="")
    assert (channels_check().ok, channels_check().state) == (True, "taken")
    Channel.objects.update(enabled=False, lacks="is_archived")
    assert (channels_check().ok, channels_check().state) == (True, "off")
