import ast
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import translation

from monitors import kinds, wording
from monitors.display import failure_and_detail, outcome_text
from monitors.engine import sentences
from monitors.engine.base import Outcome
from monitors.fields import NOT_HEADERS, UNREADABLE
from monitors.kinds.http import ANSWERED
from monitors.targets import NO_HEADER, NO_TOKEN
from monitors.tests.failing import Failure

PROBERS = (Path(sentences.__file__).parent, Path(kinds.__file__).parent)
SENTENCE = re.compile(r"[A-Z].* .*\.")


@pytest.mark.parametrize("kind", Failure)
def test_every_failure_has_words_and_advice(kind):
    assert wording.failure_words(kind) != str(kind)
    assert "_" not in wording.failure_words(kind)
    assert wording.failure_help(kind).endswith(".")


def test_no_two_failures_have_the_same_words():
    assert len({wording.failure_words(kind) for kind in Failure}) == len(Failure)


def test_a_label_stands_alone_and_words_stand_in_a_sentence():
    assert wording.failure_label("refused") == "Connection refused"
    assert wording.failure_words("refused") == "connection refused"
    assert wording.failure_label("tls_handshake") == "TLS handshake failed"


def test_a_failure_of_a_newer_version_is_its_own_words():
    assert wording.failure_words("quantum_noise") == "quantum_noise"
    assert wording.failure_help("quantum_noise") == ""


DURATIONS = {
    "0 s": timedelta(0),
    "0 s ": timedelta(milliseconds=999),
    " 0 s": timedelta(seconds=-5),
    "59 s": timedelta(seconds=59.9),
    "1 min": timedelta(minutes=1),
    "4 min 12 s": timedelta(minutes=4, seconds=12),
    "1 h": timedelta(hours=1, seconds=59),
    "23 h 59 min": timedelta(hours=24, seconds=-1),
    "3 d 4 h": timedelta(days=3, hours=4, minutes=5),
    "400 d": timedelta(days=400, minutes=59),
}


@pytest.mark.parametrize(("words", "duration"), DURATIONS.items(), ids=DURATIONS)
def test_a_duration_is_told_in_its_two_largest_units(words, duration):
    assert wording.duration_words(duration) == words.strip()


def said_by_the_probers():
    """Every string of their code that is a sentence and no docstring."""
    for file in sorted(file for folder in PROBERS for file in folder.glob("*.py")):
        tree = ast.parse(file.read_text())
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                yield from SENTENCE.findall(node.value)


SAID_OF_ROWS = (UNREADABLE, NOT_HEADERS, NO_HEADER, NO_TOKEN)


@pytest.mark.parametrize("sentence", sorted({*said_by_the_probers(), *kinds.said(), *SAID_OF_ROWS}))
def test_what_a_prober_says_is_stored_in_english_and_told_in_korean(sentence):
    stored = re.sub(r"%\((\w+)\)s", r"\1-7", sentence)
    with translation.override("ko"):
        told = wording.detail_words(stored)
    assert re.search("[가-힣]", told)
    assert set(re.findall(r"\w+-7", stored)) == set(re.findall(r"[a-z]+-7", told))
    with translation.override("en"):
        assert wording.detail_words(stored) == stored


def test_the_reason_why_a_certificate_is_refused_is_told_too():
    with translation.override("ko"):
        told = wording.detail_words(sentences.NOT_VALID % {"reason": "certificate has expired"})
    assert not re.search("[a-z]", told)


@pytest.mark.parametrize(
    "text", ["", "10.0.0.3 port 443", "100 %", "The server answered with status 503", "%(status)s"]
)
def test_what_no_prober_has_said_stays_as_it_is(text):
    with translation.override("ko"):
        assert wording.detail_words(text) == text


def test_a_failure_and_its_detail_are_told_in_one_language():
    with translation.override("ko"):
        assert not re.search("[a-z]", failure_and_detail("refused", ANSWERED % {"status": 503}))
    assert failure_and_detail("", "whatever") == ""


def test_what_one_look_found_is_no_sentence_with_a_stop_in_its_middle():
    outcome = Outcome(Failure.HTTP_5XX, timedelta(milliseconds=1.2), detail=ANSWERED % {"status": 503})
    assert outcome_text(outcome) == "HTTP 5xx, server error, after 1.2 ms – The server answered with status 503"
