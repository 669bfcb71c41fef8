import html
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.notice import SURROGATE, Fact, Names, clean, clip
from notifications.tests.reading import DATE
from notifications.transports.slack import blocks

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
    assert clean(dirty) == expected


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
    clipped = clip(SURROGATE.sub("?", text), limit)
    assert len(clipped.encode("utf-16-le")) <= 2 * limit


@given(st.text(st.sampled_from("ab&<>;"), max_size=50).filter(str.strip))
def test_escaping_loses_nothing(name):
    assert html.unescape(blocks.mrkdwn(name)) == clean(name)


def test_a_list_that_is_too_long_is_cut_in_its_names_and_not_in_their_number():
    names = [f"{number}-{'😀' * 120}" for number in range(10)]
    message = blocks.fitting(
        "down", [blocks.header("down"), blocks.listing(Names("Down", tuple(names), "and 9990 more"))]
    )
    [label, *parts, more] = message.blocks[1]["elements"][0]["elements"]
    assert (label["text"], more["text"]) == ("Down: ", " and 9990 more")
    assert [part["text"][:2] for part in parts[::2]] == [f"{number}-" for number in range(10)]
    assert {part["text"] for part in parts[1::2]} == {", "}


def test_a_message_that_cannot_be_cut_enough_keeps_its_line_and_its_header():
    header, endless = blocks.header("😀" * 150), blocks.facts([Fact(f"{n}", "😀" * 255) for n in range(100)])
    message = blocks.fitting("😀" * 400, [header, endless])
    assert message.blocks == [header]
    assert len(json.dumps({"text": message.text, "blocks": message.blocks})) <= blocks.MAX_JSON
