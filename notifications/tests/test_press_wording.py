import re

import pytest
from django.utils import translation
from django.utils.translation import gettext
from hypothesis import example, given
from hypothesis import strategies as st

from monitors.display import outcome_text
from monitors.engine import sentences
from monitors.engine.base import Outcome
from monitors.fields import MILLISECOND
from monitors.kinds.http import ANSWERED
from monitors.tests.failing import Failure
from notifications.tests.reading import SNAPSHOTS, assert_reads_as_kept, rendered, shown
from notifications.tests.standin.rules import check_message
from notifications.tests.test_wording import ENDLESS, HOSTILE, NOON, assert_harmless
from notifications.wording import presses

STAGES = ("Resolve", "1.2 ms"), ("Connect", "3.4 ms"), ("TLS", ""), ("First byte or upgrade", "7.7 ms")
WORKS = Outcome(None, 12.3 * MILLISECOND, status=101)
DOWN = Outcome(Failure.HTTP_5XX, 0.9 * MILLISECOND, detail=ANSWERED % {"status": 503}, status=503)
UNKNOWN = Outcome(Failure.PROBER_FAULT, 0.1 * MILLISECOND, detail=sentences.OWN_FAULT % {"kind": "Oops"})
FOREIGN = ("chat-3", "LIVE", "kim (Slack)", "TLS", "DNS", "HTTP 5xx", "Oops", "ms")


def looked(outcome, stages=STAGES):
    told = [(gettext(label), value) for label, value in stages]
    return presses.looked(presses.Look("chat-3", "LIVE", outcome.ok, outcome_text(outcome), told, "kim (Slack)"))


MESSAGES = {
    "press-probe": lambda: looked(WORKS),
    "press-probe-that-failed": lambda: looked(DOWN),
    "press-probe-that-says-nothing": lambda: looked(UNKNOWN, ()),
    "press-too-late": lambda: presses.over(NOON),
    "press-second": lambda: presses.taken("kim (Slack)"),
    "press-forgotten": lambda: presses.forgotten(),
    "press-server-gone": lambda: presses.server_gone(),
    "press-busy": lambda: presses.busy(),
    "press-trouble": lambda: presses.trouble(),
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


@example(LONGEST, "en")
@example(LONGEST, "ko")
@given(LOOKS, st.sampled_from(["en", "ko"]))
def test_whatever_is_found_slack_takes_the_message_and_it_mentions_nobody(look, language):
    with translation.override(language):
        assert_harmless(presses.looked(look))
        assert_harmless(presses.taken(look.actor))
