import html
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications import blocks
from notifications.tests.reading import DATE

NOON = datetime(2026, 11, 22, 12, 3, 5, tzinfo=UTC)


def test_seed_defect_18_dates_are_the_readers_own_with_ours_beside(settings):
    settings.TIME_ZONE = "Asia/Seoul"
    date = DATE.fullmatch(blocks.slack_date(NOON))
    assert date
    assert datetime.fromtimestamp(int(date[1]), UTC) == NOON
    assert date[2] == "2026-11-22 21:03:05+09:00"


CLEANED = {
    "  a \t b\r\nc\u2028d ": "a b c d",
    "safe\u202egnp.exe": "safegnp.exe",
    "\u2066\u2069\u200e\u200f\u202a": "",
    "nul\x00bell\x07\x7f\x9f": "nul bell",
    "half \ud83d": "half \ufffd",
    "family 👨‍👩‍👧 stays": "family 👨‍👩‍👧 stays",
    "서버 三": "서버 三",
}


@pytest.mark.parametrize(("dirty", "expected"), CLEANED.items(), ids=map(ascii, CLEANED))
def test_clean(dirty, expected):
    assert blocks.clean(dirty) == expected


ESCAPED = {
    "<!channel> & <@U1>": "&lt;!channel&gt; &amp; &lt;@U1&gt;",
    "<https://evil.example|click>": "&lt;https://evil.example|click&gt;",
    "&lt;": "&amp;lt;",
    "`code` *bold* ~gone~": "ˋcodeˋ ∗bold∗ ∼gone∼",
    "_italic_ chat_server_1": "＿italic＿ chat_server_1",
    "\"quotes\" 'stay'": "\"quotes\" 'stay'",
}


@pytest.mark.parametrize(("foreign", "expected"), ESCAPED.items(), ids=ESCAPED)
def test_mrkdwn(foreign, expected):
    assert blocks.mrkdwn(foreign) == expected


@given(st.text(st.characters(exclude_categories=())), st.integers(1, 300))
def test_clip_counts_as_slack_does(text, limit):
    clipped = blocks.clip(blocks.SURROGATE.sub("?", text), limit)
    assert len(clipped.encode("utf-16-le")) <= 2 * limit


@given(st.text(st.sampled_from("ab&<>;"), max_size=50).filter(str.strip))
def test_escaping_loses_nothing(name):
    assert html.unescape(blocks.mrkdwn(name)) == blocks.clean(name)
