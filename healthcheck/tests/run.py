"""`make test`: everything on SQLite, then whatever touches the database once more on a MariaDB started for it.

Arguments go to pytest. Ends with pytest's closing line.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from cryptography.fernet import Fernet

from healthcheck.processes import dying_with_parent
from healthcheck.tests.mariadb import MissingError, private_mariadb

NOT_PASSED_ON = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
"""Importing this very package sets the last one, to the settings that are not those of the tests."""
NO_TESTS = 5
"""pytest's exit code when the arguments select no test; that is no failure of one half."""


def _pytest(arguments: list[str], **variables: str) -> int:
    environment = {key: value for key, value in os.environ.items() if key not in NOT_PASSED_ON}
    return subprocess.run(
        [*dying_with_parent(), sys.executable, "-m", "pytest", *arguments],
        env={**environment, **variables},
        stdin=subprocess.DEVNULL,
        check=False,
    ).returncode


def main(arguments: list[str]) -> int:
    secrets = {"SECRET_KEY": "only-for-tests", "ENCRYPTION_KEYS": Fernet.generate_key().decode()}
    codes = []
    try:
        with private_mariadb() as server:
            print("== on MariaDB", flush=True)
            again = ["--only-database", "-m", "not stack and not browser and not mariadb", *arguments]
            codes.append(_pytest(again, DATABASE_URL=server.url("monitor"), **secrets))
    except MissingError as missing:
        print(f"== not on MariaDB: {missing}", file=sys.stderr, flush=True)
        codes.append(1 if os.environ.get("CI") else 0)
    print("== on SQLite", flush=True)
    with tempfile.TemporaryDirectory(prefix="shm-tests-") as directory:
        codes.append(_pytest(arguments, DATABASE_URL=f"sqlite:///{directory}/unused.sqlite3", **secrets))
    if set(codes) == {NO_TESTS}:
        return NO_TESTS
    return max((code for code in codes if code != NO_TESTS), default=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
