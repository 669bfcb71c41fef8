"""What time it is, for whom, and for how long it has been so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from monitors import clock
from monitors.clock import SetBack, database_now, offset_of, running
from monitors.steady import steady
from monitors.tests.builders import NOW, SECOND


@pytest.fixture
def elapsed(monkeypatch):
    """Lets so many seconds pass by the steady clock."""
    at = 1_000.0

    def wait(seconds):
        nonlocal at
        at += seconds
        monkeypatch.setattr(clock, "steady", lambda: at)

    wait(0)
    return wait


@pytest.mark.django_db
@pytest.mark.both_databases
def test_the_time_of_the_database_is_aware_and_that_of_this_machine_where_there_is_one():
    before = timezone.now()
    found = database_now()
    assert found.utcoffset() == timedelta(0)
    assert before - 3 * SECOND <= found <= timezone.now() + 3 * SECOND
    assert connection.vendor == "mysql" or found >= before


def test_the_steady_clock_does_not_go_back():
    readings = [steady() for _ in range(1_000)]
    assert readings == sorted(readings)


def test_a_running_clock_begins_when_it_is_first_asked(elapsed):
    read = running(NOW)
    elapsed(5)
    assert read() == NOW
    elapsed(7)
    assert read() == NOW + 7 * SECOND


def test_an_offset_leads_from_one_clock_to_the_other(elapsed):
    offset = offset_of(NOW)
    elapsed(3)
    assert (NOW + 3 * SECOND).timestamp() + offset == pytest.approx(1_003.0)


STEPS = {  # sentence: (seconds that passed, what the clock says to have passed, how far it was set back)
    "goes on": (1, 1, 0),
    "a little slow": (1, 0.5, 0),
    "set forward": (1, 3_601, 0),
    "set back by an hour": (1, -3_599, 3_600),
    "set back by five seconds": (1, -4, 5),
    "set back by less than passed": (60, 55, 5),
    "suspended": (600, 600, 0),
}


@pytest.mark.parametrize(("passed", "said", "back"), STEPS.values(), ids=STEPS)
def test_a_clock_that_was_set_back_is_noticed(elapsed, passed, said, back):
    set_back = SetBack()
    assert set_back.by(NOW) == timedelta(0)
    elapsed(passed)
    assert set_back.by(NOW + said * SECOND) == back * SECOND
    elapsed(1)
    assert set_back.by(NOW + (said + 1) * SECOND) == timedelta(0)
