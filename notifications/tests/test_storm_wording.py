import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import translation
from hypothesis import example, given
from hypothesis import strategies as st

from notifications import wording
from notifications.tests.reading import SNAPSHOTS, assert_reads_as_kept, rendered, shown
from notifications.tests.standin.rules import check_message
from notifications.tests.test_wording import ENDLESS, HOSTILE, NOON, assert_harmless

STORM = wording.Storm(
    storm_id=3,
    environment="LIVE",
    watched=52,
    struck=37,
    down=37,
    down_in_all=37,
    began_at=NOON,
    ended_at=None,
    names=tuple(f"chat-{number}" for number in range(1, 11)),
    failure=wording.Shared("refused", 37),
    host=wording.Shared("lb-2.example.com:443", 34),
    address=wording.Shared("10.0.3.7", 37),
    recovered=0,
    paused=0,
    deleted=0,
    link="https://monitor.example.com/?environment=LIVE&health=UNHEALTHY",
)
FEW = replace(STORM, down=2, down_in_all=2, names=("chat-3", "chat-7"), failure=None, host=None, address=None)
OVER = replace(FEW, down=0, down_in_all=0, names=(), ended_at=NOON + timedelta(seconds=754), recovered=37)
MIXED = replace(OVER, recovered=33, paused=2, deleted=1)
LONG = tuple(f"chat-{number}.eu-central-1.compute.example.internal" for number in range(1, 11))
FOREIGN = (*LONG, "lb-2.example.com", "10.0.3.7", STORM.link, "LIVE", "chat")

MESSAGES = {
    "storm": lambda: wording.storm_notice(STORM, edited=True),
    "storm-that-nobody-can-explain": lambda: wording.storm_notice(
        replace(STORM, failure=None, host=None, address=None), edited=False
    ),
    "storm-with-few-left": lambda: wording.storm_notice(FEW, edited=True),
    "storm-beside-others": lambda: wording.storm_notice(replace(STORM, down_in_all=40), edited=True),
    "storm-of-long-names": lambda: wording.storm_notice(replace(STORM, names=LONG), edited=True),
    "storm-that-may-be-a-repeat": lambda: wording.repeated(wording.storm_notice(STORM, edited=False), "Slack"),
    "storm-that-is-over": lambda: wording.storm_notice(OVER, edited=True),
    "storm-end": lambda: wording.storm_end_notice(OVER),
    "storm-end-of-some-that-did-not-recover": lambda: wording.storm_end_notice(MIXED),
    "storm-end-told-late": lambda: wording.storm_end_notice(OVER, late=True),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_message_reads(name):
    assert_reads_as_kept(name, MESSAGES[name])
    message = rendered(MESSAGES[name]())
    check_message(message.text, message.blocks)


@pytest.mark.parametrize("name", MESSAGES)
def test_nothing_is_left_in_english_for_a_korean_reader(name):
    with translation.override("ko"):
        reading = shown(MESSAGES[name]())
    for same in FOREIGN:
        reading = reading.replace(same, "")
    assert re.findall(r"[A-Za-z]{2,}", reading.replace("Slack", "")) == []


def test_every_snapshot_is_of_a_message():
    assert {path.stem for path in SNAPSHOTS.glob("storm*.txt")} == set(MESSAGES)


SHARED = st.none() | st.builds(wording.Shared, HOSTILE, st.integers(0, 10_000))
STORMS = st.builds(
    replace,
    st.sampled_from([STORM, FEW, OVER, MIXED]),
    environment=HOSTILE,
    names=st.lists(HOSTILE, max_size=10).map(tuple),
    failure=SHARED,
    host=SHARED,
    address=SHARED,
    down=st.integers(0, 10_000),
    down_in_all=st.integers(0, 20_000),
)
LONGEST = replace(
    STORM,
    struck=10_000,
    down=10_000,
    down_in_all=10_001,
    environment=ENDLESS,
    names=(ENDLESS,) * 10,
    failure=wording.Shared(ENDLESS, 1),
    host=wording.Shared(ENDLESS, 1),
    address=wording.Shared(ENDLESS, 1),
)


@example(LONGEST, "en")
@example(LONGEST, "ko")
@example(replace(LONGEST, ended_at=NOON), "ko")
@given(STORMS, st.sampled_from(["en", "ko"]))
def test_whatever_a_server_is_called_slack_takes_the_message_and_mentions_nobody(storm, language):
    with translation.override(language):
        for message in (
            wording.repeated(wording.storm_notice(storm, edited=True), "Slack"),
            wording.storm_end_notice(replace(storm, ended_at=storm.ended_at or NOON), late=True),
        ):
            assert_harmless(message)


def test_however_long_the_names_are_the_number_of_the_others_is_told():
    for names in (LONG, ("x" * 255,) * 10, (ENDLESS,) * 10):
        assert "and 9990 more" in shown(wording.storm_notice(replace(LONGEST, names=names), edited=True))
    listed = shown(wording.storm_notice(replace(STORM, names=LONG), edited=True))
    assert f"Down: {', '.join(LONG)} and 27 more\n" in listed
