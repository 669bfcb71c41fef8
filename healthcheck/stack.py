"""Keeps the processes of the Procfile running: started in order, started again when they end, ended all together."""

from __future__ import annotations

import io
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TextIO

from honcho.colour import get_colours
from honcho.printer import Message, Printer

from healthcheck import restarts
from healthcheck.processes import dying_with_parent, signal_group
from healthcheck.restarts import FIRST_PAUSE, MOST_STARTS, Report, Restarts, how_it_ended

POLITE_SECONDS = 6.0
"""What has not ended by then is killed, so that everything is gone within ten seconds."""
LAST_SECONDS = 2.0
"""For the broker, which ends after those that use it."""
BROKER_SECONDS = 30.0
POLL_SECONDS = 0.1
PIPE_BYTES = 65_536
"""What a pipe holds, see pipe(7)."""
SYSTEM = "system"
"""Whose lines are those of the launcher itself."""


class LinePrinter(Printer):
    """Goes on in silence when nobody reads any more."""

    closed = False

    def write(self, message: object) -> None:
        try:
            super().write(message)
        except OSError:  # the terminal is gone
            self.output = io.StringIO()
            self.closed = True


class Output:
    """What a process writes, line by line, without ever waiting for it."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self._begun = b""

    def close(self) -> None:
        os.close(self.descriptor)

    def lines(self) -> tuple[list[str], bool]:
        """The lines that are there by now, and whether more may come. One call takes all that a pipe holds."""
        try:
            read = os.read(self.descriptor, PIPE_BYTES)
        except BlockingIOError:
            return [], True
        self._begun += read
        lines = self._split()
        if not read and self._begun:
            lines.append(self._begun.decode("utf-8", "replace"))
        return lines, bool(read)

    def _split(self) -> list[str]:
        *lines, self._begun = self._begun.split(b"\n")
        return [line.decode("utf-8", "replace") for line in lines]


class Child:
    """One process of the Procfile, which may be started again and again."""

    def __init__(
        self, name: str, command: str, environment: Mapping[str, str], colour: str, first_pause: float
    ) -> None:
        self.name, self.colour = name, colour
        self.restarts = Restarts(first_pause)
        self.restart_at: float | None = None
        """When it is to be started again: an instant of the monotonic clock."""
        self.ended_how = ""
        """How it ended, while it does not run."""
        self.last_line = ""
        self.process: subprocess.Popen[bytes] | None = None
        self.began = 0.0
        self._command = f"exec {' '.join(dying_with_parent())} {command}"
        self._environment = dict(environment)

    def start(self) -> Output:
        """It leads a process group of its own, so that a Ctrl-C in the terminal reaches the launcher alone and the
        order of the end is ours."""
        self.restart_at, self.ended_how = None, ""
        self.began = time.monotonic()
        reading, writing = os.pipe()
        try:
            self.process = subprocess.Popen(  # noqa: S602 - the Procfile's commands are a shell's
                self._command,
                shell=True,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                start_new_session=True,
            )
        finally:
            os.close(writing)
        return Output(reading)


class Stack:
    """The processes of one run."""

    def __init__(
        self,
        commands: Mapping[str, str],
        environment: Mapping[str, str],
        *,
        broker: str | None,
        broker_problem: Callable[[], str],
        asked_to_end: Callable[[], bool],
        report: Path,
        output: TextIO,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        """`broker` names the process that starts first and ends last; the others start once `broker_problem` is empty.
        `report` is where others read what became of the processes."""
        colours = get_colours()
        self._children = {
            name: Child(name, command, environment, next(colours), first_pause) for name, command in commands.items()
        }
        self._printer = LinePrinter(output, time_format="", width=max(map(len, [SYSTEM, *commands])))
        self._selector = selectors.DefaultSelector()
        self._broker = broker
        self._broker_problem = broker_problem
        self._asked_to_end = asked_to_end
        self._report = report
        self._failed = False

    def say(self, text: str) -> None:
        """Print a line among those of the processes. Safe from any thread."""
        self._print(SYSTEM, None, text)

    def run(self) -> int:
        """Start everything, stay until it ends, return the exit code: 0 when asked to end, 1 when a process cannot
        start at all."""
        users = [name for name in self._children if name != self._broker]
        self._write_report()
        try:
            if self._broker:
                self._start(self._children[self._broker])
            if self._wait_for_broker():
                for name in users:
                    self._start(self._children[name])
                while not self._is_over():
                    self._pump()
            self._end(users, POLITE_SECONDS)
            if self._broker:
                self._end([self._broker], LAST_SECONDS)
        finally:
            self._report.unlink(missing_ok=True)
            for key in list(self._selector.get_map().values()):
                key.data[1].close()
            self._selector.close()
        return 1 if self._failed else 0

    def _is_over(self) -> bool:
        return self._failed or self._printer.closed or self._asked_to_end()

    def _fail(self, why: str) -> None:
        self._failed = True
        self.say(f"{why}; ending everything")

    def _wait_for_broker(self) -> bool:
        """One that is loading what it keeps is waited for as long as that takes."""
        deadline = time.monotonic() + BROKER_SECONDS
        while not self._is_over():
            problem = self._broker_problem()
            if not problem:
                return True
            if problem != "loading" and time.monotonic() > deadline:
                self._fail(f"no Redis can be used within {BROKER_SECONDS:.0f} s: {problem}")
            self._pump()
        return False

    def _start(self, child: Child) -> None:
        output = child.start()
        self._selector.register(output.descriptor, selectors.EVENT_READ, (child, output))

    def _pump(self) -> None:
        """Print what the processes said, and start again what has ended and waited."""
        self._listen()
        now = time.monotonic()
        for child in self._children.values():
            if child.restart_at is not None and child.restart_at <= now:
                self._start(child)
                self._write_report()

    def _listen(self) -> None:
        """Handle what the processes say within a moment, and their ends."""
        for key, _ in self._selector.select(POLL_SECONDS):
            self._print_lines(*key.data)
        for child in self._children.values():
            if child.process is not None and (code := child.process.poll()) is not None:
                signal_group(child.process.pid, signal.SIGKILL)  # what it left behind
                child.process = None
                self._ended(child, code)

    def _print_lines(self, child: Child, output: Output) -> None:
        lines, goes_on = output.lines()
        for line in lines:
            self._print(child.name, child.colour, line)
            child.last_line = line.strip() or child.last_line
        if not goes_on:
            self._selector.unregister(output.descriptor)
            output.close()

    def _print(self, name: str, colour: str | None, text: str) -> None:
        self._printer.write(Message(type="line", data=f"{text}\n", time=datetime.now(), name=name, colour=colour))  # noqa: DTZ005

    def _ended(self, child: Child, code: int) -> None:
        for key in list(self._selector.get_map().values()):
            if key.data[0] is child:  # its last words explain its end
                self._print_lines(*key.data)
        if self._is_over():
            return
        child.ended_how = how_it_ended(code)
        now = time.monotonic()
        pause = child.restarts.after(child.began, now, code)
        if pause is None:
            saying = f", the last time saying: {child.last_line}" if child.last_line else ""
            self._fail(f"{child.name} cannot start: it {child.ended_how} {MOST_STARTS} times in a row{saying}")
            return
        child.restart_at = now + pause
        self.say(f"{child.name} {child.ended_how}; starting it again in {pause:g} s")
        self._write_report()

    def _write_report(self) -> None:
        children = self._children.values()
        ends = {child.name: list(child.restarts.ends) for child in children if child.restarts.ends}
        down = {child.name: child.ended_how for child in children if child.ended_how}
        with suppress(OSError):  # a full disk is no reason to end the stack
            restarts.write(self._report, Report(ends, down))

    def _end(self, names: Sequence[str], seconds: float) -> None:
        """SIGTERM to `names`, SIGKILL to what is left after `seconds`; returns when all are gone."""
        deadline = time.monotonic() + seconds
        told: set[str] = set()
        while running := [name for name in names if self._children[name].process is not None]:
            late = time.monotonic() > deadline
            for name in running:
                process = self._children[name].process
                if process and (late or name not in told):
                    if late:
                        self.say(f"{name} took too long to end and was killed")
                    signal_group(process.pid, signal.SIGKILL if late else signal.SIGTERM)
                    told.add(name)
            self._listen()
