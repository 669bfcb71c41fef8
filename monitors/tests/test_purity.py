"""The rules of the house: what decides and what probes knows neither the framework nor the queue."""

from __future__ import annotations

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
