"""The judge is judged: scripts and ledgers made by hand."""

import re

import pytest

from drills.oracle import Flap, Message, News, judge, overtaken, read_messages

BEGAN = 1_000.0
DOWN = Flap("web-1", BEGAN + 0.4, None, BEGAN + 2)
FLAP = Flap("web-1", BEGAN + 0.4, BEGAN + 10, BEGAN + 2, BEGAN + 12)
LETTERS = {"F": News.FAILURE, "R": News.RECOVERY, "L": News.LATE}


def told(letters: str, *, channel: str = "C1", since: float = BEGAN, first: int = 1) -> list[Message]:
    """`F`, `R`, `L`; a mark of a possible repeat is a `?` behind the letter. A second apart, from the 14th on."""
    words = re.findall(r"(\w)(\??)", letters)
    return [
        Message(number, channel, "web-1", LETTERS[letter], int(since), BEGAN + 13 + number, bool(mark))
        for number, (letter, mark) in enumerate(words, first)
    ]


CASES = {
    # sentence: (flaps, letters, lost, doubled, repeated, misordered, false, late)
    "a failure and its recovery, once each": ([FLAP], "FR", (0, 0, 0, 0, 0, 0)),
    "one late message tells both": ([FLAP], "L", (0, 0, 0, 0, 0, 1)),
    "an outage that goes on has no recovery": ([DOWN], "F", (0, 0, 0, 0, 0, 0)),
    "nothing was told": ([FLAP], "", (2, 0, 0, 0, 0, 0)),
    "the failure was not told": ([FLAP], "R", (1, 0, 0, 0, 0, 0)),
    "the recovery was not told": ([FLAP], "F", (1, 0, 0, 0, 0, 0)),
    "the failure was told twice": ([FLAP], "FFR", (0, 1, 0, 0, 0, 0)),
    "the recovery was told twice": ([FLAP], "FRR", (0, 1, 0, 0, 0, 0)),
    "a repeat that is marked is a double all the same": ([FLAP], "FF?R", (0, 1, 0, 0, 0, 0)),
    "a late message after its failure says that twice": ([FLAP], "FL", (0, 1, 0, 0, 0, 1)),
    "a late message told twice": ([FLAP], "LL", (0, 1, 0, 0, 0, 1)),
    "the recovery overtook its failure": ([FLAP], "RF", (0, 0, 0, 1, 0, 0)),
    "a recovery of what never recovered": ([DOWN], "FR", (0, 0, 0, 0, 1, 0)),
    "nothing was the matter": ([], "F", (0, 0, 0, 0, 1, 0)),
}


@pytest.mark.parametrize(("flaps", "letters", "expected"), CASES.values(), ids=CASES)
def test_what_was_told_is_compared_with_the_script(flaps, letters, expected):
    judged = judge(flaps, told(letters), {"C1"})
    found = (judged.lost, judged.doubled, judged.repeated, judged.misordered, judged.false, judged.late)
    assert found == expected
    assert judged.clean is not any(expected[:5])
    assert judged.expected == sum(1 if flap.ended is None else 2 for flap in flaps)


def test_a_repeat_that_is_marked_is_allowed_where_a_channel_is_told_at_least_once():
    judged = judge([FLAP], told("FF?R"), {"C1"}, repeats_allowed=True)
    assert (judged.doubled, judged.repeated, judged.clean) == (0, 1, True)
    judged = judge([FLAP], told("FFR"), {"C1"}, repeats_allowed=True)
    assert (judged.doubled, judged.repeated, judged.clean) == (1, 0, False)


def test_each_channel_is_judged_by_itself():
    judged = judge([FLAP], told("FR") + told("F", channel="C2"), {"C1", "C2"})
    assert (judged.expected, judged.lost) == (4, 1)
    assert judge([FLAP], told("FR") + told("FFF", channel="C2"), {"C1"}).clean


def test_each_flap_of_a_server_is_an_expectation_of_its_own():
    again = Flap("web-1", BEGAN + 20, BEGAN + 30)
    assert judge([FLAP, again], told("FR") + told("FR", since=BEGAN + 21, first=3), {"C1"}).clean
    judged = judge([FLAP, again], told("FRFR"), {"C1"})
    assert (judged.lost, judged.doubled) == (2, 2)


