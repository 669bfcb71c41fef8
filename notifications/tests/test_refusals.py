import pytest

from notifications.tests.standin.server import HOOK_STATUS
from notifications.transports.slack import refusals
from notifications.transports.slack.refusals import REFUSALS, describe_refusal

NATURES = {
    "rate limited": refusals.RATE_LIMITED,
    "passing": refusals.PASSING,
    "unsure": refusals.UNSURE,
    "token dead": refusals.TOKEN_DEAD,
    "channel dead": refusals.CHANNEL_DEAD,
    "message bad": refusals.MESSAGE_BAD,
    "message gone": refusals.MESSAGE_GONE,
}


@pytest.mark.parametrize("code", sorted({*REFUSALS, *HOOK_STATUS}.union(*NATURES.values())))
def test_every_known_code_is_described_by_a_sentence(code):
    sentence = describe_refusal(code)
    assert code not in sentence
    assert sentence.endswith((".", ")."))
    assert " " in sentence


def test_no_code_is_of_two_natures():
    assert sum(map(len, NATURES.values())) == len(frozenset().union(*NATURES.values()))


def test_a_dead_token_is_told_with_what_to_set():
    for code in ("account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"):
        assert "SLACK_BOT_TOKEN" in describe_refusal(code)


def test_a_missing_scope_is_named():
    assert "chat:write.public" in describe_refusal("missing_scope", "chat:write.public")
    assert "scope" in describe_refusal("missing_scope")


ADVICE = {
    "team_access_not_granted": "add it to the workspace",
    "user_is_restricted": "let a full member install the app",
    "too_many_convos_for_team": "use an existing one",
    "too_many_convos_for_app_on_team": "use an existing one",
    "cant_broadcast_message": "allow the app to reply",
    "thread_locked": "unlock the thread",
}


@pytest.mark.parametrize(("code", "words"), ADVICE.items())
def test_what_can_be_mended_is_told_with_what_to_do(code, words):
    assert words in describe_refusal(code)


def test_a_locked_thread_is_not_a_channel_that_nobody_can_post_in():
    assert {code for code in refusals.FINAL if "thread_locked" in code} <= refusals.MESSAGE_GONE


def test_what_is_not_known_is_told_as_it_is():
    assert describe_refusal("http_502") == "Slack answered with HTTP status 502."
    assert describe_refusal("brand_new_error") == "Slack refused: brand_new_error."
