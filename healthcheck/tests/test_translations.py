"""The Korean catalog is complete, and the one that runs is the one that can be read."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from gettext import GNUTranslations
from pathlib import Path

import pytest
from django.utils import translation

from monitors.tests.failing import Failure
from monitors.wording import failure_help, failure_label
from notifications.transports.slack.refusals import describe_refusal

ROOT = Path(__file__).resolve().parents[2]
CATALOG = Path("locale/ko/LC_MESSAGES/django.po")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]")


def messages(text: str) -> str:
    """The catalog without what changes from one minute to the next."""
    return re.sub(r'"POT-Creation-Date:.*\n', "", text)


@pytest.fixture(scope="module")
def compiled() -> dict[str, str]:
    with (ROOT / CATALOG).with_suffix(".mo").open("rb") as file:
        return {key: text for key, text in GNUTranslations(file)._catalog.items() if isinstance(key, str) and key}  # type: ignore[attr-defined]


def test_the_catalog_has_every_text_of_the_sources_and_no_other(tmp_path):
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    for name in files:
        if name.endswith((".py", ".html", ".po", ".txt")) and (ROOT / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    command = [sys.executable, "-m", "django", "makemessages", "--locale", "ko", "--no-location", "--no-obsolete"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, env={"PATH": "/usr/bin:/bin"})
    assert messages((tmp_path / CATALOG).read_text()) == messages((ROOT / CATALOG).read_text()), "run `make messages`"


def test_the_compiled_catalog_is_current(tmp_path):
    fresh = tmp_path / "fresh.mo"
    subprocess.run(["msgfmt", "--check", f"--output-file={fresh}", ROOT / CATALOG], check=True, capture_output=True)
    assert fresh.read_bytes() == (ROOT / CATALOG).with_suffix(".mo").read_bytes(), "run `make messages`"


def test_nothing_is_untranslated_or_fuzzy(compiled):
    assert "#, fuzzy" not in (ROOT / CATALOG).read_text()
    assert [key for key, text in compiled.items() if not text] == []
    untranslated = subprocess.run(
        ["msgattrib", "--untranslated", ROOT / CATALOG], check=True, capture_output=True, text=True
    ).stdout
    assert untranslated == ""


def test_placeholders_survive_translation(compiled):
    wrong = [
        key for key, text in compiled.items() if sorted(PLACEHOLDER.findall(key)) != sorted(PLACEHOLDER.findall(text))
    ]
    assert wrong == []


@pytest.mark.parametrize("kind", Failure)
def test_every_failure_has_korean_words(kind):
    with translation.override("ko"):
        for words in (str(failure_label(kind)), str(failure_help(kind))):
            assert re.search("[가-힣]", words)


def test_refusals_of_slack_are_explained_in_korean():
    with translation.override("ko"):
        assert re.search("[가-힣]", describe_refusal("is_archived"))
