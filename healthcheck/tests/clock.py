"""A wall clock that can be set, for processes that are started with it; see `clock.c`.

Debian's faketime cannot be used: with it, `time.sleep` of Python 3.11 fails, which waits for a monotonic instant.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from healthcheck.tests.mariadb import MissingError

SOURCE = Path(__file__).with_name("clock.c")
AHEAD = struct.Struct("=q")
"""Nanoseconds by which the clock is ahead, as `clock.c` reads it."""


def library(directory: Path) -> Path:
    """Compiles it into `directory`. Raises MissingError where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise MissingError("a C compiler is missing: install gcc and libc6-dev (Debian)")
    path = directory / "clock.so"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", str(path), str(SOURCE)], check=True)
    return path


def of_a_process(seconds: float) -> Mapping[str, str]:
    """Variables of a process whose clock is ahead by so much of that of this one."""
    return {"CLOCK_SKEW": f"{float(os.environ.get('CLOCK_SKEW', 0)) + seconds:.3f}"}


class Clock:
    """The wall clock of everything that is started with its `variables`."""

    def __init__(self, library: Path, file: Path) -> None:
        self._file = file
        self.variables: Mapping[str, str] = {"LD_PRELOAD": str(library), "CLOCK_FILE": str(file)}
        self.set_ahead(0)

    def set_ahead(self, seconds: float) -> None:
        """At once, for every process."""
        with self._file.open("r+b" if self._file.exists() else "wb", buffering=0) as file:
            file.write(AHEAD.pack(round(seconds * 1e9)))


@contextmanager
def settable_clock() -> Iterator[Clock]:
    """Raises MissingError where there is no C compiler."""
    with tempfile.TemporaryDirectory(prefix="shm-clock-") as directory:
        yield Clock(library(Path(directory)), Path(directory) / "ahead")
