"""Keeps the processes of the Procfile together: they start in order, and when one ends, all end."""

from __future__ import annotations

import io
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from honcho.manager import Manager
from honcho.printer import Printer

from healthcheck.processes import dying_with_parent, signal_group

POLITE_SECONDS = 6.0
"""What has not ended by then is killed, so that everything is gone within ten seconds."""
LAST_SECONDS = 2.0
"""For the broker, which ends after those that use it."""
BROKER_SECONDS = 30.0
POLL_SECONDS = 0.1


class LinePrinter(Printer):
    """Goes on in silence when nobody reads any more."""

    closed = False

    def write(self, message: object) -> None:
        try:
            super().write(message)
        except OSError:  # the terminal is gone
            self.output = io.StringIO()
            self.closed = True


class Stack(Manager):
    """The processes of one run.

    Each child leads its own process group, so that a Ctrl-C in the terminal reaches the launcher alone and the order
    of the end is ours.
    """

    def __init__(
        self,
        commands: Mapping[str, str],
        environment: Mapping[str, str],
        *,
        broker: str | None,
        broker_ready: Callable[[], bool],
        asked_to_end: Callable[[], bool],
    ) -> None:
        """`broker` names the process that starts first and ends last; the others start once `broker_ready`."""
        super().__init__(LinePrinter(sys.stdout, time_format=""))
        self.events: queue.Queue[Any] = queue.Queue()
        self._broker = broker
        self._broker_ready = broker_ready
        self._asked_to_end = asked_to_end
        self._failed = False
        prefix = " ".join(dying_with_parent())
        for name, command in commands.items():
            self.add_process(name, f"exec {prefix} {command}", env=dict(environment))

    def say(self, text: str) -> None:
        """Print a line among those of the processes. Safe from any thread."""
        self._system_print(f"{text}\n")

    def run(self) -> int:
        """Start everything, stay until it ends, return the exit code: 0 when asked to end, 1 when a process ended."""
        users = [name for name in self._processes if name != self._broker]
        if self._broker:
            self._start_one(self._broker)
        if self._wait_for_broker():
            for name in users:
                self._start_one(name)
            while not self._is_over():
                self._pump()
        self._end(users, POLITE_SECONDS)
        if self._broker:
            self._end([self._broker], LAST_SECONDS)
        return 1 if self._failed else 0

    def _is_over(self) -> bool:
        return self._failed or self._printer.closed or self._asked_to_end()

    def _wait_for_broker(self) -> bool:
        deadline = time.monotonic() + BROKER_SECONDS
        while not self._is_over():
            if self._broker_ready():
                return True
            if time.monotonic() > deadline:
                self._failed = True
                self.say(f"no Redis answered within {BROKER_SECONDS:.0f} s")
            self._pump()
        return False

    def _start_one(self, name: str) -> None:
        process = self._processes[name]
        process["thread"] = threading.Thread(target=process["obj"].run, args=(self.events,), name=name)
        process["thread"].start()

    def _pump(self, seconds: float = POLL_SECONDS) -> None:
        """Handle what the processes said, waiting at most `seconds` for it."""
        try:
            message = self.events.get(timeout=seconds)
        except queue.Empty:
            return
        if message.type == "line":
            self._printer.write(message)
        elif message.type == "start":
            self._processes[message.name]["pid"] = message.data["pid"]
        elif message.type == "stop":
            self._stopped(message.name, message.data["returncode"])

    def _stopped(self, name: str, code: int) -> None:
        self._processes[name]["returncode"] = code
        if not self._is_over():
            self._failed = True
            how = f"was ended by signal {-code}" if code < 0 else f"ended by itself with exit code {code}"
            self.say(f"{name} {how}; ending the others")

    def _end(self, names: list[str], seconds: float) -> None:
        """SIGTERM to `names`, SIGKILL to what is left after `seconds`; returns when all are gone."""
        deadline = time.monotonic() + seconds
        told: set[str] = set()
        while running := [name for name in names if self._is_running(name)]:
            late = time.monotonic() > deadline
            for name in running:
                pid = self._processes[name].get("pid")
                if pid and (late or name not in told):
                    if late:
                        self.say(f"{name} took too long to end and was killed")
                    signal_group(pid, signal.SIGKILL if late else signal.SIGTERM)
                    told.add(name)
            self._pump()

    def _is_running(self, name: str) -> bool:
        process = self._processes[name]
        return "thread" in process and "returncode" not in process
