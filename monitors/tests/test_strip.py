from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitors.probers.base import Failure, Observation, Outcome, Stages
from monitors.strip import LENGTH, TOKEN, append, marks, pack_stages, stages_ms

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
    assert len(recent) <= LENGTH * TOKEN <= 900
    assert [mark.failure for mark in kept] == [outcome.failure for outcome in given_outcomes[-LENGTH:]]
    for mark, outcome in zip(kept, given_outcomes[-LENGTH:], strict=True):
        assert abs(mark.latency_ms - outcome.elapsed.total_seconds() * 1000) <= 0.1
    if kept:
        assert kept[-1].at == NOW + timedelta(seconds=len(given_outcomes) - 1)


def test_every_failure_has_a_letter_of_its_own():
    letters = {append("", Observation(1, NOW, NOW, Outcome(failure, timedelta())))[0] for failure in Failure}
    assert len(letters) == len(Failure)


def test_stages_survive_packing():
    packed = pack_stages(Stages(connect=timedelta(microseconds=340), first_byte=timedelta(milliseconds=4)))
    assert packed == ",340,,4000"
    assert stages_ms(packed) == {"resolve": None, "connect": 0.34, "tls": None, "first_byte": 4.0}
    assert set(stages_ms("").values()) == {None}
