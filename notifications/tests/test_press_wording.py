import re
from dataclasses import replace

import pytest
from django.utils import translation
from hypothesis import example, given, settings
from hypothesis import strategies as st

from notifications.blocks import Message
from notifications.tests.reading import SNAPSHOTS, assert_reads_as_kept, shown
from notifications.tests.standin.rules import check_message
from notifications.tests.test_wording import ENDLESS, HOSTILE, NOON, assert_harmless
from notifications.wording import presses

LOOK = presses.Look(
    host_name="chat-3",
    environment="LIVE",
    ok=True,
    outcome="answered with status 101 in 12.3 ms",
    stages=(("Resolve", "1.2 ms"), ("Connect", "3.4 ms"), ("TLS", ""), ("First byte or upgrade", "7.7 ms")),
    actor="kim (Slack)",
)
DOWN = replace(LOOK, ok=False, outcome="Connection refused – 10.0.0.3 port 443, after 0.9 ms", stages=LOOK.stages[:1])
UNKNOWN = replace(LOOK, ok=None, outcome="The monitor could not look, after 0.1 ms", stages=())
FOREIGN = ("chat-3", "LIVE", "kim (Slack)", *(look.outcome for look in (LOOK, DOWN, UNKNOWN)), "ms")

MESSAGES = {
    "press-probe": lambda: presses.looked(LOOK),
    "press-probe-that-failed": lambda: presses.looked(DOWN),
    "press-probe-that-says-nothing": lambda: presses.looked(UNKNOWN),
    "press-too-late": lambda: Message(presses.over(NOON), []),
    "press-second": lambda: Message(presses.taken("kim (Slack)"), []),
    "press-forgotten": lambda: Message(presses.forgotten(), []),
    "press-server-gone": lambda: Message(presses.server_gone(), []),
    "press-busy": lambda: Message(presses.busy(), []),
    "press-trouble": lambda: Message(presses.trouble(), []),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_message_reads(name):
    assert_reads_as_kept(name, MESSAGES[name])
    check_message(MESSAGES[name]().text, MESSAGES[name]().blocks)


@pytest.mark.parametrize("name", MESSAGES)
def test_nothing_is_left_in_english_for_a_korean_reader(name):
    with translation.override("ko"):
        reading = shown(MESSAGES[name]())
    for same in (*FOREIGN, *(label for label, _ in LOOK.stages)):
        reading = reading.replace(same, "")
    assert re.findall(r"[A-Za-z]{2,}", reading) == []


def test_every_snapshot_is_of_a_message():
    assert {path.stem for path in SNAPSHOTS.glob("press*.txt")} == set(MESSAGES)


LOOKS = st.builds(
    presses.Look,
    host_name=HOSTILE,
    environment=HOSTILE,
    ok=st.sampled_from([True, False, None]),
    outcome=HOSTILE,
    stages=st.lists(st.tuples(st.just("Connect"), HOSTILE), max_size=4),
    actor=HOSTILE,
)
LONGEST = presses.Look(ENDLESS, ENDLESS, False, ENDLESS, [("Connect", ENDLESS)] * 4, ENDLESS)


@settings(max_examples=60, deadline=None)
@example(LONGEST, "en")
@example(LONGEST, "ko")
@given(LOOKS, st.sampled_from(["en", "ko"]))
def test_whatever_is_found_slack_takes_the_message_and_it_mentions_nobody(look, language):
    with translation.override(language):
        assert_harmless(presses.looked(look))
        assert_harmless(Message(presses.taken(look.actor), []))
