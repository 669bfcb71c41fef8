"""The clock that can be set, and what the dates of messages mean by it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from drills.clock import HOUR, dated_by
from drills.oracle import Flap, Message, News
from healthcheck.tests.clock import Clock, of_a_process, settable_clock

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
CLOCKS = "import time, datetime; print(time.time(), datetime.datetime.now().timestamp(), time.monotonic())"
FILE_AND_DATABASE = (
    "import sqlite3; print(sqlite3.connect(':memory:').execute(\"SELECT strftime('%s', 'now')\").fetchone()[0])"
)
WAITS = """
import threading, time
lock = threading.Condition()
began = time.monotonic()
with lock:
    lock.wait(0.2)
print(time.monotonic() - began)
"""
TOLERANCE = 30.0
"""For the start of an interpreter on a machine that has much else to do."""


@pytest.fixture(scope="module")
def clock() -> Iterator[Clock]:
    with settable_clock() as found:
        yield found


def run(clock: Clock, program: str, **variables: str) -> list[float]:
    """What a Python says under this clock."""
    finished = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **clock.variables, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(word) for word in finished.stdout.split()]


STEPS = {  # how far ahead the machine is, how far the process is of it
    "right": (0.0, 0.0),
    "an hour ahead": (HOUR, 0.0),
    "an hour behind": (-HOUR, 0.0),
    "a process ahead of the others": (0.0, 500.0),
    "both": (HOUR, -500.0),
}


@pytest.mark.parametrize(("machine", "process"), STEPS.values(), ids=STEPS)
def test_the_wall_clock_moves_and_the_monotonic_one_does_not(clock, machine, process):
    clock.set_ahead(machine)
    monotonic = time.monotonic()
    wall, also, steady = run(clock, CLOCKS, **of_a_process(process))
    assert abs(wall - time.time() - machine - process) < TOLERANCE
    assert abs(also - wall) < 1
    assert monotonic < steady < time.monotonic()


def test_sqlite_reads_the_same_clock(clock):
    clock.set_ahead(HOUR)
    (seconds,) = run(clock, FILE_AND_DATABASE)
    assert abs(seconds - time.time() - HOUR) < TOLERANCE


def test_what_waits_does_not_wait_for_an_hour(clock):
    clock.set_ahead(HOUR)
    (waited,) = run(clock, WAITS)
    assert 0.2 <= waited < TOLERANCE


def test_a_step_counts_at_once_in_a_process_that_runs(clock):
    clock.set_ahead(0)
    program = "import time, sys; print(time.time(), flush=True); sys.stdin.read(1); print(time.time())"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, **clock.variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        before = float(process.stdout.readline())
        clock.set_ahead(HOUR)
        after = float(process.communicate("x")[0])
    assert 0 <= after - before - HOUR < TOLERANCE


FLAPS = [Flap("web", 1000.0, 1020.0), Flap("web", 1100.0), Flap("other", 4700.0)]
MESSAGE = Message(1, "C1", "web", News.FAILURE, 0, 1005.0)
DATES = {  # said: meant
    1001: 1001,
    4601: 1001,  # by the clock that was an hour ahead
    4701: 1101,
    9999: 6399,  # no outage was then, by any clock
}


@pytest.mark.parametrize(("said", "meant"), DATES.items())
def test_the_date_of_a_message_is_read_by_the_clock_of_then(said, meant):
    assert dated_by((0, HOUR))(replace(MESSAGE, since=said), FLAPS).since == meant


def test_a_message_about_a_server_that_never_failed_stays_as_it_is():
    said = replace(MESSAGE, server="steady", since=4601)
    assert dated_by((0, HOUR))(said, FLAPS) == said
