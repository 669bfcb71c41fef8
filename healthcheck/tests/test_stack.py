"""A process that ends is started again; what cannot start ends all. With small processes of a shell."""

from __future__ import annotations

import io
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from healthcheck import restarts
from healthcheck.restarts import Report
from healthcheck.stack import Stack
from healthcheck.tests.stack import wait_for

SECONDS = 60
"""For what takes a moment, on a machine that has much else to do."""
PAUSE = 0.3
FOREVER = "sleep 1000"
FAILS_ONCE = 'sh -c \'[ -e "$MARK" ] || { : >"$MARK"; echo last words; exit 3; }; echo second life; exec sleep 1000\''


class Running:
    """A stack in a thread."""

    def __init__(self, directory: Path, commands: Mapping[str, str], broker: str | None, problem: str) -> None:
        self.report_file = restarts.report_file(directory)
        self.problem = problem
        self.code: int | None = None
        self._output = io.StringIO()
        self._ending = threading.Event()
        self._stack = Stack(
            commands,
            {"PATH": "/usr/bin:/bin", "MARK": str(directory / "mark")},
            broker=broker,
            broker_problem=lambda: self.problem,
            asked_to_end=self._ending.is_set,
            report=self.report_file,
            output=self._output,
            first_pause=PAUSE,
        )
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.code = self._stack.run()

    def printed(self) -> str:
        return self._output.getvalue()

    def report(self) -> Report:
        return restarts.read(self.report_file, os.getpid())

    def said(self) -> str:
        return self.report().sentence(time.monotonic())

    def wait(self) -> int | None:
        """The exit code, once it has one."""
        self._thread.join(SECONDS)
        return self.code

    def end(self) -> int | None:
        self._ending.set()
        return self.wait()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    running: list[Running] = []

    def started(*, broker: str | None = None, problem: str = "", **commands: str) -> Running:
        running.append(Running(tmp_path, commands, broker, problem))
        return running[-1]

    yield started
    for one in running:
        one.end()


def test_a_process_that_ends_is_started_again_and_named(start):
    stack = start(worker=FAILS_ONCE, other=FOREVER)
    wait_for(lambda: "second life" in stack.printed(), SECONDS)
    wait_for(lambda: stack.said() == "worker ended once in the last 10 minutes", SECONDS)
    said = r"worker +\| last words\n *system \| worker ended with exit code 3; starting it again in 0\.3 s"
    assert re.search(said, stack.printed()), stack.printed()
    assert "other ended" not in stack.printed()
    assert stack.end() == 0
    assert not stack.report_file.exists(), "a report of nobody"


def test_a_process_is_called_down_until_it_is_started_again(start, tmp_path):
    """It goes on ending, so that it is down again and again."""
    stack = start(worker="sh -c 'exit 0'", other=FOREVER)
    wait_for(lambda: stack.report().down == {"worker": "ended with exit code 0"}, SECONDS)
    wait_for(lambda: re.search(r"worker ended [2-9] times in the last 10 minutes", stack.said()), SECONDS)
    assert stack.end() == 0


def test_a_process_that_cannot_start_ends_all_and_says_why(start, tmp_path):
    other = tmp_path / "other"
    stack = start(web="sh -c 'echo the port is taken; exit 1'", other=f"sh -c 'echo $$ >{other}; exec {FOREVER}'")
    assert stack.wait() == 1
    assert "web cannot start: it ended with exit code 1 5 times in a row, the last time saying: the port is taken" in (
        stack.printed()
    )
    assert not Path(f"/proc/{other.read_text().strip()}").exists()


def test_a_broker_that_ends_is_started_again_and_its_users_live_on(start, tmp_path):
    mark = tmp_path / "started"
    stack = start(broker="redis", redis=FAILS_ONCE, user=f"sh -c 'echo started >>{mark}; exec {FOREVER}'")
    wait_for(lambda: stack.said() == "redis ended once in the last 10 minutes" and mark.exists(), SECONDS)
    assert mark.read_text() == "started\n"
    assert stack.end() == 0


def test_what_uses_the_broker_waits_until_it_can_be_used(start, tmp_path):
    mark = tmp_path / "started"
    stack = start(broker="redis", problem="loading", redis="sh -c 'echo; exec sleep 1000'", user=f"touch {mark}")
    wait_for(stack.report_file.exists, SECONDS)
    assert not mark.exists()
    stack.problem = ""
    wait_for(mark.exists, SECONDS)
    assert stack.end() == 0


def test_what_a_process_has_started_ends_with_it(start, tmp_path):
    child = tmp_path / "child"
    stack = start(worker=f"sh -c 'sleep 1000 & echo $! >{child}; wait'")
    pid = wait_for(lambda: child.exists() and child.read_text().strip(), SECONDS)
    assert stack.end() == 0
    wait_for(lambda: _is_gone(pid), SECONDS)


def _is_gone(pid: str) -> bool:
    """Or waits for its parent to take note of its end."""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


def test_a_process_that_says_much_and_ends_is_heard_to_the_end(start):
    stack = start(
        talker="sh -c 'seq 20000; printf end; exec sleep 1000'", brief="sh -c 'seq 30000 30099; printf without-newline'"
    )
    wait_for(lambda: "| 20000" in stack.printed(), SECONDS)
    wait_for(lambda: "| without-newline" in stack.printed(), SECONDS)
    assert len(re.findall(r"talker +\| \d+\n", stack.printed())) == 20000
