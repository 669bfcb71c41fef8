"""One command starts everything, and everything ends with it."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from cryptography.fernet import Fernet

from healthcheck.launcher import commands
from healthcheck.processes import end
from healthcheck.tests.stack import ROOT, clean_environment, wait_for
from notifications.tests.standin import Standin

pytestmark = pytest.mark.stack

END_SECONDS = 10
PROGRAM = (sys.executable, "-m", "healthcheck.launcher")
DEMO_SECONDS = 120


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Launched:
    """A launcher over `data_dir`, started by `command`."""

    def __init__(self, data_dir: Path, *command: str, port: int = 0, **variables: str) -> None:
        self.port = port or free_port()
        self._log = data_dir.parent / f"log-{self.port}"
        chosen = {"DATA_DIR": str(data_dir), "PORT": str(self.port), "DEMO": "0", **variables}
        environment = clean_environment(**chosen)
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                command or PROGRAM,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._log.read_text()

    def wait_until_ready(self) -> None:
        wait_for(lambda: "ready: " in self.output or self.process.poll() is not None, 60, what=self.output)
        assert self.process.poll() is None, self.output

    def children(self) -> list[psutil.Process]:
        """Those that run now; none of a launcher that has ended."""
        with suppress(psutil.NoSuchProcess):
            return list(psutil.Process(self.process.pid).children(recursive=True))
        return []

    def child(self, word: str) -> psutil.Process | None:
        """The one whose command has these words in it, if it runs."""
        for child in self.children():
            with suppress(psutil.NoSuchProcess):
                if word in " ".join(child.cmdline()):
                    return child
        return None

    def checks(self) -> dict[str, dict[str, object]]:
        """Of /readyz; empty while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=20) as answer:
                return dict(json.load(answer)["checks"])
        except urllib.error.HTTPError as error:
            return dict(json.load(error)["checks"])
        except OSError:
            return {}

    def ends(self, how: Callable[[], None]) -> int:
        """The exit code after `how`; everything must be gone within ten seconds."""
        family = self.children()
        assert len(family) >= len(commands(embedded_redis=True, demo=False, buttons=False))
        began = time.monotonic()
        how()
        code = self.process.wait(END_SECONDS)
        _, alive = psutil.wait_procs(family, timeout=max(0, END_SECONDS - (time.monotonic() - began)))
        assert alive == [], self.output
        return code


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Launched]]:
    """As from a terminal, also where the tests run under nohup: make goes on ignoring what it found ignored."""
    launched: list[Launched] = []
    inherited = signal.signal(signal.SIGHUP, signal.SIG_DFL)

    def start(*command: str, **arguments: object) -> Launched:
        launched.append(Launched(tmp_path / "data", *command, **arguments))  # type: ignore[arg-type]
        return launched[-1]

    yield start
    for one in launched:
        for child in one.children():
            with suppress(psutil.NoSuchProcess):
                child.kill()
        end([one.process], seconds=1)
    signal.signal(signal.SIGHUP, inherited)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything(launch, signum):
    running = launch()
    running.wait_until_ready()
    assert running.ends(lambda: running.process.send_signal(signum)) == 0


def test_a_signal_to_make_alone_ends_everything(launch, tmp_path):
    makefile = tmp_path / "Makefile"
    makefile.write_text(f"run:\n\t@true && exec {' '.join(PROGRAM)}\n")
    running = launch("make", "-f", str(makefile), "run")
    running.wait_until_ready()
    running.ends(lambda: running.process.send_signal(signal.SIGHUP))


def test_nothing_survives_when_the_launcher_is_killed(launch):
    running = launch()
    running.wait_until_ready()
    assert running.ends(running.process.kill) == -signal.SIGKILL


@pytest.mark.parametrize(
    ("name", "word"), [("beat", "beat --pidfile"), ("redis", "unixsocket"), ("ticks", "ticks,deliveries")]
)
def test_a_process_that_dies_is_named_and_started_again(launch, name, word):
    """The others live on, and ticks come again."""
    running = launch()
    running.wait_until_ready()
    wait_for(lambda: running.checks()["tick"]["ok"], 60)
    victim = wait_for(lambda: running.child(word), 60)
    others = {child.pid for child in running.children()} - {victim.pid}
    victim.kill()
    wait_for(lambda: f"{name} was ended by signal 9; starting it again in 1 s" in running.output, 60)
    said = {"ok": True, "state": f"{name} ended once in the last 10 minutes", "seconds": None}
    wait_for(lambda: running.checks().get("processes") == said, 60, what=running.output)
    wait_for(lambda: running.child(word), 60)
    wait_for(lambda: running.checks()["tick"]["ok"] and running.checks()["redis"]["ok"], 60, what=running.output)
    assert others < {child.pid for child in running.children()}
    assert running.ends(running.process.terminate) == 0


