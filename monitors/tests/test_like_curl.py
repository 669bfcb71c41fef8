"""Is an answer healthy for a probe exactly where curl takes it? Where the two differ, docs/probe.md says why.

With TESTS=long it makes 2,000 answers, other ones each time; else 200, and always the same.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from healthcheck.tests.length import AT_LENGTH
from monitors import kinds
from monitors.engine.base import Outcome, Target
from monitors.engine.deny import DenyList
from monitors.engine.loop import look
from monitors.tests.misbehaving import Farm, Visit
from monitors.tests.odd_answers import SAMPLES, Case, cases
from monitors.tests.odd_heads import START

HOST = "127.0.0.2"
"""Not 127.0.0.1, over which curl lets secure cookies go without TLS."""
EXAMPLES = 2_000 if AT_LENGTH else 200
TABLE = Path(__file__).parents[2] / "docs" / "probe.md"
_ROW = re.compile(r"^\| `([a-z0-9-]+)` \|.*\| (yes|no) \| (yes|no) \|.+\|$", re.MULTILINE)

CURL = (
    *("curl", "--disable", "--silent", "--show-error", "--http1.1", "--max-time", "5", "--noproxy", "*"),
    *("--compressed", "--header", "Accept-Encoding: identity", "--header", "Connection: close", "--cookie", ""),
    *("--connect-to", f"::{HOST}:", "--proto-redir", "=http", "--write-out", "%{stderr}%{http_code}"),
)
FOLLOWING = ("--location", "--max-redirs", "5")


class Answering:
    """A server that answers whatever `case` it was given last."""

    def __init__(self, farm: Farm) -> None:
        self.case: Case
        self.port = farm.serve(self._behave, host=HOST).port

    async def _behave(self, visit: Visit) -> None:
        await visit.send(self.case.answer(await visit.request(), f"{HOST}:{self.port}".encode()))


@pytest.fixture(scope="module")
def answering() -> Iterator[Answering]:
    if shutil.which("curl") is None:
        if os.environ.get("CI"):
            pytest.fail("curl is missing")
        pytest.skip("curl is missing")
    with Farm() as farm:
        yield Answering(farm)


def differences() -> dict[str, tuple[bool, bool]]:
    """The table: whether curl takes an answer, and whether a probe does, by key."""
    rows = _ROW.findall(TABLE.read_text())
    assert len(rows) == len(dict.fromkeys(key for key, _, _ in rows)), "a key stands in the table twice"
    return {key: (curl == "yes", probe == "yes") for key, curl, probe in rows}


def curl_takes(answering: Answering, case: Case) -> tuple[bool, str]:
    """Whether curl comes to a final 2xx or 3xx answer with the text; and what it says."""
    url = f"http://{HOST}:{answering.port}{START}"
    done = subprocess.run(
        [*CURL, *(FOLLOWING if case.follow else ()), url], capture_output=True, timeout=30, check=False
    )
    said = done.stderr.decode(errors="replace")
    taken = done.returncode == 0 and said[-3:-2] in ("2", "3")
    return taken and (not case.text or case.needle in done.stdout), f"{done.returncode} {said}"


def probe_takes(answering: Answering, case: Case) -> tuple[bool, Outcome]:
    outcome = look(
        Target("http", HOST, answering.port, START, expected_text=case.text), kinds.probers_on, deny=DenyList()
    )
    return outcome.ok is True, outcome


@settings(
    max_examples=EXAMPLES,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(case=cases())
def test_an_answer_is_healthy_where_curl_takes_it(answering, case):
    answering.case = case
    curl, said = curl_takes(answering, case)
    probe, outcome = probe_takes(answering, case)
    explained = [key for key, verdicts in differences().items() if key in case.keys and verdicts == (curl, probe)]
    assert curl == probe or explained, f"curl: {curl} ({said}), probe: {outcome}, {case.final[:2_000]!r}"


def test_every_difference_of_the_table_is_tried_and_every_one_tried_is_in_the_table():
    assert list(differences()) == list(SAMPLES)


@pytest.mark.parametrize("key", SAMPLES)
def test_curl_and_a_probe_differ_as_the_table_says(answering, key):
    case = SAMPLES[key]
    answering.case = case
    curl, said = curl_takes(answering, case)
    probe, outcome = probe_takes(answering, case)
    assert (curl, probe) == differences()[key], f"{said}, {outcome}"