ORDERS = {
    # sentence: (what was told of the first outage and of the second, each letter with its place; misordered)
    "down, up, down, up": ("F1 R2", "F3 R4", 0),
    "the first recovery came after the second failure": ("F1 R3", "F2 R4", 1),
    "nothing of the first until the second was over": ("F3 R4", "F1 R2", 1),
    "two late messages": ("L1", "L2", 0),
    "the second late message came first": ("L2", "L1", 1),
    "a late message after the next failure": ("L2", "F1 R3", 1),
    "a repeat that comes later says nothing new": ("F1 R2 R?4", "F3 R5", 0),
}


@pytest.mark.parametrize(("first", "second", "misordered"), ORDERS.values(), ids=ORDERS)
def test_the_last_word_about_a_server_is_the_latest(first, second, misordered):
    again = Flap("web-1", BEGAN + 20, BEGAN + 30)
    messages = [
        message
        for words, since in ((first, BEGAN), (second, BEGAN + 21))
        for word in words.split()
        for message in told(word[:-1], since=since, first=int(word[-1]))
    ]
    messages.sort(key=lambda message: message.number)
    judged = judge([FLAP, again], messages, {"C1"}, repeats_allowed=True)
    assert (judged.misordered, judged.lost, judged.doubled) == (misordered, 0, 0)
    assert judge([FLAP, again], messages, {"C1", "C2"}, repeats_allowed=True).misordered == misordered


def test_after_an_outage_the_oldest_news_is_told_first():
    other = Flap("web-2", BEGAN + 5, None, BEGAN + 7)
    of_other = Message(2, "C1", "web-2", News.FAILURE, int(BEGAN + 5), BEGAN + 30)
    failure = told("F", first=3)  # known 5 s before that of the other
    late = told("L", first=3)  # known 5 s after it
    assert overtaken([DOWN, other], [of_other, *failure], known_by=BEGAN + 20) == failure
    assert overtaken([DOWN, other], [*failure, of_other], known_by=BEGAN + 20) == []
    assert overtaken([FLAP, other], [of_other, *late], known_by=BEGAN + 20) == []
    assert overtaken([FLAP, other], [*late, of_other], known_by=BEGAN + 20) == [of_other]
    assert overtaken([FLAP, other], [*late, of_other], known_by=BEGAN + 10) == [], "not yet known"


def test_news_of_one_moment_may_come_in_either_order():
    other = Flap("web-2", BEGAN + 1, None, BEGAN + 3)
    of_other = Message(2, "C1", "web-2", News.FAILURE, int(BEGAN + 1), BEGAN + 30)
    assert overtaken([DOWN, other], [of_other, *told("F", first=3)], known_by=BEGAN + 20) == []


def test_the_slowest_is_counted_from_the_probe_that_made_it_certain():
    assert judge([FLAP], told("FR"), {"C1"}).slowest == 12  # the failure: told 14 s and certain 2 s after the beginning


def test_what_no_sentence_explains_is_false():
    assert judge([FLAP], told("FR"), {"C1"}, strange=["C1: hello"]).false == 1


TEXTS = {
    "🔴 LIVE web-1 is down: HTTP 503 (since <!date^1000^{date}|then>)": (News.FAILURE, False),
    "🔴 LIVE web-1 is still down: HTTP 503 (since <!date^1000^{date}|then>)": (News.FAILURE, False),
    "🟢 LIVE web-1 was down for 9 s (since <!date^1000^{date}|then>): HTTP 503": (News.FAILURE, False),
    "🟢 LIVE web-1 is up again after 9 s (it was down since <!date^1000^{date}|then>: HTTP 503)": (
        News.RECOVERY,
        False,
    ),
    "🟢 LIVE web-1 is up again. It was down from <!date^1000^{date}|then> to <!date^1009^{date}|then> (9 s): HTTP 503. "
    "Told late: it could not be sent earlier. (possible repeat)": (News.LATE, True),
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.items(), ids=list("12345"))
def test_messages_are_read_as_people_read_them(text, expected):
    (message,), strange = read_messages([entry(text)], ["web-1", "web-11"])
    assert (message.news, message.repeat) == expected
    assert (message.server, message.since, message.channel) == ("web-1", 1000, "C1")
    assert strange == []


def test_edits_refused_posts_and_strangers():
    entries = [entry("x", method="chat.update"), entry("x", ts=""), entry("LIVE web-2 is down: x (since <!date^1^|>)")]
    assert read_messages(entries, ["web-1"]) == ([], ["C1: LIVE web-2 is down: x (since <!date^1^|>)"])


def entry(text: str, *, method: str = "chat.postMessage", ts: str = "1.0") -> dict[str, object]:
    return {"number": 1, "channel": "C1", "method": method, "ts": ts, "at": 1.0, "text": text}
