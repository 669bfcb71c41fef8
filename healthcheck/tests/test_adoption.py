"""A database that the predecessor filled, in Korea, becomes ours and loses nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from healthcheck.tests import predecessor
from healthcheck.tests.mariadb import PrivateMariaDB
from healthcheck.tests.stack import ROOT, clean_environment

pytestmark = pytest.mark.mariadb

CHARACTER_SETS = ("utf8mb4", "utf8mb4 COLLATE utf8mb4_unicode_ci", "utf8mb3", "euckr")
"""Of the adopted database. Our own columns hold any text in each of them."""
STRANGER_ID = 10


class Adopted:
    """The predecessor's database after `migrate --fake-initial` and a later row of somebody else's."""

    def __init__(self, server: PrivateMariaDB, data_dir: Path, character_set: str) -> None:
        secrets = {"SECRET_KEY": "only-for-tests", "ENCRYPTION_KEYS": Fernet.generate_key().decode()}
        self._environment = clean_environment(DATA_DIR=str(data_dir), DATABASE_URL=server.url("adopted"), **secrets)
        choose = f"ALTER DATABASE adopted CHARACTER SET {character_set}"
        server.create("adopted", choose, *predecessor.DDL, *predecessor.ROWS)
        self.run("manage.py", "migrate", "--fake-initial", "--verbosity", "0")
        server.run("adopted", predecessor.STRANGER)

    def run(self, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

    def look(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("-m", "healthcheck.tests.look_at_adopted"))
        return found


@pytest.mark.parametrize("character_set", CHARACTER_SETS)
def test_the_predecessor_s_rows_survive_and_work(mariadb_server, tmp_path, character_set):
    found = Adopted(mariadb_server, tmp_path, character_set).look()
    *old, new = found["servers"]
    midnight = "2024-03-01 00:00:00+00:00"
    assert old == [
        [7, "채팅 서버", "https://chat.example.com", 443, 2, True, "LIVE", midnight, None],
        [8, "관리자 웹", "admin.example.com", 8080, 6, False, "STAGE", midnight, "2024-03-02 03:30:00+00:00"],
        [9, "legacy", "10.0.0.9", 9000, 9, True, "UNKNOWN", None, None],
    ]
    assert new[:2] == [STRANGER_ID, "나중에 온 서버"]
    assert abs((datetime.now().astimezone() - datetime.fromisoformat(new[7])).total_seconds()) < 60
    assert found["paused"] == 0
    assert found["channels"] == [["C024BE91L", True]]
    assert found["policies"] == 4
    assert found["claimed"] == [7, 8, 9, STRANGER_ID], "everything is probed, also what somebody adds past us"
    assert found["health"] == "UNHEALTHY"
    assert found["detail"] == "거부 → 😀"
    assert found["deliveries"] == [["C024BE91L", "failure", "pending"]]
    assert found["names compare without regard to case"]


def test_adopting_twice_changes_nothing(mariadb_server, tmp_path):
    adopted = Adopted(mariadb_server, tmp_path, "utf8mb4")
    adopted.run("manage.py", "migrate", "--fake-initial", "--verbosity", "0")
    adopted.run("manage.py", "migrate", "--check")
    adopted.run("manage.py", "makemigrations", "--check", "--dry-run")
    assert len(adopted.look()["servers"]) == STRANGER_ID - 6
