from datetime import timedelta

import pytest

from monitors import wording
from monitors.probers.base import Failure


@pytest.mark.parametrize("kind", Failure)
def test_every_failure_has_words_and_advice(kind):
    assert wording.failure_words(kind) != kind.value
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
