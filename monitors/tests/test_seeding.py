"""`seed_servers`: every way in which a file can be wrong, and what the right ones do."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitors import seeding
from monitors.models import Server, StatusTransition
from monitors.seeding import Format, SeedError

SERVER = {"host_name": "web-1", "host": "web.example.com", "port": 443, "type": 1, "environment": "LIVE"}
CSV_HEADER = "host_name,host,port,type,environment\n"
BROKEN_ROW_7 = "".join(f"web-{n},web.example.com,{'70000' if n == 7 else '80'},1,LIVE\n" for n in range(1, 10))

UNREADABLE = {  # sentence: (content, format, line, words)
    "a file without a byte": (b"", None, None, "empty"),
    "a file of blanks": (b" \n\t\n", None, None, "empty"),
    "more than 50 MB": (b"a" * (50 * 1024 * 1024 + 1), None, None, "50 MB"),
    "Korean in the encoding of old Excel": (CSV_HEADER.encode() + "웹".encode("cp949"), None, 2, "UTF-8"),
    "UTF-16 of Excel": (CSV_HEADER.encode("utf-16"), None, 1, "UTF-16"),
    "JSON cut off": (b'[\n{"host_name": "web-1",', None, 2, "JSON"),
    "JSON with a comma too many": (b'[{"host_name": "web-1"},\n]', None, 2, "JSON"),
    "JSON and then something": (b"[]\nx", None, 2, "follows"),
    "JSON of another shape": (b'{"hosts": []}', None, 1, "servers"),
    "JSON nested too deeply": (b"[" * 100_000, None, 1, "deeply"),
    "a JSON number of thousands of digits": (b'[{"port": 1' + b"0" * 5000 + b"}]", None, 1, "too long"),
    "a text that is nothing": (b"hello", None, 1, "list of servers"),
    "YAML that does not end": (b"- {host_name: [web", None, 1, "YAML"),
    "a YAML alias": (b"- host_name: a\n- *bomb\n", None, 2, "aliases"),
    "a YAML anchor": (b"- &bomb\n  host_name: a\n", None, 1, "aliases"),
    "a YAML tag that makes an object": (b"- host_name: !!python/object:os.system x\n", None, 1, "tags"),
    "two YAML documents": (b"- host_name: a\n---\n- host_name: b\n", None, 2, "more than one"),
    "YAML with a control character": (b"- host_name: 'a\x01'\n", None, 1, "not allowed"),
    "YAML with a list for a key": (b"- ? [a]\n  : 1\n", Format.YAML, 1, "key"),
    "YAML nested too deeply": (b"- " * 5_000 + b"a", None, 1, "deeply"),
    "a YAML mapping that is a server": (b"host_name: web-1\nhost: web\n", None, 1, "list of servers"),
    "CSV with an open quote": (CSV_HEADER.encode() + b'"web-1,80\n', None, 2, "CSV"),
    "CSV with a column twice": (b"host_name,host,host\n", None, 1, "twice"),
}


@pytest.mark.parametrize(("content", "format_", "line", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_cannot_be_read_is_refused_with_its_line(content, format_, line, words):
    with pytest.raises(SeedError, match=words) as refused:
        seeding.read(content, format_)
    assert refused.value.line == line


def test_an_alias_bomb_is_refused_before_it_grows():
    levels = [f"- &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    with pytest.raises(SeedError, match="aliases"):
        seeding.read("\n".join(["- &a0 [x]", *levels]).encode())


WRONG_VALUES = {  # sentence: (key, value, words)
    "a truth value for a number": ("port", True, "whole number"),
    "a fraction for a whole number": ("port", 443.5, "whole number"),
    "digits of another script": ("port", "٤٤٣", "whole number"),
    "an underscore in a number": ("port", "4_43", "whole number"),
    "no port": ("port", None, "must not be empty"),
    "a word for a truth value": ("notification", "perhaps", "true or false"),
    "infinity": ("timeout_seconds", "Infinity", "must be a number"),
    "a list for a text": ("host", ["a"], "must be a text"),
    "a null character": ("host", "a\0b", r"\\0"),
    "half a character": ("host_name", "a\ud800", "surrogate"),
    "headers that are a text": ("request_headers", "secret", "object of texts"),
    "a header with a list": ("request_headers", {"A": ["b"]}, "must be a text"),
    "a header twice": ("request_headers", '{"A": "b", "A": "c"}', "twice"),
    "tags that are a number": ("tags", 5, "list of words"),
    "a misspelt key": ("hostname", "a", "did you mean host_name"),
    "a key in capitals": ("PORT", 80, "did you mean port"),
    "a key like nothing": ("x" * 1000, 80, "the keys are"),
}


@pytest.mark.parametrize(("key", "value", "words"), WRONG_VALUES.values(), ids=WRONG_VALUES)
def test_a_wrong_value_is_named_with_its_key(key, value, words):
    row = seeding.typed(7, 43, {key: value})
    assert [problem.field for problem in row.problems] == [key[:100]]
    assert row.place == "line 43, row 7"
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(row.problems[0].message)


SAME = {  # sentence: (content)
    "YAML": "- host_name: web-1\n  host: web.example.com\n  port: 443\n  type: 1\n  environment: LIVE\n"
    "  tags: [a, b]\n",
    "YAML with a key over it": "servers:\n  - {host_name: web-1, host: web.example.com, port: 443, type: 1,\n"
    "     environment: LIVE, tags: 'a, b'}\n",
    "JSON": json.dumps([SERVER | {"tags": ["a", "b"]}]),
    "JSON with a key over it": json.dumps({"servers": [SERVER | {"port": "443", "tags": "a,b"}]}, indent=2),
    "CSV": 'host_name,host,port,type,environment,tags\nweb-1,web.example.com,443,1,LIVE,"a,b"\n',
    "CSV of Excel": "\ufeffhost_name,host,port,type,environment,tags,,\r\n"
    'web-1,web.example.com,443,1,LIVE,"a,b",,\r\n,,,,,,,\r\n',
    "CSV with semicolons": "host_name;host;port;type;environment;tags\nweb-1;web.example.com;443;1;LIVE;a,b\n",
    "YAML with carriage returns": "- host_name: web-1\r\n  host: web.example.com\r\n  port: 443\r\n  type: 1\r\n"
    "  environment: LIVE\r\n  tags: [a, b]\r\n",
}


@pytest.mark.parametrize("content", SAME.values(), ids=SAME)
def test_the_formats_say_the_same(content):
    (row,) = seeding.read(content.encode())
    assert row.problems == ()
    assert row.values == SERVER | {"tags": ["a", "b"]}


def test_yaml_texts_stay_as_they_are_written():
    (row,) = seeding.read(
        b"- {host_name: on, host: 007, path: 2026-01-01, port: 0443, scheme: ~, expected_text: 'null'}"
    )
    expected = {"host_name": "on", "host": "007", "path": "2026-01-01", "port": 443}
    assert row.values == expected | {"scheme": None, "expected_text": "null"}


EXCEL = "host_name;host;port;type;environment;tags\nweb-1;web.example.com;443;1;LIVE;a,b\n"
SPREADSHEETS = {  # sentence: (content, line of the first server)
    "the line that names the separator": (f"sep=;\n{EXCEL}", 3),
    "in capitals": (f"SEP=;\r\n{EXCEL}", 3),
    "in quotes": (f'"sep=;"\n{EXCEL}', 3),
    "behind a mark": (f"\ufeffsep=;\n{EXCEL}", 3),
    "with a blank after it": (f"sep=; \n{EXCEL}", 3),
    "a tab": ("sep=\t\n" + EXCEL.replace(";", "\t"), 3),
    "a tab as programs write it": ("sep=\\t\n" + EXCEL.replace(";", "\t"), 3),
    "a separator of one's own": ("sep=|\n" + EXCEL.replace(";", "|"), 3),
    "keys in capitals": (EXCEL.replace("host_name;host", "HOST_NAME;Host"), 2),
    "keys with blanks": (EXCEL.replace("host_name;host", "Host Name ; host"), 2),
    "blank lines before": (f"\n  \n{EXCEL}", 4),
    "lines of blanks and separators between": (EXCEL.replace("web-1", ";;; ; ;\n   \nweb-1", 1), 4),
    "line ends of an old Macintosh": (EXCEL.replace("\n", "\r"), 2),
    "the line and the line ends of an old Macintosh": (f"sep=;\n{EXCEL}".replace("\n", "\r"), 3),
    "columns without a name at the end": (EXCEL.replace("\n", ";;;\n"), 2),
}


@pytest.mark.parametrize(("content", "line"), SPREADSHEETS.values(), ids=SPREADSHEETS)
def test_what_spreadsheets_write_is_read_with_the_lines_of_the_file(content, line):
    (row,) = seeding.read(content.encode())
    assert row.problems == ()
    assert row.values == SERVER | {"tags": ["a", "b"]}
    assert row.line == line
    assert seeding.read(content.encode(), Format.CSV) == [row]


def test_a_mistake_below_the_line_of_excel_has_its_line():
    with pytest.raises(SeedError) as refused:
        seeding.read(b'sep=;\nhost_name;host\n"a;b\n')
    assert refused.value.line == 3
    with pytest.raises(SeedError, match="twice") as refused:
        seeding.read(b"sep=;\nhost;HOST\n")
    assert refused.value.line == 2


def test_rows_know_their_lines():
    text = 'host_name,host\n\n"a\nb",x\r\nc,y\n'
    assert [(row.number, row.line) for row in seeding.read(text.encode())] == [(1, 3), (2, 5)]
    assert [row.line for row in seeding.read(b'{"servers": [\n{},\n\n{}, {}]}')] == [2, 4, 4]
    assert [row.line for row in seeding.read(b"# note\n- a: 1\n  b: 2\n\n- a: 3\n")] == [2, 5]


@dataclass
class Output:
    out: str
    err: str
    code: int


@pytest.fixture
def seed(monkeypatch):
    """Runs `seed_servers -` on a text."""

    def run(content: str | bytes | list[object], *options: str) -> Output:
        text = json.dumps(content) if isinstance(content, list) else content
        data = text if isinstance(text, bytes) else text.encode()
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command("seed_servers", "-", *options, stdout=out, stderr=err)
        except CommandError as error:
            return Output(out.getvalue(), f"{err.getvalue()}{error}", error.returncode)
        return Output(out.getvalue(), err.getvalue(), 0)

    return run


@pytest.mark.django_db
class TestSeedServers:
    def test_creates_then_finds_nothing_to_do(self, seed):
        chat = SERVER | {"host_name": "채팅", "type": 2, "paused": True, "request_headers": {"X-Token": "secret"}}
        first = seed([SERVER, chat])
        assert first.out.endswith("2 created, 0 updated, 0 unchanged, 0 rejected\n")
        assert "line 1, row 2: created 채팅" in first.out
        second = seed([SERVER, chat])
        assert second.out.endswith("0 created, 0 updated, 2 unchanged, 0 rejected\n")
        assert Server.objects.get(host_name="채팅").paused
        assert Server.objects.filter(status__isnull=True).count() == 0

    def test_an_absent_key_leaves_the_stored_value_alone_and_null_clears_it(self, seed):
        seed([SERVER | {"path": "/health", "healthy_threshold": 5, "notification": False}])
        output = seed([{"host_name": "web-1", "port": 8443, "path": None}])
        assert "updated web-1: port 443 → 8443; path /health → inherited" in output.out
        server = Server.objects.get()
        assert (server.port, server.path, server.healthy_threshold) == (8443, None, 5)
        assert server.notification is False

    def test_pausing_and_resuming_are_told_like_any_other(self, seed):
        seed([SERVER])
        assert "paused False → True" in seed([SERVER | {"paused": True, "port": 80}]).out
        assert Server.objects.get().paused
        seed([SERVER | {"paused": False}])
        assert not Server.objects.get().paused
        assert set(StatusTransition.objects.values_list("actor", flat=True)) <= {"seed_servers"}

    def test_false_is_not_nothing(self, seed):
        seed([SERVER])
        assert "verify_tls inherited → False" in seed([SERVER | {"verify_tls": False}]).out
        assert Server.objects.get().verify_tls is False

    def test_a_broken_row_7_rejects_the_file(self, seed):
        output = seed(CSV_HEADER + BROKEN_ROW_7)
        assert output.code == 1
        assert "line 8, row 7: rejected web-7: port: " in output.err
        assert "1 of 9 rows is rejected" in output.err
        assert not Server.objects.exists()

    def test_a_broken_row_7_is_left_out_on_demand(self, seed):
        output = seed(CSV_HEADER + BROKEN_ROW_7, "--skip-invalid")
        assert output.code == 0
        assert output.out.endswith("8 created, 0 updated, 0 unchanged, 1 rejected\n")
        assert "row 7" in output.err
        assert Server.objects.count() == 8

    def test_a_dry_run_writes_nothing(self, seed):
        seed([SERVER])
        output = seed([SERVER | {"port": 80}, SERVER | {"host_name": "web-2"}], "--dry-run")
        assert "1 created, 1 updated, 0 unchanged, 0 rejected\nDry run" in output.out
        assert Server.objects.get().port == 443

    REJECTED = {  # sentence: (row, field)
        "an unknown type": (SERVER | {"type": 9}, "type"),
        "port 0": (SERVER | {"port": 0}, "port"),
        "port 70000": (SERVER | {"port": 70_000}, "port"),
        "a number beyond every column": (SERVER | {"port": 10**30}, "port"),
        "a blank name": (SERVER | {"host_name": "  "}, "host_name"),
        "a name of 256 characters": (SERVER | {"host_name": "a" * 256}, "host_name"),
        "no name": ({"port": 80}, "host_name"),
        "a new server without a host": ({"host_name": "a", "port": 80, "type": 1, "environment": "LIVE"}, "host"),
        "another environment": (SERVER | {"environment": "PROD"}, "environment"),
        "a host with blanks": (SERVER | {"host": "web example"}, "host"),
        "a host with a line break": (SERVER | {"host": "web\r\nX: y"}, "host"),
        "credentials": (SERVER | {"host": "https://user:pass@web"}, "host"),
        "a metadata address": (SERVER | {"host": "0xA9FEA9FE"}, "host"),
        "threshold 0": (SERVER | {"healthy_threshold": 0}, "healthy_threshold"),
        "a timeout longer than the interval": (
            SERVER | {"interval_seconds": 5, "timeout_seconds": 6},
            "timeout_seconds",
        ),
        "a mask for which nothing is stored": (
            SERVER | {"request_headers": {"X-Token": "********"}},
            "request_headers",
        ),
    }

    @pytest.mark.parametrize(("row", "field"), REJECTED.values(), ids=REJECTED)
    def test_bad_input_is_rejected_by_field(self, seed, row, field):
        output = seed([row])
        assert output.code == 1
        assert f"{field}: " in output.err
        assert not Server.objects.exists()

    def test_a_name_twice_is_rejected_as_the_database_compares(self, seed):
        output = seed([SERVER, SERVER | {"host_name": "WEB-1 "}])
        assert "row 2: rejected WEB-1 : host_name: is the name of line 1, row 1, too" in output.err
        assert not Server.objects.exists()

    def test_a_server_is_found_in_another_case(self, seed):
        seed([SERVER])
        assert "updated web-1: port 443 → 80" in seed([SERVER | {"host_name": "Web-1", "port": 80}]).out

    def test_a_name_that_only_the_database_takes_for_another_is_rejected(self, seed, monkeypatch):
        seed([SERVER])
        monkeypatch.setattr("monitors.seeding.planning.Stored.find", lambda _stored, _name: None)
        assert "as the database compares names" in seed([SERVER]).err
        output = seed([SERVER, SERVER | {"host_name": "web-2"}], "--skip-invalid")
        assert output.out.endswith("1 created, 0 updated, 0 unchanged, 1 rejected\n")

    def test_an_adopted_row_that_we_would_refuse_today_stays_and_can_be_edited(self, seed):
        Server.objects.create(**SERVER | {"type": 9})
        assert seed([SERVER | {"type": 9}]).out.endswith("0 created, 0 updated, 1 unchanged, 0 rejected\n")
        assert "1 updated" in seed([SERVER | {"type": 9, "notification": False}]).out

    def test_a_masked_header_keeps_the_stored_value(self, seed):
        seed([SERVER | {"request_headers": {"X-Token": "secret"}}])
        masked = SERVER | {"request_headers": {"x-token": "********", "X-New": "b"}}
        output = seed([masked])
        assert "updated web-1: request_headers" in output.out
        assert "secret" not in output.out
        assert Server.objects.get().request_headers == {"x-token": "secret", "X-New": "b"}

    def test_a_name_cannot_command_the_terminal(self, seed):
        output = seed([SERVER | {"host_name": "a\x1b[2Jb"}])
        assert "\x1b" not in output.err
        assert r"a\x1b[2Jb" in output.err

    def test_creating_takes_the_same_statements_however_many(self, seed):
        """A statement per thousand rows or so, none per row."""
        rows = [SERVER | {"host_name": f"web-{n}"} for n in range(1200)]
        with CaptureQueriesContext(
            connection,
        ) as queries:
            output = seed(rows, "--verbosity=0")
        assert output.out == "1200 created, 0 updated, 0 unchanged, 0 rejected\n"
        assert "1200 of 1200 written" in output.err
        assert len(queries) < 120

    def test_a_file_is_read_by_its_name(self, tmp_path):
        path = tmp_path / "servers.json"
        path.write_text(json.dumps([SERVER]))
        call_command("seed_servers", str(path), stdout=io.StringIO())
        assert Server.objects.count() == 1

    def test_a_file_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(CommandError, match=r"none\.csv cannot be read: No such file"):
            call_command("seed_servers", str(tmp_path / "none.csv"))
        with pytest.raises(CommandError, match="cannot be read: Is a directory"):
            call_command("seed_servers", str(tmp_path))

    def test_a_broken_file_names_itself_and_the_line(self, tmp_path):
        path = tmp_path / "servers.yaml"
        path.write_text("- a\n- [")
        with pytest.raises(CommandError, match=r"servers\.yaml, line 2: not valid YAML"):
            call_command("seed_servers", str(path))
