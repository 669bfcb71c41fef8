"""The page of the channels: who is told, and who could be."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone, translation

from monitors.tests.answers import text
from monitors.tests.people import person
from notifications.models import Channel, Delivery, Guarantee, State, WorkspaceChannel
from notifications.tests.standin import Fault, Kind
from notifications.tests.test_admin import CHANNELS, HOOK, HOSTILE, channel
from notifications.tests.test_sending import clock, slack
from notifications.tests.test_workspace import tick
from notifications.transports.slack.socket import state

__all__ = ["clock", "slack"]  # fixtures
pytestmark = pytest.mark.django_db
PAGE = "/channels/"


@pytest.fixture
def viewer(client):
    client.force_login(person("viewer", is_staff=True))
    return client


@pytest.fixture
def operator(client):
    client.force_login(person("operator", is_staff=True))
    return client


@pytest.fixture
def listed(slack, clock):
    """The stand-in, its channels read."""
    slack.workspace.add_channel("비밀-회의", is_private=True)
    slack.workspace.add_channel("old-ops", is_archived=True)
    slack.workspace.add_channel("ops", is_ours=True, is_member=False)
    tick(clock)
    return slack


def named(slack, name):
    return next(channel for channel in slack.workspace.channels.values() if channel.name == name)


def post(client, path=PAGE, **fields):
    return client.post(path, fields, follow=True)


# what is listed


def test_without_a_token_an_empty_page_says_how_to_connect_slack(operator):
    page = text(operator.get(PAGE))
    assert "/channels/add/" in page
    assert "SLACK_BOT_TOKEN" in page
    assert "channels:history" in page, "the manifest to paste"
    assert "/channels/new/" not in page


def test_the_whole_workspace_is_offered_while_nothing_is_chosen(listed, operator):
    page = text(operator.get(PAGE))
    for name in ("alerts", "general", "ops", "비밀-회의"):
        assert name in page
    assert "old-ops" not in page, "nobody can post there"
    assert page.count('role="switch"') == 4
    assert "Stand-in" in page


def test_what_is_chosen_comes_first_and_the_workspace_is_a_click_away(listed, operator):
    Channel.objects.create(channel_id=listed.channel, name="alerts")
    page = text(operator.get(PAGE))
    assert page.count('role="switch"') == 1
    assert page.count('aria-checked="true"') == 1
    whole = text(operator.get(f"{PAGE}?show=workspace"))
    assert whole.count('role="switch"') == 4
    assert whole.count('aria-checked="true"') == 1


def test_channels_are_searched_for_among_those_chosen_and_in_the_workspace(listed, operator):
    channel(channel_id="C1", name="night watch")
    channel(channel_id="C2", name="day watch")
    for query, found in {
        "q=night": 1,
        "q=c2": 1,
        "q=x": 0,
        "show=workspace&q=회의": 1,
        "show=workspace&q=OPS": 1,
    }.items():
        assert text(operator.get(f"{PAGE}?{query}")).count('role="switch"') == found, query


def test_a_large_workspace_has_pages_of_a_hundred_and_costs_no_more_queries(
    listed, operator, clock, django_assert_max_num_queries
):
    WorkspaceChannel.objects.bulk_create(
        WorkspaceChannel(slack_id=f"C{number}", name=f"room-{number:04}", seen_at=clock.now) for number in range(2_500)
    )
    with django_assert_max_num_queries(12):
        page = text(operator.get(PAGE))
    assert page.count('role="switch"') == 100
    assert "Page 1 of 26" in page
    assert text(operator.get(f"{PAGE}?page=26")).count('role="switch"') == 4


def test_channels_are_listed_with_their_last_message(viewer, django_assert_max_num_queries):
    for number in range(30):
        key = f"C{number:02}"
        channel(channel_id=key, name=None if number else HOSTILE, enabled=number % 2)
        Delivery.objects.create(kind="test", channel_id=key, key="test:1", state=State.SENT)
        Delivery.objects.create(kind="failure", channel_id=key, key="t:1", state=State.FAILED, reason="no_service")
    with django_assert_max_num_queries(12):
        page = text(viewer.get(PAGE))
    assert HOSTILE not in page
    assert page.count("The webhook was removed in Slack") == 30
    assert page.count("failed</span>") == 30
    assert page.count(" ago") == 30
    for button in ("Send a test", 'role="switch"', "Settings", "Add a webhook"):
        assert button not in page, "a viewer only looks"


def test_what_a_channel_can_be_promised_is_shown_with_what_is_missing(listed, operator):
    channel(channel_id="C1", hook_url=None, hook_url_hint=None, guarantee=Guarantee.EXACTLY_ONCE)
    channel(
        channel_id="C2",
        hook_url=None,
        hook_url_hint=None,
        guarantee=Guarantee.AT_LEAST_ONCE,
        lacks="missing_scope:groups:history",
    )
    page = text(operator.get(PAGE))
    assert "exactly once" in page
    assert "at least once" in page
    assert "The app lacks the scope groups:history" in page


def test_a_channel_without_a_way_to_reach_it_is_flagged(viewer, settings):
    channel(hook_url=None, hook_url_hint=None)
    assert "nothing: it cannot be reached" in text(viewer.get(PAGE))
    settings.SLACK_BOT_TOKEN = "xoxb-1"
    assert "nothing: it cannot be reached" not in text(viewer.get(PAGE))


def test_scopes_that_the_app_lacks_are_said_with_what_each_is_for(slack, clock, operator):
    slack.workspace.scopes -= {"groups:read", "channels:join"}
    tick(clock)
    page = text(operator.get(PAGE))
    assert "The app lacks 2 scopes" in page
    assert "the list of private channels that the app is in" in page


def test_a_refused_token_is_said(slack, clock, operator):
    slack.faults.set(Fault(Kind.ERROR, method="auth.test", code="token_revoked"))
    tick(clock)
    assert "The bot token was revoked" in text(operator.get(PAGE))


def test_buttons_that_nobody_receives_are_said(listed, operator, settings):
    words = "Presses of buttons in Slack do not arrive"
    assert words not in text(operator.get(PAGE))
    settings.SLACK_APP_TOKEN = "xapp-1"
    assert f"{words} at the moment (not_running)" in text(operator.get(PAGE))
    state.note(timezone.now(), connected_at=timezone.now())
    assert words not in text(operator.get(PAGE))


def test_the_page_never_asks_slack(listed, operator):
    before = len(listed.ledger.entries())
    for query in ("", "?show=workspace", "?q=ops"):
        text(operator.get(f"{PAGE}{query}"))
    assert len(listed.ledger.entries()) == before


def test_the_page_is_there_in_korean(listed, operator):
    channel(guarantee=Guarantee.AT_LEAST_ONCE, lacks="webhook")
    with translation.override("ko"):
        page = str(operator.get(PAGE, headers={"Accept-Language": "ko"}).content, "utf-8")
    assert "알림" in page
    assert "최소 한 번" in page


def test_an_adopted_channel_may_have_any_id(operator):
    channel(channel_id="팀/a b?#%_5F", name=None)
    page = text(operator.get(PAGE))
    address = page.split(f'href="{CHANNELS}')[1].split('"')[0]
    assert operator.get(f"{CHANNELS}{address}").status_code == 200
    settings_address = re.findall(r'href="(/channels/settings/[^"]+)"', page)[0]
    assert operator.get(settings_address).status_code == 200


# switching


def test_one_click_lets_a_channel_of_the_workspace_receive_alerts(listed, operator):
    ops = named(listed, "ops").id
    page = text(post(operator, f"{PAGE}?show=workspace", on=ops))
    assert "ops receives alerts." in page
    assert 'aria-checked="true"' in page, "and the same list is shown again"
    assert list(Channel.objects.values_list("pk", "name", "enabled")) == [(ops, "ops", True)]
    assert "ops no longer receives alerts." in text(post(operator, off=ops))
    assert not Channel.objects.get().enabled
    text(post(operator, on=ops))
    assert Channel.objects.get().enabled


@pytest.mark.parametrize("channel_id", ["C404", "archived", ""])
def test_a_channel_that_cannot_be_posted_to_is_not_chosen(listed, operator, channel_id):
    channel_id = named(listed, "old-ops").id if channel_id == "archived" else channel_id
    assert post(operator, on=channel_id).status_code == 404
    assert not Channel.objects.exists()


def test_a_viewer_changes_nothing(listed, viewer):
    channel()
    ops = named(listed, "ops").id
    for fields in ({"on": ops}, {"off": "C024BE91L"}, {"test": "C024BE91L"}, {"refresh": "yes"}, {}):
        assert viewer.post(PAGE, fields).status_code == 403
    for path in ("add/", "new/", "settings/?channel=C024BE91L", f"{ops}/rename/", f"{ops}/archive/"):
        assert viewer.get(f"{PAGE}{path}").status_code == 403
        assert viewer.post(f"{PAGE}{path}").status_code == 403
    assert Channel.objects.get().enabled
    assert not Delivery.objects.exists()


def test_slack_is_asked_again_when_somebody_asks(listed, operator, clock):
    listed.workspace.add_channel("brand-new")
    assert "Slack is asked again" in text(post(operator, refresh="yes"))
    tick(clock)
    assert WorkspaceChannel.objects.filter(name="brand-new").exists()


# testing


def test_a_test_message_shows_what_slack_said(operator, slack):
    channel(hook_url=slack.hook_url())
    page = text(post(operator, test="C024BE91L"))
    assert "Test message to ops: Slack accepted the message." in page
    assert len(slack.ledger.posted()) == 1
    assert "takes no message at this moment" in text(post(operator, test="C024BE91L"))


def test_a_refused_test_message_says_what_to_do(operator, slack):
    channel(hook_url=slack.hook_url())
    slack.faults.set(Fault(Kind.ERROR, code="no_service", times=1))
    assert "The webhook was removed in Slack" in text(post(operator, test="C024BE91L"))


def test_a_test_of_no_channel_is_404(operator):
    assert operator.post(PAGE, {"test": "C4711"}).status_code == 404


# forms


def test_a_channel_is_made_in_slack_and_receives_alerts(listed, operator):
    assert "New channel in Slack" in text(operator.get(f"{PAGE}new/"))
    page = text(post(operator, f"{PAGE}new/", name="#경보-서울", enabled="on"))
    assert "#경보-서울 is made and receives alerts." in page
    made = named(listed, "경보-서울")
    assert list(Channel.objects.values_list("pk", "name")) == [(made.id, "경보-서울")]
    post(operator, f"{PAGE}new/", name="quiet", is_private="on")
    assert named(listed, "quiet").is_private
    assert Channel.objects.count() == 1


NAMES = {"alerts": "A channel of this name exists", "A B": "lower-case", "": "required", "a" * 81: "too long"}


@pytest.mark.parametrize(("name", "words"), NAMES.items(), ids=["taken", "bad", "none", "long"])
def test_a_name_that_is_refused_says_why_at_its_field(listed, operator, name, words):
    ops = named(listed, "ops")
    ops.is_member = True
    for path in ("new/", f"{ops.id}/rename/"):
        response = operator.post(f"{PAGE}{path}", {"name": name})
        assert response.status_code == 422
        assert words in str(response.context["form"].errors["name"])
    assert not Channel.objects.exists()


def test_a_channel_is_renamed_in_slack(listed, operator):
    ops = named(listed, "ops")
    ops.is_member = True
    assert 'value="ops"' in text(operator.get(f"{PAGE}{ops.id}/rename/"))
    assert "#ops is now #ops-live." in text(post(operator, f"{PAGE}{ops.id}/rename/", name="ops-live"))
    assert ops.name == "ops-live"
    refused = operator.post(f"{PAGE}{listed.channel}/rename/", {"name": "x"})
    assert "only channels that it made" in str(refused.context["form"].non_field_errors())


def test_a_channel_is_archived_after_a_question_and_no_longer_receives_alerts(listed, operator):
    Channel.objects.create(channel_id=listed.channel)
    address = f"{PAGE}{listed.channel}/archive/"
    assert "It receives alerts. It no longer will." in text(operator.get(address))
    assert not named(listed, "alerts").is_archived
    assert "#alerts is archived and no longer receives alerts." in text(post(operator, address))
    assert named(listed, "alerts").is_archived
    assert not Channel.objects.get().enabled


def test_an_archiving_that_slack_refuses_says_why(listed, operator):
    response = operator.post(f"{PAGE}{named(listed, 'general').id}/archive/")
    assert response.status_code == 422
    assert "The general channel cannot be archived." in str(response.content, "utf-8")


def test_a_webhook_is_added_and_never_shown(operator):
    page = text(post(operator, f"{PAGE}add/", hook_url=HOOK, name="ops", environments=["LIVE"], language="ko"))
    assert "ops receives alerts." in page
    assert "very-secret" not in page
    stored = Channel.objects.get()
    assert (stored.hook_url, stored.environments, stored.language, stored.enabled) == (HOOK, ["LIVE"], "ko", True)
    response = operator.post(f"{PAGE}add/", {"hook_url": "https://10.0.0.1/very-secret"})
    assert response.status_code == 422
    assert "very-secret" not in str(response.content, "utf-8")
    assert operator.post(f"{PAGE}add/", {"name": "x"}).context["form"].errors["channel_id"]
    assert operator.post(f"{PAGE}add/", {"channel_id": stored.pk}).context["form"].errors["channel_id"]


@pytest.mark.parametrize("kind", ["workflows", "triggers"])
def test_a_url_of_slack_that_takes_no_messages_is_refused_with_where_to_get_the_right_one(operator, kind):
    response = operator.post(f"{PAGE}add/", {"hook_url": f"https://hooks.slack.com/{kind}/T/A/1/very-secret"})
    (error,) = response.context["form"].errors["hook_url"]
    assert "https://hooks.slack.com/services/" in error
    assert "under Incoming Webhooks" in error
    assert "very-secret" not in error


def test_settings_are_saved_and_the_webhook_stays(operator):
    channel(enabled=False)
    address = f"{PAGE}settings/?channel=C024BE91L"
    page = text(operator.get(address))
    assert "very-secret" not in page
    post(operator, address, name="night watch", environments=["LIVE", "DEV"], language="ko")
    stored = Channel.objects.get()
    assert (stored.name, stored.environments, stored.language) == ("night watch", ["DEV", "LIVE"], "ko")
    assert (stored.hook_url, stored.enabled) == (HOOK, False)
    assert operator.post(address, {"language": "tlh"}).status_code == 422
    post(operator, address, remove_hook_url="on")
    assert Channel.objects.get().hook_url is None
    assert operator.get(f"{PAGE}settings/?channel=C404").status_code == 404


def test_a_dialog_is_a_part_of_a_page_and_loads_the_page_anew(listed, operator):
    script = {"HX-Request": "true", "HX-Current-URL": "http://testserver/channels/"}
    part = text(operator.get(f"{PAGE}new/", headers=script))
    assert "<html" not in part
    assert 'id="dialog-title"' in part
    done = operator.post(f"{PAGE}new/", {"name": "ops-2"}, headers=script)
    assert (done.status_code, done.headers["HX-Refresh"]) == (204, "true")


def test_nothing_of_another_tokens_workspace_is_shown_or_changed(listed, operator, settings):
    settings.SLACK_BOT_TOKEN = "xoxb-another"
    assert "general" not in text(operator.get(f"{PAGE}?show=workspace"))
    assert operator.get(f"{PAGE}{listed.channel}/archive/").status_code == 404
