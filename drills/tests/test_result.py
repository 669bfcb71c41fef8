import json

import pytest

from drills.oracle import Judgement
from drills.result import Result, table

GOOD = Judgement(expected=4, slowest=1.234)


def result(judgement=GOOD, *, injected=3, wrong=()):
    return Result("7 empty Redis", 42, 3, injected, judgement, 12.34, wrong, {"api": {"503": 2}})


def test_a_line_has_every_figure():
    figures = json.loads(result().line())
    assert figures["verdict"] == "passed"
    assert (figures["drill"], figures["seed"], figures["n"], figures["slowest"]) == ("7 empty Redis", 42, 3, 1.23)
    assert figures["api"] == {"503": 2}


@pytest.mark.parametrize(
    "bad",
    [Judgement(lost=1), Judgement(doubled=1), Judgement(misordered=1), Judgement(false=1)],
    ids=["lost", "doubled", "misordered", "false"],
)
def test_whatever_is_wrong_with_a_message_fails_the_drill(bad):
    assert result(GOOD + bad).figures()["verdict"] == "FAILED"


def test_repeats_and_late_messages_do_not():
    assert result(Judgement(expected=4, repeated=2, late=1)).passed


def test_a_drill_in_which_no_fault_struck_fails():
    assert not result(injected=0).passed
    assert result(injected=0).complaints() == ["no fault struck: this proves nothing"]


def test_a_drill_in_which_nothing_was_to_be_told_fails():
    assert not result(Judgement()).passed


def test_what_must_be_so_and_is_not_fails_the_drill_and_is_said():
    assert not result(wrong=("the API never said that it cannot",)).passed
    assert result(wrong=("the API never said that it cannot",)).complaints() == ["the API never said that it cannot"]


def test_the_table_has_a_row_for_each_result():
    lines = table([result().figures(), result(injected=0).figures()]).splitlines()
    assert len(lines) == 3
    assert lines[0].split()[:4] == ["drill", "seed", "n", "injected"]
    assert lines[2].endswith("FAILED")
