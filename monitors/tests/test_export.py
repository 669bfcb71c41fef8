"""`export_servers`: what goes out comes back in without a change, and no spreadsheet runs it."""

from __future__ import annotations

import csv
import io
import json
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from hypothesis import example, given
from hypothesis import strategies as st

from monitors import seeding
from monitors.exporting import described, rendered
from monitors.models import Server
from monitors.seeding import MASK, Format
from monitors.seeding.csv_rows import FORMULA, guarded, unguarded
from monitors.tests.builders import server

HOSTILE = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=x", "\r=x", "'=x", "''", "'", '"', '","', "a\nb", "#", "- a", "{a: b}")
ODD = (
    "null",
    "~",
    "yes",
    "NO",
    "1e3",
    "0x10",
    "12:30",
    "<<",
    "*a",
    "&a",
    "!!str",
    "%TAG",
    "\u2028",
    "\ufeff",
    " a ",
    "\x85",
)
TEXT = st.one_of(
    st.sampled_from(HOSTILE + ODD),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    st.builds("".join, st.lists(st.sampled_from(HOSTILE + ODD), min_size=1, max_size=3)),
)
NULLABLE = st.none() | TEXT
NUMBER = st.none() | st.integers(1, 100)
SERVERS = st.builds(
    Server,
    host_name=TEXT,
    host=TEXT,
    port=st.integers(-5, 70_000),
    type=st.integers(0, 9),
    environment=st.sampled_from(["DEV", "LIVE"]),
    notification=st.booleans(),
    paused=st.booleans(),
    path=NULLABLE,
    scheme=NULLABLE,
    interval_seconds=NUMBER,
    timeout_seconds=st.none() | st.floats(1e-7, 300),
    healthy_threshold=NUMBER,
    unhealthy_threshold=NUMBER,
    expected_status=NULLABLE,
    expected_text=NULLABLE,
    request_headers=st.none() | st.dictionaries(TEXT, TEXT, max_size=3),
    verify_tls=st.none() | st.booleans(),
    subprotocol=NULLABLE,
    tags=st.none() | st.lists(st.sampled_from(["=cmd", "채팅", "a b", "'x", "-"]), unique=True, max_size=3),
)


@pytest.mark.parametrize("format_", Format)
@given(servers=st.lists(SERVERS, max_size=4, unique_by=lambda one: one.host_name))
def test_an_export_is_read_as_it_was_written(format_, servers):
    text = "".join(rendered((described(one, secrets=True) for one in servers), format_))
    rows = seeding.read(text.encode(), format_)
    assert [row.problems for row in rows] == [()] * len(servers)
    assert [dict(row.values) for row in rows] == [_written(one, format_) for one in servers]


def _written(one: Server, format_: Format) -> dict[str, object]:
    """What a file says of `one`: in CSV an empty cell says nothing of what cannot be null."""
    values = described(one, secrets=True)
    return {key: value for key, value in values.items() if value != "" or format_ is not Format.CSV}


@given(TEXT)
@example("'=")
@example("'''")
def test_no_cell_begins_a_formula_and_every_text_returns(text):
    cell = guarded(text)
    assert cell[:1] not in FORMULA
    assert unguarded(cell) == text


@pytest.mark.parametrize("text", ["web-1", "", "'", "'a", "a=b", "127.0.0.1", "채팅"])
def test_harmless_texts_are_exported_as_they_are(text):
    assert guarded(text) == text


def export(*options: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("export_servers", *options, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def seed(monkeypatch: pytest.MonkeyPatch, text: str) -> str:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))
    out = io.StringIO()
    call_command("seed_servers", "-", stdout=out)
    return out.getvalue()


@pytest.fixture
def fleet(db):
    """Servers as we make them and as the predecessor left them."""
    server(host_name="=cmd|' /C calc'!A0", tags=["=1", "채팅"], paused=True)
    server(host_name="chat", type=2, request_headers={"X-Token": "secret"}, verify_tls=False, timeout_seconds=0.3)
    Server.objects.bulk_create(
        [
            Server(
                host_name=" 웹 서버 ", host="https://web.example.com", port=0, type=9, environment="UNKNOWN", path=""
            ),
            Server(host_name="a\r\nb", host='"', port=-1, type=1, environment="DEV", expected_text="\t= "),
        ]
    )


@pytest.mark.parametrize("format_", Format)
def test_an_export_seeded_again_is_all_unchanged(monkeypatch, fleet, format_):
    text, notes = export(f"--format={format_}")
    assert "secret" not in text
    assert "headers of 1 servers are masked" in notes
    before = list(Server.objects.order_by("id").values())
    assert seed(monkeypatch, text).endswith("0 created, 0 updated, 4 unchanged, 0 rejected\n")
    assert list(Server.objects.order_by("id").values()) == before


@pytest.mark.parametrize("format_", Format)
@pytest.mark.django_db
def test_an_empty_export_is_no_broken_file(monkeypatch, format_):
    text, notes = export(f"--format={format_}")
    assert notes == ""
    assert seed(monkeypatch, text) == "0 created, 0 updated, 0 unchanged, 0 rejected\n"


def test_an_export_with_secrets_moves_to_another_installation(monkeypatch, fleet):
    Server.objects.exclude(host_name="chat").delete()
    masked, _notes = export()
    plain, notes = export("--with-secrets")
    assert "secrets in plain text" in notes
    Server.objects.all().delete()
    with pytest.raises(CommandError, match="Nothing was written"):
        seed(monkeypatch, masked)
    assert "created chat" in seed(monkeypatch, plain)
    assert Server.objects.get().request_headers == {"X-Token": "secret"}


def test_a_file_is_replaced_as_a_whole_and_read_by_its_owner_alone(tmp_path, fleet):
    path = tmp_path / "servers.csv"
    path.write_text("old")
    export(str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes().startswith(b"\xef\xbb\xbfhost_name,")
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(keepends=True)))
    assert rows[0]["host_name"] == "'=cmd|' /C calc'!A0"
    assert rows[1]["request_headers"] == json.dumps({"X-Token": MASK})
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.django_db
def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(CommandError, match=r"nowhere/a\.json cannot be written: No such file"):
        export(str(tmp_path / "nowhere" / "a.json"))
