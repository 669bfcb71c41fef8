"""`manage.py listen_slack` as a process: it ends when it is told to, and for no other reason."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from healthcheck.processes import end
from healthcheck.tests.stack import ROOT, clean_environment, wait_for
from notifications.tests.sockets import serving, silence
from notifications.tests.standin import Button, Fault, Kind, Standin

END_SECONDS = 5.0


@pytest.fixture
def slack() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin


class Process:
    def __init__(self, data_dir: Path, **variables: str) -> None:
        self._log = data_dir / "log"
        environment = clean_environment(DATA_DIR=str(data_dir), REDIS_URL="redis://127.0.0.1:1/0", **variables)
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "listen_slack"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._log.read_text()

    def says(self, text: str) -> bool:
        assert self.process.poll() is None, self.output
        return text in self.output

    def ends(self, signum: signal.Signals) -> int:
        self.process.send_signal(signum)
        return self.process.wait(END_SECONDS)


@pytest.fixture
def run(tmp_path: Path, slack: Standin) -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def start(**variables: str) -> Process:
        known = {"SLACK_API_URL": slack.api_url, "SLACK_APP_TOKEN": slack.socket.app_token}
        started.append(Process(tmp_path, **{**known, **variables}))
        return started[-1]

    yield start
    end([one.process for one in started], seconds=1)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_idles_without_a_token_until_it_is_ended(run, signum):
    idle = run(SLACK_APP_TOKEN="")
    wait_for(lambda: idle.says("no SLACK_APP_TOKEN"))
    assert idle.ends(signum) == 0


def test_it_listens_without_a_database_until_it_is_ended(run, slack):
    """What it cannot write down, and what it cannot look up, ends nothing."""
    listening = run()
    slack.socket.wait_for(lambda: slack.socket.live, 30)
    envelope_id = slack.socket.press(Button("acknowledge", "1", slack.channel))
    slack.socket.wait_for(lambda: envelope_id in slack.socket.acknowledged)
    slack.ledger.wait_for(lambda entries: entries[-1].text.startswith("The monitor could not do this now."))
    slack.socket.cut()
    slack.socket.wait_for(lambda: slack.socket.connections == 2)
    assert listening.ends(signal.SIGTERM) == 0


def test_it_ends_in_time_while_nobody_answers(run, slack):
    with serving(silence) as port:
        hanging = run(SLACK_API_URL=f"http://127.0.0.1:{port}/api/")
        wait_for(lambda: hanging.process.poll() is None and _threads(hanging.process.pid) > 1)
        assert hanging.ends(signal.SIGTERM) == 0


def test_it_ends_in_time_while_it_waits(run, slack):
    slack.faults.set(Fault(Kind.ERROR, method="apps.connections.open", code="invalid_auth"))
    refused = run()
    wait_for(lambda: refused.says("reason=invalid_auth"))
    assert refused.ends(signal.SIGTERM) == 0
    assert slack.socket.app_token not in refused.output


def _threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))
