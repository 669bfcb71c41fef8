from __future__ import annotations

import pytest

from healthcheck.logs import hide

HIDDEN = {
    "bot token": ("token xoxb-1-secret", "token xoxb-***"),
    "app token": ("xapp-1-A1-secret.", "xapp-***."),
    "webhook": ("https://hooks.slack.com/services/T1/B1/secret failed", "https://hooks.slack.com/services/*** failed"),
    "response URL": ("https://hooks.slack.com/actions/T1/1/secret", "https://hooks.slack.com/actions/***"),
    "socket": ("wss://w.slack.com/link/?ticket=secret&app_id=1", "wss://w.slack.com/link/?ticket=***&app_id=1"),
    "password": ("mysql://monitor:secret@host/db", "mysql://***@host/db"),
}


@pytest.mark.parametrize(("text", "shown"), HIDDEN.values(), ids=HIDDEN)
def test_a_secret_is_masked(text, shown):
    assert hide(text) == shown


def test_everything_else_is_left():
    assert hide("https://shop.example.com/actions of 7") == "https://shop.example.com/actions of 7"
