from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.status import Health, Standing, Thresholds, advance

LETTER = {Health.HEALTHY: "H", Health.UNHEALTHY: "U", Health.UNKNOWN: "?"}
OK = {"+": True, "-": False, "i": None}


def replay(outcomes, thresholds, *, incident_open=False):
    standing = Standing()
    for outcome in outcomes:
        ok = OK[outcome] if isinstance(outcome, str) else outcome
        standing = advance(standing, ok=ok, thresholds=thresholds, incident_open=incident_open)
        yield standing


RUNS = {  # sentence: (thresholds, outcomes, health after each)
    "one success is enough out of unknown": (Thresholds(3, 3), "+", "H"),
    "short history is not unhealthy": (Thresholds(1, 3), "--", "??"),
    "a new server needs its full run of failures": (Thresholds(3, 3), "---", "??U"),
    "third failure in a row is unhealthy": (Thresholds(1, 3), "+---", "HHHU"),
    "a success breaks the run of failures": (Thresholds(1, 3), "+--+--", "HHHHHH"),
    "recovery needs its own run": (Thresholds(2, 1), "-+-++", "UUUUH"),
    "a failure breaks the run of successes": (Thresholds(3, 1), "-++-+++", "UUUUUUH"),
    "an inconclusive outcome moves no counter": (Thresholds(1, 3), "+--i-", "HHHHU"),
    "inconclusive ones for as long as a failing run make it unknown": (Thresholds(1, 3), "+iii", "HHH?"),
    "an outcome in between starts the inconclusive run anew": (Thresholds(1, 3), "+ii+ii", "HHHHHH"),
    "unhealthy and then unseen is unknown": (Thresholds(2, 2), "--ii", "?UU?"),
    "back from unseen, one success is healthy": (Thresholds(3, 2), "--ii+", "?UU?H"),
    "back from unseen, failures need their full run": (Thresholds(3, 2), "--ii--", "?UU??U"),
}


@pytest.mark.parametrize(("thresholds", "outcomes", "expected"), RUNS.values(), ids=RUNS)
def test_replay(thresholds, outcomes, expected):
    assert "".join(LETTER[standing.health] for standing in replay(outcomes, thresholds)) == expected


DURING_AN_OUTAGE = {  # sentence: (thresholds, outcomes, health after each)
    "back from unseen, an outage is ended by its full run": (Thresholds(3, 2), "--ii+++", "?UU???H"),
    "a run that begins before the blindness is forgotten with it": (Thresholds(3, 2), "--++ii+++", "?UUUU???H"),
    "an inconclusive outcome does not break the run": (Thresholds(3, 2), "--ii++i+", "?UU????H"),
    "a failure breaks the run": (Thresholds(3, 2), "--ii++-+++", "?UU??????H"),
    "a threshold of one is one": (Thresholds(1, 1), "-i+", "U?H"),
    "unseen at the first inconclusive outcome, where one failure is down": (Thresholds(2, 1), "-i++", "U??H"),
}


@pytest.mark.parametrize(("thresholds", "outcomes", "expected"), DURING_AN_OUTAGE.values(), ids=DURING_AN_OUTAGE)
def test_replay_while_an_incident_is_open(thresholds, outcomes, expected):
    found = replay(outcomes, thresholds, incident_open=True)
    assert "".join(LETTER[standing.health] for standing in found) == expected


@given(st.lists(st.sampled_from([True, False, None]), max_size=30), st.builds(Thresholds, *[st.integers(1, 5)] * 2))
def test_an_outage_never_ends_before_its_full_run_of_successes(outcomes, thresholds):
    run, before = 0, Standing()
    for outcome, standing in zip(outcomes, replay(outcomes, thresholds, incident_open=True), strict=True):
        run = run if outcome is None else run + 1 if outcome else 0
        if standing.health is Health.HEALTHY and before.health is not Health.HEALTHY:
            assert run >= thresholds.healthy
        before = standing


def oracle(outcomes, thresholds):
    """Recompute from the whole history, slowly and obviously: the latest run that was long enough decides."""
    health = Health.UNKNOWN
    for end in range(1, len(outcomes) + 1):
        latest = outcomes[end - 1]
        run = 0
        while run < end and outcomes[end - 1 - run] == latest:
            run += 1
        if latest and (health is Health.UNKNOWN or run >= thresholds.healthy):
            health = Health.HEALTHY
        elif not latest and run >= thresholds.unhealthy:
            health = Health.UNHEALTHY
    return health


thresholds_ = st.builds(Thresholds, st.integers(1, 5), st.integers(1, 5))


@given(st.lists(st.booleans(), max_size=30), thresholds_)
def test_health_is_that_of_the_latest_long_enough_run(outcomes, thresholds):
    for count, standing in enumerate(replay(outcomes, thresholds), 1):
        assert standing.health == oracle(outcomes[:count], thresholds)
        assert 0 in (standing.successes, standing.failures)


@given(st.lists(st.sampled_from([True, False, None]), max_size=30), thresholds_)
def test_inconclusive_outcomes_never_make_a_server_unhealthy_or_healthy(outcomes, thresholds):
    before = Standing()
    for outcome, standing in zip(outcomes, replay(outcomes, thresholds), strict=True):
        if outcome is None:
            assert standing.health in (before.health, Health.UNKNOWN)
        before = standing


@given(st.lists(st.tuples(st.booleans(), thresholds_), max_size=30))
def test_thresholds_may_change_between_probes(steps):
    standing = Standing()
    for ok, thresholds in steps:
        before, standing = standing, advance(standing, ok=ok, thresholds=thresholds)
        run = standing.successes if ok else standing.failures
        needed = thresholds.healthy if ok else thresholds.unhealthy
        if run >= needed:
            assert standing.health is (Health.HEALTHY if ok else Health.UNHEALTHY)
        elif before.health is not Health.UNKNOWN:
            assert standing.health is before.health


def test_reaching_the_threshold_again_changes_nothing():
    standing = Standing(Health.UNHEALTHY, failures=7)
    after = advance(standing, ok=False, thresholds=Thresholds(3, 3))
    assert after == replace(standing, failures=8)
