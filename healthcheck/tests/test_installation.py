"""What belongs to one installation is for its owner alone."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from healthcheck.installation import private
from healthcheck.tests.stack import ROOT, clean_environment


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("open_to", [0o755, 0o770, 0o701, 0o777])
def test_a_data_directory_that_is_open_to_others_is_closed_and_that_is_said_once(tmp_path, capsys, open_to):
    tmp_path.chmod(open_to)
    private(tmp_path)
    assert mode(tmp_path) == 0o700
    assert f"mode {open_to:04o}" in capsys.readouterr().err
    private(tmp_path)
    assert capsys.readouterr().err == ""


def test_a_missing_data_directory_is_made_private(tmp_path):
    assert mode(private(tmp_path / "a" / "b")) == 0o700


def test_a_data_directory_of_somebody_else_is_refused(tmp_path, monkeypatch):
    other = os.getuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    with pytest.raises(PermissionError, match="belongs to somebody else"):
        private(tmp_path)


def test_what_any_process_of_ours_writes_is_for_its_owner_alone(tmp_path):
    environment = clean_environment(DATA_DIR=str(tmp_path / "data"))
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=environment, check=True)
    written = list((tmp_path / "data").iterdir())
    assert {path.name for path in written} >= {"db.sqlite3", "secret_key", "encryption_keys"}
    assert [path.name for path in written if mode(path) & 0o077] == []
