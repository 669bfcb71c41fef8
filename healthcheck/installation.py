"""What belongs to one installation and to no other: its secrets and the place of its embedded Redis."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
import sys
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

LONGEST_SOCKET_PATH = 100
"""A unix socket's path has at most 107 bytes (unix(7), sun_path); Redis adds some of its own."""


def private(data_dir: Path) -> Path:
    """`data_dir`, made where it is missing and closed to everybody else: secrets, the database and the broker's socket
    are in it. Raises PermissionError when it is somebody else's, who could change what is in it; any OSError else."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = data_dir.stat()
    if found.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "it belongs to somebody else", str(data_dir))
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        data_dir.chmod(0o700)
        print(f"DATA_DIR {data_dir} was open to others (mode {mode:04o}); it is yours alone now", file=sys.stderr)
    return data_dir


def generated(data_dir: Path, name: str) -> str:
    """The secret kept in `data_dir/name` (mode 0600), made at first use. Safe against two processes at once."""
    path = private(data_dir) / name
    if not path.exists():
        text = Fernet.generate_key().decode() if name == "encryption_keys" else secrets.token_urlsafe(64)
        handle, temporary = tempfile.mkstemp(dir=data_dir)
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)  # fails when another process was first; then its secret holds
        except FileExistsError:
            pass
        finally:
            os.unlink(temporary)  # noqa: PTH108
    return path.read_text().strip()


def redis_socket(data_dir: Path) -> Path:
    """Where the embedded Redis listens: inside `data_dir`, or in a private directory when that path is too long."""
    path = data_dir.resolve() / "redis" / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"shm-{os.getuid()}-{name}" / "redis.sock"
