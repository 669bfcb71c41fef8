"""Production is the same processes with the same variables."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from honcho.environ import parse_procfile

from healthcheck.tests.stack import ROOT

PROCFILE: dict[str, str] = parse_procfile((ROOT / "Procfile").read_text()).processes
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
PINNED = re.compile(r"^[\w./-]+:\d+\.\d+\.\d+(-[\w.-]+)?$")
REFERENCE = re.compile(r"^\$\{(\w+)(:[-?][^}]*)?\}$")
SECRETS = ("SECRET_KEY", "ENCRYPTION_KEYS", "MYSQL_PASSWORD")

ELSEWHERE = {"ADMIN_USERNAME", "ADMIN_PASSWORD"}
"""Variables that are not read by settings.py."""
READ = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "healthcheck/settings.py").read_text())) | ELSEWHERE
EXAMPLE = set(re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_the_processes_are_those_of_the_procfile():
    assert set(SERVICES) - {"mysql", "setup"} == set(PROCFILE) - {"demo"}


@pytest.mark.parametrize("name", sorted(set(OURS) - {"setup"}))
def test_a_service_runs_the_procfile_s_command(name):
    command = PROCFILE[name].replace("$HOST", "0.0.0.0").replace("$PORT", "8000")
    assert SERVICES[name]["command"] == command


def test_the_image_serves_the_web_by_default():
    dockerfile = (ROOT / "Dockerfile").read_text()
    arguments = re.findall(r'"([^"]+)"', dockerfile[dockerfile.index("\nCMD") :])
    assert " ".join(arguments) == SERVICES["web"]["command"]


def test_images_are_pinned():
    for name, service in SERVICES.items():
        assert PINNED.match(service["image"]), name
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert bases
    assert all(PINNED.match(base) for base in bases)


def test_the_image_does_not_run_as_root():
    assert "\nUSER monitor\n" in (ROOT / "Dockerfile").read_text()


def test_no_secret_is_in_the_file():
    for name, service in SERVICES.items():
        for variable in SECRETS:
            value = service.get("environment", {}).get(variable)
            reference = REFERENCE.match(value) if value else None
            assert value is None or (reference and reference[1] == variable and reference[2][:2] == ":?"), name
        url = service.get("environment", {}).get("DATABASE_URL", "")
        assert not re.search(r"://\w+:(?!\$\{MYSQL_PASSWORD:\?)", url), name


def test_every_service_restarts_and_is_watched():
    for name, service in SERVICES.items():
        assert service["restart"] in ("unless-stopped", "on-failure"), name
        assert ("healthcheck" in service) == (name != "setup"), name


def test_our_services_may_do_little_and_open_much():
    for service in OURS.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["ulimits"]["nofile"] >= 65_536


def test_loopback_is_not_probed_in_containers():
    denied = SERVICES["probes"]["environment"]["PROBE_DENY_NETWORKS"]
    assert denied == "${PROBE_DENY_NETWORKS:-127.0.0.0/8,::1/128}"


def test_every_variable_is_in_the_example():
    assert set() == READ - EXAMPLE
    assert {"MYSQL_PASSWORD"} == EXAMPLE - READ, "an example of nothing"


def test_every_variable_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    assert {name for name in READ if f"`{name}`" not in readme} == set()


def test_every_variable_that_a_service_uses_is_in_the_example():
    used = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert used - EXAMPLE == set()
