"""The stand-in as a process of its own, for stacks that run beside the one who looks."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from healthcheck.processes import dying_with_parent, end


@dataclass(frozen=True, slots=True)
class Running:
    """Where it is, with the token and the channel that it begins with."""

    url: str
    token: str
    channel: str
    control: str


@contextmanager
def running_standin() -> Iterator[Running]:
    """Raises RuntimeError when it does not start."""
    command = [*dying_with_parent(), sys.executable, "-m", "notifications.tests.standin", "--port", "0"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline().decode()
        words = re.search(r"on (\S+), token (\S+), channel (\S+) \(control (\S+)\)", line)
        if words is None:
            raise RuntimeError(f"the stand-in for Slack does not start: {line}")
        yield Running(*words.groups())
    finally:
        end([process], seconds=5)
        process.stdout.close()
