"""When a process is started again, and what is said of it."""

from __future__ import annotations

import json
import os
import signal

import pytest

from healthcheck.restarts import LONGEST_PAUSE, MOST_STARTS, Report, Restarts, read, report_file, write

WELL, BRIEF, STARTED = 61.0, 2.0, 31.0
KILLED = -signal.SIGKILL
PAUSES = {  # sentence: (seconds that each run lasted, exit codes, pauses; None = given up)
    "the pause grows": ([BRIEF] * 4, [KILLED] * 4, [1, 2, 4, 8]),
    "no pause is longer than 30 s": ([BRIEF] * 8, [KILLED] * 8, [1, 2, 4, 8, 16, 30, 30, 30]),
    "after it has run well the pause is short again": ([BRIEF, BRIEF, WELL, BRIEF], [1, 1, 1, 1], [1, 2, 1, 2]),
    "what never started is given up": ([BRIEF] * MOST_STARTS, [1] * MOST_STARTS, [1, 2, 4, 8, None]),
    "a crash at the start counts as well": ([BRIEF] * 5, [-signal.SIGSEGV] * 5, [1, 2, 4, 8, None]),
    "what has started once is never given up": (
        [STARTED, *[BRIEF] * 6],
        [1] * 7,
        [1, 2, 4, 8, 16, 30, 30],
    ),
    "whoever kills it does not make it unable to start": ([BRIEF] * 6, [1, 1, 1, 1, KILLED, 1], [1, 2, 4, 8, 16, 30]),
    "an orderly end is no failed start": ([BRIEF] * 6, [0] * 6, [1, 2, 4, 8, 16, 30]),
}


@pytest.mark.parametrize(("runs", "codes", "pauses"), PAUSES.values(), ids=PAUSES)
def test_pauses(runs, codes, pauses):
    restarts, now, found = Restarts(), 1000.0, []
    for lasted, code in zip(runs, codes, strict=True):
        began, now = now, now + lasted
        pause = restarts.after(began, now, code)
        found.append(pause)
        now += pause or 0
    assert found == pauses
    assert max(pause or 0 for pause in found) <= LONGEST_PAUSE


SENTENCES = {  # what is said: report, 1000 s after the machine started
    "": Report({"ticks": [390.0]}, {}),
    "ticks ended once in the last 10 minutes": Report({"ticks": [390.0, 401.0]}, {}),
    "ticks ended 3 times in the last 10 minutes": Report({"ticks": [500.0, 600.0, 999.0]}, {}),
    "beat is down: it was ended by signal 9, beat ended once in the last 10 minutes": Report(
        {"beat": [999.0]}, {"beat": "was ended by signal 9"}
    ),
}


@pytest.mark.parametrize(("said", "report"), SENTENCES.items())
def test_what_is_said(said, report):
    assert report.sentence(1000.0) == said


def test_an_end_of_the_time_before_the_machine_was_started_again_is_not_counted():
    assert Report({"ticks": [5000.0]}, {}).sentence(1000.0) == ""


def test_ends_are_forgotten_after_ten_minutes():
    restarts = Restarts()
    for at in (0.0, 500.0, 1101.0):
        restarts.after(at, at, 1)
    assert list(restarts.ends) == [1101.0]


def test_a_report_is_read_as_it_was_written(tmp_path):
    report = Report({"ticks": [1.5]}, {"beat": "ended with exit code 1"})
    write(report_file(tmp_path), report)
    assert read(report_file(tmp_path), os.getpid()) == report
    assert [path.name for path in tmp_path.iterdir()] == ["processes.json"]


UNREADABLE = {
    "none": None,
    "half of one": '{"launcher": 7',
    "one of another launcher": json.dumps({"launcher": 1, "ends": {"ticks": [1.0]}, "down": {}}),
    "one of another version": "[]",
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_a_report_that_is_not_ours_says_nothing(tmp_path, text):
    if text is not None:
        report_file(tmp_path).write_text(text)
    assert read(report_file(tmp_path), os.getpid()) == Report()
