"""Every variable is checked at the start: what cannot work is said in one sentence, without repeating a secret."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
from cryptography.fernet import Fernet

from healthcheck.tests.stack import ROOT, clean_environment
from healthcheck.variables import VariableError, Variables

KEY = Fernet.generate_key().decode()
SECRET = "hunter2"

WRONG = {  # sentence: (what is read, the value, what is said)
    "DEBUG that is a word": (lambda env: env.truth("X", default=False), "perhaps", "'perhaps': give true or false"),
    "a port of a word": (lambda env: env.whole("X", 8000, 1, 65_535), "http", "'http': give a whole number from 1 to"),
    "a port of 0": (lambda env: env.whole("X", 8000, 1, 65_535), "0", "from 1 to 65535"),
    "a port beyond the last": (lambda env: env.whole("X", 8000, 1, 65_535), "65536", "from 1 to 65535"),
    "an interval with a fraction": (lambda env: env.whole("X", 30, 1, 86_400), "2.5", "a whole number"),
    "a timeout that is no number": (lambda env: env.number("X", 5, 0.1, 300), "nan", "from 0.1 to 300"),
    "a timeout without end": (lambda env: env.number("X", 5, 0.1, 300), "inf", "from 0.1 to 300"),
    "a negative timeout": (lambda env: env.number("X", 5, 0.1, 300), "-1", "from 0.1 to 300"),
    "a zone that is none": (lambda env: env.zone("X", "UTC"), "Asia/Pyeongchang", "such as UTC or Asia/Seoul"),
    "a zone that is a directory": (lambda env: env.zone("X", "UTC"), "Asia", "such as UTC"),
    "a zone outside of the zones": (lambda env: env.zone("X", "UTC"), "../etc/passwd", "such as UTC"),
    "a language that is not translated": (lambda env: env.language("X", "en", ["en", "ko"]), "fr", "one of en, ko"),
    "a locale instead of a language": (lambda env: env.language("X", "en", ["en", "ko"]), "ko_KR.UTF-8", "en, ko"),
    "an address without a scheme": (lambda env: env.web_address("X"), "monitor.example.com", "such as https://"),
    "an address of another scheme": (lambda env: env.web_address("X"), "ftp://a", "such as https://"),
    "an address without a host": (lambda env: env.web_address("X"), "https://", "such as https://"),
    "an address with a port beyond the last": (lambda env: env.web_address("X"), "http://a:70000", "such as https://"),
    "an address with a port of 0": (lambda env: env.web_address("X"), "http://a:0", "such as https://"),
    "an address with a bracket too few": (lambda env: env.web_address("X"), "http://[::1", "such as https://"),
    "an address with a blank": (lambda env: env.web_address("X"), "http://a b", "such as https://"),
    "an address with a secret": (
        lambda env: env.web_address("X", secret=True),
        f"//u:{SECRET}@inventory",
        "is no web address",
    ),
    "a name with a scheme": (
        lambda env: env.hosts("X", ()),
        "a.example.com,https://b",
        "'https://b': give names alone",
    ),
    "a name with a port": (lambda env: env.hosts("X", ()), "a:8000", "without scheme and port"),
    "a network that is none": (lambda env: env.networks("X"), "10.0.0.0/8,foo", "'foo' is not a network like"),
    "a network too wide": (lambda env: env.networks("X"), "10.0.0.0/64", "is not a network like"),
    "a token with a line break": (lambda env: env.token("X"), f"{SECRET}\nHost: b", "copy it again"),
    "a token in quotes of a word processor": (lambda env: env.token("X"), f"“{SECRET}”", "copy it again"),
    "the token of something else": (
        lambda env: env.token("X", not_this="xapp-"),
        f"xapp-{SECRET}",
        "begins with xapp-, which is a token for something else",
    ),
    "a key that is none": (lambda env: env.keys("X", None), f"{KEY},{SECRET}", "key 2 is none. Make one by python3"),
    "keys that are missing": (lambda env: env.keys("X", None), "", "is not set: with DATABASE_URL it is required"),
    "a list of nothing but commas": (lambda env: env.keys("X", None), ",,", "has no key"),
    "a secret that is missing": (lambda env: env.secret("X", None), " ", "is not set"),
    "a database of another kind": (
        lambda env: env.database("X", ""),
        f"postgres://a:{SECRET}@b/c",
        "is no address of a MySQL or MariaDB database: give mysql://",
    ),
    "a database without a name": (lambda env: env.database("X", ""), f"mysql://a:{SECRET}@b", "names no host or no"),
    "a password with a sign of addresses": (
        lambda env: env.database("X", ""),
        f"mysql://a:{SECRET}/#@b:3306/c",
        "written as %40",
    ),
    "a database that is a word": (lambda env: env.database("X", ""), SECRET, "give mysql://"),
    "a Redis that is a web address": (lambda env: env.broker("X", ""), f"http://:{SECRET}@redis", "give redis://"),
    "a Redis without a host": (lambda env: env.broker("X", ""), "redis://", "names no host or socket"),
    "a Redis without a socket": (lambda env: env.broker("X", ""), "unix://", "names no host or socket"),
    "a Redis with a name for a database": (lambda env: env.broker("X", ""), "redis://a/jobs", "by its number"),
    "a Redis with a port of a word": (lambda env: env.broker("X", ""), f"redis://:{SECRET}@a:port/0", "give redis://"),
    "authorities that are not there": (lambda env: env.authorities("X"), "/nowhere/ca.pem", "No such file"),
    "authorities without a certificate": (lambda env: env.authorities("X"), __file__, "it has no certificate"),
    "a directory that is a file": (lambda env: env.directory("X", ROOT, make=False), __file__, "which is no directory"),
    "a variable that stands for another": (lambda env: env.text("X"), "$NOWHERE", "names a variable that is not set"),
}


class Reading(Variables):
    def __init__(self, **values: str) -> None:
        super().__init__()
        self.ENVIRON: Any = values


@pytest.mark.parametrize(("read", "value", "said"), WRONG.values(), ids=WRONG)
def test_what_cannot_work_is_refused_in_a_sentence_that_names_it(read, value, said):
    with pytest.raises(VariableError) as refused:
        read(Reading(X=value))
    sentence = str(refused.value)
    assert sentence.startswith("X ")
    assert said in sentence
    assert "\n" not in sentence
    assert SECRET not in sentence


RIGHT = {  # sentence: (what is read, the value, what it means)
    "an empty variable is not set": (lambda env: env.whole("X", 30, 1, 86_400), "", 30),
    "blanks are not set either": (lambda env: env.text("X", "default"), "  ", "default"),
    "the lowest": (lambda env: env.number("X", 5, 0.1, 300), "0.1", 0.1),
    "the highest": (lambda env: env.whole("X", 30, 1, 86_400), "86400", 86_400),
    "yes": (lambda env: env.truth("X", default=False), "Yes", True),
    "0": (lambda env: env.truth("X", default=True), "0", False),
    "a language with a region": (lambda env: env.language("X", "en", ["en", "ko"]), "ko-KR", "ko-kr"),
    "a zone": (lambda env: env.zone("X", "UTC"), "Asia/Seoul", "Asia/Seoul"),
    "networks and an address": (lambda env: env.networks("X"), "10.0.0.0/8, ::1", ["10.0.0.0/8", "::1"]),
    "names of every kind": (
        lambda env: env.hosts("X", ()),
        "*,.example.com,10.0.0.1,[::1]",
        ["*", ".example.com", "10.0.0.1", "[::1]"],
    ),
    "a socket": (lambda env: env.broker("X", ""), "unix:///tmp/redis.sock?db=1", "unix:///tmp/redis.sock?db=1"),
    "a Redis without a number": (lambda env: env.broker("X", ""), "redis://h:6379", "redis://h:6379"),
    "no authorities of one's own": (lambda env: env.authorities("X"), "", ""),
    "two keys": (lambda env: env.keys("X", None), f"{KEY}, {KEY}", [KEY, KEY]),
}


@pytest.mark.parametrize(("read", "value", "meant"), RIGHT.values(), ids=RIGHT)
def test_what_works_is_taken(read, value, meant):
    assert read(Reading(X=value)) == meant


def test_a_database_by_its_socket_needs_no_host():
    described = Reading(X="mysql://root@localhost/monitor?unix_socket=/run/mysqld.sock").database("X", "")
    assert described["NAME"] == "monitor"
    assert Reading(X="mysql:///monitor?unix_socket=/run/a.sock").database("X", "")["NAME"] == "monitor"


def test_a_directory_that_takes_nothing_is_named():
    def generate() -> str:
        raise PermissionError(13, "Permission denied", "/var/secret_key")

    with pytest.raises(VariableError, match="DATA_DIR cannot hold /var/secret_key: Permission denied"):
        Reading().secret("X", generate)


def test_the_embedded_stack_has_its_directory_also_when_its_secrets_are_given(tmp_path):
    done = _start(tmp_path / "a" / "b", {}, "-c", "import healthcheck.settings")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_directory_that_cannot_be_made_is_named():
    with pytest.raises(VariableError, match="DATA_DIR cannot hold /proc/nowhere: "):
        Reading(X="/proc/nowhere").directory("X", ROOT, make=True)


MISTAKES = {
    "PROBE_INTERVAL_SECONDS": "0",
    "PROBE_TIMEOUT_SECONDS": "301",
    "HEALTHY_THRESHOLD": "0",
    "UNHEALTHY_THRESHOLD": "-1",
    "PROBE_BATCH_SIZE": "0",
    "PROBE_MAX_IN_FLIGHT": "0",
    "PROBE_DENY_NETWORKS": "foo",
    "TRUSTED_PROXIES": "proxy.example.com",
    "HISTORY_OUTCOMES_HOURS": "0",
    "HISTORY_MINUTES_DAYS": "1e9",
    "HISTORY_HOURS_DAYS": "0",
    "HISTORY_DAYS_DAYS": "99999999",
    "TIME_ZONE": "Mars",
    "LANGUAGE_CODE": "klingon",
    "SITE_URL": "monitor.example.com",
    "ALLOWED_HOSTS": "https://monitor.example.com",
    "DATABASE_URL": "postgres://a:hunter2@b/c",
    "REDIS_URL": "hunter2",
    "ENCRYPTION_KEYS": "hunter2",
    "SLACK_API_URL": "slack.com/api",
    "SLACK_BOT_TOKEN": "xapp-hunter2",
    "SLACK_APP_TOKEN": "xoxb-hunter2",
    "INVENTORY_URL": "hunter2",
    "INVENTORY_TOKEN": "hunter2 ☃",
    "PORT": "70000",
    "DEBUG": "perhaps",
    "DEMO": "perhaps",
    "SSL_CERT_FILE": "/nowhere/ca.pem",
    "DATA_DIR": "README.md",
}


ASKED = {
    "metadata": "http://169.254.169.254/api/",
    "metadata in another spelling": "http://0xa9fea9fe/",
    "metadata over IPv6": "https://[fd00:ec2::254]/",
    "metadata by name": "http://metadata.google.internal/",
}


@pytest.mark.parametrize("url", ASKED.values(), ids=ASKED)
def test_an_address_that_is_asked_must_not_lead_to_a_metadata_service(url):
    with pytest.raises(VariableError, match=r"X leads to [^ ]+, which is never connected to"):
        Reading(X=url).web_address("X", asked=True)
    assert Reading(X=url).web_address("X") == url


def test_an_address_that_is_asked_may_be_on_this_machine():
    assert Reading(X="http://127.0.0.1:9000/api/").web_address("X", asked=True) == "http://127.0.0.1:9000/api/"


def _start(data_dir: Any, variables: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    secrets = {"SECRET_KEY": "only-for-tests", "ENCRYPTION_KEYS": KEY, "DATA_DIR": str(data_dir)}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=clean_environment(**(secrets | variables)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(("name", "value"), MISTAKES.items(), ids=MISTAKES)
def test_a_mistake_stops_the_start_by_name(tmp_path, name, value):
    done = _start(tmp_path, {name: value}, "-c", "import healthcheck.settings")
    assert done.returncode == 1
    assert re.fullmatch(rf"{name} [^\n]+\n", done.stderr)
    assert SECRET not in done.stderr


STARTS = {
    "make run": ("-m", "healthcheck.launcher"),
    "manage.py": ("manage.py", "migrate", "--check"),
    "a command of ours": ("manage.py", "seed_servers", "-"),
    "the web process": ("-m", "uvicorn", "healthcheck.asgi:application", "--port", "1"),
    "a worker": ("-m", "celery", "--app", "healthcheck", "worker", "--pool", "threads"),
    "beat": ("-m", "celery", "--app", "healthcheck", "beat", "--pidfile="),
    "setting up": ("-m", "healthcheck.first_run"),
}


@pytest.mark.parametrize("command", STARTS.values(), ids=STARTS)
def test_every_process_ends_with_the_sentence_and_no_traceback(tmp_path, command):
    done = _start(tmp_path, {"PROBE_DENY_NETWORKS": "foo"}, *command)
    assert done.returncode == 1
    said = [line for line in (done.stdout + done.stderr).splitlines() if line]
    assert said == [line for line in said if "PROBE_DENY_NETWORKS is wrong: 'foo' is not a network like" in line]
    assert len(said) == 1
