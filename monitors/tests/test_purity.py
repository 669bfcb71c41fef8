"""The rules of the house: what decides and what probes knows neither the framework nor the queue."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PURE = [
    "monitors.status",
    "monitors.schedule",
    "monitors.policy",
    "monitors.address",
    "monitors.spans",
    "monitors.availability",
    "monitors.folding",
    "notifications.notice",
    "notifications.audibility",
    "monitors.settings_table",
    "monitors.strip",
    *(f"monitors.charts.{file.stem}" for file in sorted((ROOT / "monitors/charts").glob("[a-z]*.py"))),
    *(f"monitors.engine.{file.stem}" for file in sorted((ROOT / "monitors/engine").glob("[a-z]*.py"))),
    "monitors.kinds",
    *(f"monitors.kinds.{file.stem}" for file in sorted((ROOT / "monitors/kinds").glob("[a-z]*.py"))),
]
IMPORT = """
import importlib, sys
for module in sys.argv[1:]:
    importlib.import_module(module)
    found = {name.partition(".")[0] for name in sys.modules} & {"django", "celery", "kombu", "rest_framework"}
    if found:
        sys.exit(f"{module} imports {found}")
"""


def test_pure_modules_import_neither_django_nor_celery():
    command = [sys.executable, "-c", IMPORT, *PURE]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert run.stderr == ""


ALLOWED = {"notifications.notice"}
"""Modules of ours that the base of transports may import. It is in a package whose list of transports is not pure."""


def test_the_base_of_transports_imports_nothing_but_the_standard_library_and_notices():
    tree = ast.parse((ROOT / "notifications/transports/base.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    named = {node.module for node in imports if isinstance(node, ast.ImportFrom)}
    named |= {name.name for node in imports if isinstance(node, ast.Import) for name in node.names}
    assert {name for name in named if name and name.partition(".")[0] not in sys.stdlib_module_names} == ALLOWED


def test_transports_know_nothing_of_the_outbox():
    """But Slack's pages of the workspace and its buttons, which are no part of the transport."""
    for file in (ROOT / "notifications/transports").rglob("*.py"):
        pages = file.relative_to(ROOT / "notifications/transports").parts[:2]
        if pages not in (("slack", "workspace"), ("slack", "socket")):
            assert "notifications.outbox" not in file.read_text(), file
            assert "import outbox" not in file.read_text(), file


def test_nothing_outside_of_slack_names_what_is_slack_s_own():
    """Its pages and its command lead to it; the column of the webhooks is older than kinds."""
    own = re.compile(r"slack_sdk|mrkdwn|\bblocks\b|\bts\b")
    found = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "notifications").rglob("*.py")
        if not {"tests", "migrations", "slack"} & set(file.parts) and own.search(file.read_text())
    }
    assert found == set()


def test_the_rule_covers_the_probers():
    assert {"monitors.engine.loop", "monitors.kinds.http", "monitors.engine.base"} <= set(PURE)


def test_the_engine_knows_no_kind_and_kinds_do_not_know_each_other():
    kinds = {file.stem for file in (ROOT / "monitors/kinds").glob("[a-z]*.py")} - {"base", "options"}
    for file in (*(ROOT / "monitors/engine").glob("*.py"), *(ROOT / "monitors/kinds").glob("[a-z]*.py")):
        imported = re.findall(
            r"^\s*(?:from|import) monitors(?:\.| import )kinds\b[. ]?(?:import )?(\w*)", file.read_text(), re.MULTILINE
        )
        assert not set(imported) & kinds, file
        assert file.parent.name == "kinds" or not imported, file
