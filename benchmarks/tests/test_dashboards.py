"""When a page is said to show a change."""

from __future__ import annotations

import pytest

from benchmarks.dashboards import changed_at, lags
from benchmarks.farm import Hit, Mode
from benchmarks.measure import Window
from benchmarks.viewers import Shown

END = 200.0
CHANGED = {7: 100.0}


def row(at: float, page: int = 0, server: int = 7, health: str = "unhealthy") -> Shown:
    return Shown(at, at - 0.1, page, server, health)


def whole_list(asked_at: float, at: float) -> Shown:
    return Shown(at, asked_at, 0, 0, "healthy")


SHOWN = {
    "the first row that says so": ([row(101.0), row(102.0)], 1.0),
    "a row from before says nothing": ([row(99.0)], None),
    "the row of another server says nothing": ([row(101.0, server=8)], None),
    "a row of another state says nothing": ([row(101.0, health="healthy")], None),
    "what comes after the end is not looked at": ([row(END)], None),
    "a list asked for once it was recorded says all": ([whole_list(101.5, 104.0)], 4.0),
    "a list asked for before may not say it": ([whole_list(100.5, 104.0)], None),
    "whichever comes first": ([whole_list(101.5, 104.0), row(103.0)], 3.0),
}


@pytest.mark.parametrize(("shown", "expected"), SHOWN.values(), ids=SHOWN)
def test_a_page_shows_a_change(shown, expected):
    assert lags(CHANGED, "unhealthy", shown, 1, END) == [[expected]]


def test_each_page_counts_for_itself():
    assert lags(CHANGED, "unhealthy", [row(101.0, page=1)], 2, END) == [[None], [1.0]]


def test_a_change_is_the_first_hit_in_the_new_mode_inside_the_window():
    hits = [Hit(90.0, 7, Mode.FAIL), Hit(101.0, 7, Mode.OK), Hit(102.0, 7, Mode.FAIL), Hit(103.0, 7, Mode.FAIL)]
    assert changed_at(hits, Mode.FAIL, Window(100.0, 110.0, {}, 0.0)) == {7: 102.0}
