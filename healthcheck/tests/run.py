"""`make test`: everything on SQLite, what the two databases may answer differently once more on a MariaDB started for
it, and the tests with whole stacks and with browsers, which mostly wait: all of them at the same time. With TESTS=long
everything is tried at length, and on MariaDB, too.

Arguments go to pytest. What SQLite's says is shown as it comes, the others' when they end. Ends with the closing lines
of pytest, those of failures last.

With TEST_DATE=<number> the tests on SQLite run as on that one of the dates in `healthcheck.tests.dates`; with
TEST_DATE=all only they run, on each of the dates.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.fernet import Fernet

from healthcheck.processes import dying_with_parent
from healthcheck.tests import dates
from healthcheck.tests.length import AT_LENGTH
from healthcheck.tests.mariadb import MissingError, private_mariadb

NOT_PASSED_ON = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "PYTHONDONTWRITEBYTECODE")
"""Importing this very package sets the third one, to the settings that are not those of the tests. With the last one
each of the many processes would compile everything anew."""
NO_TESTS = 5
"""pytest's exit code when the arguments select no test; that is no failure of one part."""
WAITING = "stack or browser or mariadb"


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    arguments: tuple[str, ...]
    on_mariadb: bool = False
    shown: bool = False
    """As it comes."""
    date: int | None = None
    """Which of `dates.DATES` it runs on; None for today."""


@dataclass(frozen=True, slots=True)
class Result:
    part: Part
    code: int
    output: str


PARTS = (
    Part("on MariaDB", ("-m", f"{'' if AT_LENGTH else 'both_databases and '}not ({WAITING})"), on_mariadb=True),
    Part("with whole stacks", ("-m", "stack or mariadb")),
    Part("in browsers", ("-m", "browser and not (stack or mariadb)")),
    Part("on SQLite", ("-m", f"not ({WAITING})"), shown=True),
)


@contextmanager
def _database(part: Part, directory: Path) -> Iterator[str]:
    if part.on_mariadb:
        with private_mariadb() as server:
            yield server.url("monitor")
    else:
        yield f"sqlite:///{directory}/unused.sqlite3"


def _run(part: Part, arguments: list[str], secrets: dict[str, str]) -> Result:
    environment = {key: value for key, value in os.environ.items() if key not in NOT_PASSED_ON} | secrets
    command = [*dying_with_parent(), sys.executable, "-m", "pytest", *part.arguments, *arguments]
    lines = []
    try:
        with tempfile.TemporaryDirectory(prefix="shm-tests-") as directory, _database(part, Path(directory)) as url:
            if part.date is not None:
                environment |= dates.environment(part.date, Path(directory))
            with subprocess.Popen(
                [*command, "-p", "no:cacheprovider"],
                env={**environment, "DATABASE_URL": url},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ) as process:
                for line in process.stdout or ():
                    lines.append(line)
                    if part.shown:
                        print(line, end="", flush=True)
            return Result(part, process.returncode, "".join(lines))
    except MissingError as missing:
        return Result(part, 1 if os.environ.get("CI") else 0, f"not run: {missing}\n")


def _parts(date: str) -> list[Part]:
    """What to run when TEST_DATE is `date`."""
    *others, on_sqlite = PARTS
    if not date:
        return [*others, on_sqlite]
    numbers = range(len(dates.DATES)) if date == "all" else [int(date)]
    dated = [
        replace(on_sqlite, name=f"{on_sqlite.name}, {dates.name(number)}", date=number, shown=date != "all")
        for number in numbers
    ]
    return dated if date == "all" else [*others, *dated]


def main(arguments: list[str]) -> int:
    secrets = {"SECRET_KEY": "only-for-tests", "ENCRYPTION_KEYS": Fernet.generate_key().decode()}
    results = []
    date = os.environ.get("TEST_DATE", "")
    parts = _parts(date)
    with ThreadPoolExecutor(2 if date == "all" else len(parts)) as threads:
        for future in as_completed([threads.submit(_run, part, arguments, secrets) for part in parts]):
            results.append(result := future.result())
            if not result.part.shown:
                print(f"\n== {result.part.name}\n{result.output}", end="", flush=True)
    for result in sorted(results, key=lambda result: (result.code not in (0, NO_TESTS), result.part.shown)):
        closing = result.output.strip().rsplit("\n", 1)[-1]
        print(f"\n== {result.part.name}\n{closing}", flush=True)
    codes = {result.code for result in results}
    if codes == {NO_TESTS}:
        return NO_TESTS
    return max(codes - {NO_TESTS}, default=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
