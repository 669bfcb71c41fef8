import json
import re
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation
from hypothesis import example, given
from hypothesis import strategies as st

from notifications import wording
from notifications.notice import INVISIBLE, Line, Notice, clean
from notifications.tests.reading import DATE, SNAPSHOTS, assert_reads_as_kept, rendered, shown
from notifications.tests.standin.rules import MAX_UPDATE, check_message

NOON = datetime(2026, 11, 22, 12, 3, 5, tzinfo=UTC)
OUTAGE = wording.Outage(
    incident_id=3,
    server_id=7,
    host_name="chat-3",
    environment="LIVE",
    address="wss://chat-3.example.com:443/hub/chat",
    failure="refused",
    detail="The connection was refused: nothing listens on that port.",
    began_at=NOON,
    confirmed_at=NOON + timedelta(seconds=60),
    ended_at=None,
    end_reason="",
    acknowledged_by="",
    link="https://monitor.example.com/servers/7/",
)
OVER = replace(OUTAGE, ended_at=NOON + timedelta(seconds=252), end_reason="outcomes")
PAUSED, DELETED = replace(OVER, end_reason="paused"), replace(OVER, end_reason="deleted")
STORM = "https://example.slack.com/archives/C0001/p1795348985000100"
TAKEN = replace(OUTAGE, acknowledged_by="kim", detail="")

MESSAGES = {
    "failure": lambda: wording.failure_notice(OUTAGE),
    "failure-with-buttons": lambda: wording.failure_notice(OUTAGE, buttons=True),
    "failure-acknowledged": lambda: wording.failure_notice(TAKEN, buttons=True),
    "failure-that-may-be-a-repeat": lambda: wording.repeated(wording.failure_notice(OUTAGE), "Slack"),
    "failure-in-a-storm": lambda: wording.failure_notice(OUTAGE, storm=STORM),
    "failure-in-a-storm-that-is-not-posted-yet": lambda: wording.failure_notice(OUTAGE, storm=""),
    "still-down": lambda: wording.still_down_notice(replace(OUTAGE, link=""), buttons=True),
    "over": lambda: wording.over_notice(replace(OVER, acknowledged_by="kim")),
    "over-by-a-pause": lambda: wording.over_notice(PAUSED),
    "over-by-deletion": lambda: wording.over_notice(DELETED),
    "recovery": lambda: wording.recovery_notice(replace(OVER, acknowledged_by="kim")),
    "ended-by-a-pause": lambda: wording.ended_notice(PAUSED, "paused", "kim"),
    "ended-by-an-edit": lambda: wording.ended_notice(PAUSED, "edited", "kim"),
    "ended-by-deletion": lambda: wording.ended_notice(DELETED, "deleted", ""),
    "late-recovery": lambda: wording.late_notice(OVER, "outcomes", ""),
    "late-pause": lambda: wording.late_notice(PAUSED, "paused", "kim"),
    "expired-one": lambda: wording.expired_notice(1, NOON, NOON),
    "expired-many": lambda: wording.expired_notice(12, NOON, NOON + timedelta(hours=2)),
    "test": lambda: wording.test_notice("alerts"),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_message_reads(name):
    assert_reads_as_kept(name, MESSAGES[name])
    message = rendered(MESSAGES[name]())
    check_message(message.text, message.blocks)


@pytest.mark.parametrize("name", MESSAGES)
def test_nothing_is_left_in_english_for_a_korean_reader(name):
    """But names and addresses, units of time and Slack."""
    with translation.override("ko"):
        reading = shown(MESSAGES[name]())
    for same in (OUTAGE.address, OUTAGE.link, STORM, OUTAGE.host_name, "LIVE", "kim", "alerts", "Slack"):
        reading = reading.replace(same, "")
    assert re.findall(r"[A-Za-z]{2,}", reading) == []


def test_every_snapshot_is_of_a_message():
    names = {path.stem for path in SNAPSHOTS.glob("*.txt") if not path.stem.startswith(("press", "storm"))}
    assert names == set(MESSAGES)


def test_an_end_for_an_unknown_reason_is_told_all_the_same():
    assert "Watching it was ended by kim." in rendered(wording.ended_notice(OVER, "abducted", "kim")).text


NASTY = st.sampled_from(
    [
        *("&", "<", ">", "<!channel>", "<!here>", "<@U1>", "<#C1>", "<https://x.example|y>", "@channel"),
        *("`", "```", "*", "_", "~", "^", "|", '"', "\\", ":fire:", "%(name)s", "%s", "{0}"),
        *("\n", "\r\n", "\u2028", "\x00", "\x1b[31m", "\u202e", "\u2066", "\u200f", "\ud800", "\udfff"),
        *("name", "서버", "😀", "👨‍👩‍👧", "a" * 255, "😀" * 255, "&" * 255),
    ]
)
HOSTILE = st.lists(NASTY | st.text(st.characters(exclude_categories=()), max_size=20), max_size=8).map("".join)
OUTAGES = st.builds(
    replace,
    st.sampled_from([OUTAGE, OVER]),
    host_name=HOSTILE,
    environment=HOSTILE,
    address=HOSTILE,
    failure=HOSTILE | st.just("refused"),
    detail=HOSTILE,
    acknowledged_by=HOSTILE,
)
ENDLESS = "😀" * 999
LONGEST = replace(
    OVER,
    host_name=ENDLESS,
    environment=ENDLESS,
    address=ENDLESS,
    failure=ENDLESS,
    detail=ENDLESS,
    acknowledged_by=ENDLESS,
)
HIDDEN = {"Cc", "Cs"}


def strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for one in inner for text in strings(one)]


