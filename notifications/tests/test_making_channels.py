"""What the forms say when the app may not make a channel, or one is new."""

from __future__ import annotations

import pytest
from django.utils.html import escape

from monitors.tests.answers import text
from notifications.models import Channel
from notifications.tests.test_admin import CHANNELS, channel
from notifications.tests.test_channels_page import PAGE, listed, named, operator, post
from notifications.tests.test_sending import clock, slack
from notifications.tests.test_workspace import tick
from notifications.transports.slack import workspace

__all__ = ["clock", "listed", "operator", "slack"]  # fixtures
pytestmark = pytest.mark.django_db
NEW = f"{PAGE}new/"
STAYS = "Empty = it stays as it is"


def without(listed, clock, *scopes):
    """The app lacks them, and the monitor has seen it."""
    listed.workspace.scopes -= set(scopes)
    workspace.ask_again(clock.now)
    tick(clock)


def test_nothing_can_be_made_without_a_scope_and_that_is_said_beforehand(listed, operator, clock):
    assert "disabled" not in text(operator.get(NEW))
    without(listed, clock, "channels:manage", "groups:write")
    page = text(operator.get(NEW))
    assert "it lacks the scope channels:manage, and groups:write for private ones" in page
    assert '<button class="primary" disabled>Create</button>' in page


@pytest.mark.parametrize(
    ("scope", "other", "is_private"),
    [("channels:manage", "groups:write", True), ("groups:write", "channels:manage", False)],
)
def test_what_cannot_be_made_cannot_be_chosen(listed, operator, clock, scope, other, is_private):
    without(listed, clock, scope)
    page = text(operator.get(NEW))
    assert f"The app lacks the scope {scope}" in page
    assert other not in page
    assert '<button class="primary">Create</button>' in page
    post(operator, NEW, name="ops-2", is_private="" if is_private else "on")
    assert named(listed, "ops-2").is_private == is_private


@pytest.mark.parametrize(("fields", "scope"), [({}, "channels:manage"), ({"is_private": "on"}, "groups:write")])
def test_a_scope_that_was_taken_away_meanwhile_is_named_and_not_at_the_name(listed, operator, fields, scope):
    listed.workspace.scopes -= {"channels:manage", "groups:write"}
    response = operator.post(NEW, {"name": "ops-2", **fields})
    page = text(response, status=422)
    errors = response.context["form"].errors
    assert list(errors) == ["__all__"]
    assert f"lacks the scope {scope}:" in errors["__all__"][0]
    assert escape(errors["__all__"][0]) in page


def test_what_slack_cannot_do_now_is_not_said_of_the_name(listed, operator):
    listed.refuse()
    response = operator.post(NEW, {"name": "ops-2"})
    assert list(response.context["form"].errors) == ["__all__"]


def test_of_a_new_channel_nothing_stays_as_it_is(operator):
    for path in (f"{PAGE}add/", f"{CHANNELS}add/"):
        page = text(operator.get(path))
        assert STAYS not in page
        assert "Without one, messages go out by the bot token." in page
    channel()
    assert Channel.objects.exists()
    for path in (f"{PAGE}settings/?channel=C024BE91L", f"{CHANNELS}C024BE91L/change/"):
        assert STAYS in text(operator.get(path))
