from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitors.engine.base import Observation, Outcome, Stages
from monitors.figures import strip_svg
from monitors.models import ServerStatus
from monitors.strip import LENGTH, TOKEN, append, marks, pack_stages, stages_ms
from monitors.tests.failing import Failure

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
outcomes = st.builds(
    Outcome,
    failure=st.one_of(st.none(), st.sampled_from(Failure)),
    elapsed=st.integers(0, 100_000_000).map(lambda us: timedelta(microseconds=us)),
)


@given(st.lists(outcomes, max_size=LENGTH + 20))
def test_a_strip_holds_the_last_sixty_outcomes(given_outcomes):
    recent = ""
    for second, outcome in enumerate(given_outcomes):
        at = NOW + timedelta(seconds=second)
        recent = append(recent, Observation(1, at, at, outcome))
    kept = marks(recent)
    assert len(recent) <= 1 + LENGTH * TOKEN <= (ServerStatus._meta.get_field("recent").max_length or 0)
    assert [mark.failure for mark in kept] == [outcome.failure for outcome in given_outcomes[-LENGTH:]]
    for mark, outcome in zip(kept, given_outcomes[-LENGTH:], strict=True):
        assert abs(mark.latency_ms - outcome.elapsed.total_seconds() * 1000) <= 0.1
    if kept:
        assert kept[-1].at == NOW + timedelta(seconds=len(given_outcomes) - 1)


def test_every_failure_has_a_code_of_its_own():
    codes = {marks(append("", Observation(1, NOW, NOW, Outcome(failure, timedelta()))))[0].code for failure in Failure}
    assert len(codes) == len(Failure)
    assert all(len(code) == 2 and code.isalpha() for code in codes)


OLD = "-0010000000064c000c800000082H0000100000096"
"""As it was stored when a code was a letter: a success, a refusal, a name server that failed."""


def test_a_strip_of_one_letter_codes_is_read_as_it_is():
    seen = [(mark.failure, mark.latency_ms, mark.second) for mark in marks(OLD)]
    assert seen == [(None, 25.6, 100), (Failure.REFUSED, 20.0, 130), (Failure.RESOLVER_FAILED, 0.1, 150)]


def test_the_next_outcome_writes_an_old_strip_anew():
    at = datetime.fromtimestamp(180, UTC)
    mixed = append(OLD, Observation(1, at, at, Outcome(Failure.PROBER_FAULT, timedelta(milliseconds=7))))
    assert marks(mixed)[:3] == marks(OLD)
    assert (marks(mixed)[3].failure, marks(mixed)[3].second) == (Failure.PROBER_FAULT, 180)
    assert len(mixed) == 1 + 4 * TOKEN


def test_a_full_old_strip_keeps_the_last_sixty():
    recent = append(OLD * (LENGTH // 3), Observation(1, NOW, NOW, Outcome(None, timedelta())))
    assert len(marks(recent)) == LENGTH
    assert marks(recent)[:-1] == marks(OLD * (LENGTH // 3))[1:]


def test_a_code_of_a_newer_version_is_a_failure_that_has_no_words():
    recent = "2zq0010000000064"
    assert (marks(recent)[0].failure, marks(recent)[0].code) == (None, "zq")
    assert 'class="failed"' in strip_svg(recent, latencies=True)


def test_stages_survive_packing():
    packed = pack_stages(Stages(connect=timedelta(microseconds=340), first_byte=timedelta(milliseconds=4)))
    assert packed == ",340,,4000"
    assert stages_ms(packed) == {"resolve": None, "connect": 0.34, "tls": None, "first_byte": 4.0}
    assert set(stages_ms("").values()) == {None}


def test_what_an_older_version_added_to_a_strip_of_this_one_is_passed_over():
    at = datetime.fromtimestamp(180, UTC)
    ours = append("", Observation(1, at, at, Outcome(None, timedelta(milliseconds=7))))
    both = ours + "c000c800000082"  # as a version of one letter appends
    assert [mark.second for mark in marks(both)] == [180]
    for length in range(len(both)):
        marks(both[length:])  # it cut off the front by its own measure