def assert_harmless(notice: Notice | Line) -> None:
    message = rendered(notice)
    check_message(message.text, message.blocks, longest=MAX_UPDATE)
    assert len(json.dumps({"text": message.text, "blocks": message.blocks})) <= 8_000
    everything = [message.text, *strings(message.blocks)]
    assert not [text for text in everything if INVISIBLE.search(text)]
    assert not [c for text in everything for c in text if c != "\n" and unicodedata.category(c) in HIDDEN]
    assert "\n" not in message.text
    spoken = DATE.sub("", message.text)
    assert not re.search(r"[<>`*~]", spoken)
    assert re.sub(r"&(amp|lt|gt);", "", spoken).count("&") == 0
    for block in message.blocks:
        if block["type"] == "section":  # the only blocks that Slack parses hold nothing foreign
            assert re.fullmatch(r"[\w\s*]*", DATE.sub("", block["text"]["text"]))


def every_notice(outage, reason, actor):
    yield wording.failure_notice(outage, buttons=True, storm=STORM)
    yield wording.still_down_notice(outage, buttons=True, storm=STORM)
    yield wording.over_notice(replace(outage, end_reason=reason))
    yield wording.recovery_notice(outage)
    for ended_by in (reason, "paused"):
        yield wording.ended_notice(outage, ended_by, actor)
    for ended_by in (reason, "paused", "outcomes"):
        yield wording.late_notice(outage, ended_by, actor)
    yield wording.test_notice(actor)


@given(OUTAGES, HOSTILE, HOSTILE, st.booleans(), st.sampled_from(["en", "ko"]))
@example(LONGEST, "deleted", ENDLESS, True, "en")
@example(LONGEST, "deleted", ENDLESS, True, "ko")
def test_seed_defect_12_nothing_foreign_does_harm(outage, reason, actor, repeat, language):
    with translation.override(language):
        for notice in every_notice(outage, reason, actor):
            assert_harmless(wording.repeated(notice, "Slack") if repeat else notice)


@given(HOSTILE.filter(clean))
def test_a_name_is_shown_whole_and_unchanged(name):
    """Except for what cannot be seen and what is longer than a host name can be."""
    message = rendered(wording.failure_notice(replace(OUTAGE, host_name=name)))
    rich = message.blocks[1]["elements"][0]["elements"]
    assert rich[1]["text"] == clean(name)
