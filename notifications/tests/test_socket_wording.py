"""Whoever looks at the channels sees that buttons do not work, and why."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone, translation

from monitors.tests.people import person
from notifications.transports.slack.socket import state
from notifications.transports.slack.socket.state import CONNECTED, OFF, Standing
from notifications.transports.slack.socket.wording import REASONS, describe_problem

EVERY = [*REASONS, "connection_error", "http_503", "silent"]


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("code", EVERY)
def test_every_reason_is_said_in_both_languages(code, language):
    with translation.override(language):
        said = describe_problem(Standing(code))
        assert said
        assert "%(" not in said
    assert (said != describe_problem(Standing(code))) == (language == "ko")


@pytest.mark.parametrize("code", [OFF, CONNECTED])
def test_nothing_is_said_when_nothing_is_wrong(code):
    assert describe_problem(Standing(code)) == ""


@pytest.fixture
def viewer(db):
    visitor = Client()
    visitor.force_login(person("viewer"))
    return visitor


def test_the_page_of_the_channels_says_why_buttons_do_not_work(viewer, settings):
    assert "Buttons in messages" not in viewer.get("/channels/").content.decode()
    settings.SLACK_APP_TOKEN = "xapp-1"
    assert "start “slack” of the Procfile" in viewer.get("/channels/").content.decode()
    state.note(timezone.now(), error="invalid_auth")
    assert "set SLACK_APP_TOKEN" in viewer.get("/channels/").content.decode()
    state.note(timezone.now(), connected_at=timezone.now())
    assert "Buttons in messages" not in viewer.get("/channels/").content.decode()