def test_a_second_one_says_where_the_first_one_runs(launch):
    first = launch()
    first.wait_until_ready()
    second = launch()
    assert second.process.wait(20) == 1
    assert f"http://127.0.0.1:{first.port}/ (process {first.process.pid})" in second.output
    assert first.process.poll() is None


def test_a_port_in_use_is_said_plainly(launch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = launch(port=port)
        assert refused.process.wait(20) == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in refused.output
    assert "Traceback" not in refused.output


MISTAKES = {  # what is wrong: (variables, what is said)
    "a secret is missing": ({"DATABASE_URL": "mysql://a@127.0.0.1:1/a"}, "SECRET_KEY is not set"),
    "a port is a word": ({"PORT": "http"}, "PORT is 'http': give a whole number from 1 to 65535"),
    "no database answers": (
        {
            "DATABASE_URL": "mysql://a:secret@127.0.0.1:1/a",
            "SECRET_KEY": "only-for-tests",
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        },
        "the database does not work",
    ),
}


@pytest.mark.parametrize(("variables", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_said_in_a_sentence(launch, variables, said):
    refused = launch(**variables)
    assert refused.process.wait(30) == 1
    assert said in refused.output
    assert "Traceback" not in refused.output
    assert "secret@" not in refused.output


def test_a_socket_directory_that_others_may_enter_is_refused(launch, tmp_path):
    directory = tmp_path / "data" / "redis"
    directory.mkdir(parents=True)
    directory.chmod(0o755)
    refused = launch()
    assert refused.process.wait(30) == 1
    assert "must be a directory of yours with mode 0700" in refused.output
    assert "Traceback" not in refused.output


def test_buttons_have_a_process_when_there_is_an_app_token(launch):
    with Standin() as slack:
        running = launch(SLACK_API_URL=slack.api_url, SLACK_APP_TOKEN=slack.socket.app_token)
        running.wait_until_ready()
        slack.socket.wait_for(lambda: slack.socket.live, 30)
        assert running.ends(running.process.terminate) == 0
    assert "took too long" not in running.output


def test_the_password_is_shown_once(launch):
    first = launch()
    first.wait_until_ready()
    assert re.search(r"login +admin / \S{12,} ", first.output)
    assert first.ends(first.process.terminate) == 0
    second = launch()
    second.wait_until_ready()
    assert re.search(r"login +admin\n", second.output)


def test_a_newcomer_sees_a_failure_and_a_recovery_within_two_minutes(launch):
    running = launch(DEMO="1")
    running.wait_until_ready()
    page = re.search(r"slack +(http://127\.0\.0\.1:\d+/)", running.output)
    assert page, running.output

    def messages() -> str:
        with urllib.request.urlopen(f"{page[1]}messages", timeout=5) as answer:
            return str(answer.read().decode())

    wait_for(lambda: "demo-shop is down" in messages() and "demo-shop is up again" in messages(), DEMO_SECONDS)
    press = re.compile(
        r'data-ts="([^"]+)">(?:(?!data-ts).)*?demo-legacy is down(?:(?!data-ts).)*?'
        r'data-action="(acknowledge)" data-value="([0-9]+)"',
        re.DOTALL,
    ).search(messages())
    assert press, messages()
    pressed = json.dumps(dict(zip(("ts", "action", "value"), press.groups(), strict=True))).encode()
    request = urllib.request.Request(f"{page[1]}press", pressed, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 204
    wait_for(lambda: "you (Slack)" in messages(), DEMO_SECONDS)


def test_the_password_of_the_first_run_is_in_the_environment_of_no_process_and_none_writes_for_others(launch):
    running = launch(ADMIN_PASSWORD="a-password-of-the-first-run")
    running.wait_until_ready()
    assert "shown this once" not in running.output
    told = [child.cmdline() for child in running.children() if "ADMIN_PASSWORD" in child.environ()]
    assert told == []
    status = [Path(f"/proc/{child.pid}/status").read_text() for child in running.children()]
    assert {text.split("Umask:")[1].split()[0] for text in status} == {"0077"}
    assert running.ends(lambda: running.process.send_signal(signal.SIGTERM)) == 0
