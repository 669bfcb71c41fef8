"""Child processes that never outlive their parent."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence


def dying_with_parent() -> list[str]:
    """A prefix for a command, so that the kernel kills it when the thread that started it ends, even by SIGKILL.

    It is killed, not asked: a worker that is asked to end while its broker dies waits for the broker. Empty where
    util-linux's setpriv is missing: then only an orderly end reaches the children.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def signal_group(pid: int, signum: signal.Signals) -> None:
    """Signal the process group that `pid` leads. A group that is gone is no error."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signum)


def end(processes: Sequence[subprocess.Popen[bytes]], *, seconds: float) -> None:
    """SIGTERM to the group of each, SIGKILL to those that are still there after `seconds` in all. All are leaders."""
    for process in processes:
        if process.poll() is None:
            signal_group(process.pid, signal.SIGTERM)
    for process in processes:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            seconds = 0
        signal_group(process.pid, signal.SIGKILL)  # also what a leader left behind
        process.wait()
