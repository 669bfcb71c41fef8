"""What comes over the socket is read with suspicion."""

from __future__ import annotations

import copy
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.tests.standin import Button, Socket
from notifications.transports.slack.socket.envelopes import Press, UnusableError, read_envelope, read_press, reason_of

APP = "A0000000001"
SOCKET = Socket(lambda coroutine: coroutine.close())
BUTTON = Button("acknowledge", "7", "C0000000002", ts="1700000000.000100")


def envelope(**changes):
    payload = {**SOCKET.payload(BUTTON), **changes}
    return {"type": "interactive", "envelope_id": "e-1", "payload": payload}


def test_a_press_is_what_slack_says_of_it():
    found = read_press(envelope(), APP)
    assert (found.envelope_id, found.action, found.subject_id, found.user) == ("e-1", "acknowledge", 7, "alice")
    assert (found.channel_id, found.thread_ts) == ("C0000000002", "1700000000.000100")
    assert found.response_url.endswith("/actions/T0001/1/canary-of-the-response")


def test_the_response_url_is_not_shown():
    assert "canary" not in repr(read_press(envelope(), APP))


def test_a_message_in_a_thread_is_answered_in_that_thread():
    message = {**SOCKET.payload(BUTTON)["message"], "thread_ts": "1600000000.000100"}
    assert read_press(envelope(message=message), APP).thread_ts == "1600000000.000100"


NAMES = {
    "name": ({"id": "U1", "username": "al", "name": "alice"}, "alice"),
    "no name": ({"id": "U1", "username": "al"}, "al"),
    "only an id": ({"id": "U1"}, "U1"),
    "nobody": ({}, "?"),
    "no object": ("alice", "?"),
    "no text": ({"name": 7, "id": ["x"]}, "?"),
    "control characters": ({"name": "a\n\tb\x00\u202ec"}, "a b c"),
    "only blanks": ({"name": " \n"}, "?"),
    "long": ({"name": "x" * 1_000}, "x" * 59 + "…"),
    "surrogates": ({"name": "\ud800"}, "\ufffd"),
}


@pytest.mark.parametrize(("user", "shown"), NAMES.values(), ids=NAMES)
def test_who_pressed_is_one_visible_line(user, shown):
    assert read_press(envelope(user=user), APP).user == shown


REFUSED = {
    "a view": {"type": "view_submission"},
    "another app": {"api_app_id": "A0000000002"},
    "a message of another app": {"message": {"bot_id": "B1", "app_id": "A0000000002", "ts": "1.0"}},
    "a message of a person": {"message": {"user": "U1", "ts": "1.0"}},
    "no message": {"message": None},
    "no actions": {"actions": []},
    "actions of text": {"actions": "acknowledge"},
    "an action of text": {"actions": ["acknowledge"]},
    "no value": {"actions": [{"action_id": "acknowledge"}]},
    "a number": {"actions": [{"action_id": "acknowledge", "value": 7}]},
    "a negative number": {"actions": [{"action_id": "acknowledge", "value": "-7"}]},
    "more than a key holds": {"actions": [{"action_id": "acknowledge", "value": "9" * 19}]},
    "other digits": {"actions": [{"action_id": "acknowledge", "value": "٧"}]},
    "a line more": {"actions": [{"action_id": "acknowledge", "value": "7\n"}]},
    "an action that is no word": {"actions": [{"action_id": "a b", "value": "7"}]},
}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED)
def test_what_is_no_button_of_ours_is_refused(changes):
    with pytest.raises(UnusableError):
        read_press(envelope(**changes), APP)


def test_nothing_is_ours_before_slack_said_which_app_we_are():
    with pytest.raises(UnusableError):
        read_press(envelope(api_app_id=""), "")


def test_a_press_without_an_envelope_is_refused():
    with pytest.raises(UnusableError):
        read_press({**envelope(), "envelope_id": ""}, APP)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def places(value, path=()):
    """The path of every part of a payload."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from places(part, (*path, key))


PLACES = [path for path in places(envelope()) if path]


@given(st.sampled_from(PLACES), ODD)
def test_whatever_stands_anywhere_is_a_press_or_refused(path, odd):
    changed = copy.deepcopy(envelope())
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = odd
    with suppress(UnusableError):
        found = read_press(changed, APP)
        assert isinstance(found, Press)
        assert found.user
        assert "\n" not in found.user


@given(st.binary() | st.text())
def test_whatever_arrives_is_an_object_or_refused(raw):
    with suppress(UnusableError):
        assert isinstance(read_envelope(raw), dict)


def test_why_slack_wants_the_end_is_a_word():
    assert reason_of(json.loads('{"reason": "refresh_requested"}')) == "refresh_requested"
    assert reason_of({"reason": {"a": 1}}) == reason_of({"reason": "x" * 99}) == reason_of({}) == "disconnect"
