"""Many servers at once on the pages: what a list would change, then the change, and the way back out."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DataError
from django.test import Client

from monitors import recording, seeding
from monitors.fields import MASK
from monitors.models import Server, ServerStatus
from monitors.tests.answers import text
from monitors.tests.builders import NOW, server
from monitors.tests.people import visitor

pytestmark = pytest.mark.django_db

PATH = "/servers/paste/"
SECRET = "Bearer very-secret-value"
HOSTILE = "<script>alert(1)</script>"
HX = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{PATH}"}
HEADER = "host_name,host,port,type,environment\n"
TWO = f"{HEADER}web-1,web-1.example.com,443,1,LIVE\nchat-1,chat.example.com,8443,2,STAGE\n"
BROKEN_ROW_7 = HEADER + "".join(f"web-{n},web.example.com,{'70000' if n == 7 else '80'},1,LIVE\n" for n in range(1, 10))


@pytest.fixture
def operator():
    return visitor("operator")


def previewed(client: Client, **given: object):
    return client.post(PATH, given, headers=HX)


def applied(client: Client, **given: object):
    """As somebody does who looks first and then agrees."""
    seen = previewed(client, **given).context["proposal"].mark
    return client.post(PATH, {**given, "act": "apply", "seen": seen}, headers=HX)


@pytest.mark.parametrize("role", ["", "viewer"])
def test_whoever_may_not_add_servers_may_not_paste_them(role):
    somebody = visitor(role)
    assert somebody.get(PATH).status_code == 403
    assert somebody.post(PATH, {"text": TWO}).status_code == 403


def test_a_list_is_shown_before_it_is_written(operator):
    server(host_name="chat-1", host="old.example.com", port=8443, type=2, environment="STAGE")
    server(host_name="same", host="a.example.com", port=80)
    rows = f"{TWO}same,a.example.com,80,1,LIVE\nbad,a b,80,1,LIVE\n"
    page = text(previewed(operator, text=rows))
    counts = [f"<strong>1</strong> {word}" for word in ("rejected", "updated", "created", "unchanged")]
    assert all(count in page for count in counts)
    assert "line 5, row 4" in page
    assert "host: Remove the blanks" in page
    assert "host old.example.com → chat.example.com" in page
    assert "https://web-1.example.com:443/" in page
    assert Server.objects.count() == 2
    assert Server.objects.get(host_name="chat-1").host == "old.example.com"


LISTS = {
    "CSV": TWO,
    "CSV of a spreadsheet": TWO.replace(",", ";").replace("\n", "\r\n"),
    "JSON": json.dumps(
        [
            {"host_name": "web-1", "host": "web-1.example.com", "port": 443, "type": 1, "environment": "LIVE"},
            {"host_name": "chat-1", "host": "chat.example.com", "port": 8443, "type": 2, "environment": "STAGE"},
        ]
    ),
    "YAML": "- {host_name: web-1, host: web-1.example.com, port: 443, type: 1, environment: LIVE}\n"
    "- {host_name: chat-1, host: chat.example.com, port: 8443, type: 2, environment: STAGE}\n",
}


@pytest.mark.parametrize("content", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("as_file", [False, True], ids=["pasted", "file"])
def test_what_was_agreed_to_is_written(operator, content, as_file):
    def given():
        return {"file": SimpleUploadedFile("list.txt", content.encode())} if as_file else {"text": content}

    seen = previewed(operator, **given()).context["proposal"].mark
    response = operator.post(PATH, {**given(), "act": "apply", "seen": seen}, headers=HX)
    assert (response.status_code, response["HX-Redirect"]) == (204, "/")
    assert set(Server.objects.values_list("host_name", "port")) == {("web-1", 443), ("chat-1", 8443)}
    assert ServerStatus.objects.count() == 2
    assert "2 created" in text(operator.get("/servers/paste/"))


def test_a_page_without_scripts_carries_the_list_along(operator):
    file = SimpleUploadedFile("list.csv", f"{TWO}{HOSTILE},a b,80,1,LIVE\n".encode())
    page = text(operator.post(PATH, {"file": file}))
    assert "web-1,web-1.example.com,443,1,LIVE" in page  # in the text area
    assert "<script>alert" not in page
    assert 'name="seen"' in page


def test_nothing_is_written_when_the_servers_have_changed_meanwhile(operator):
    server(host_name="chat-1", host="old.example.com", port=8443, type=2, environment="STAGE")
    seen = previewed(operator, text=TWO).context["proposal"].mark
    Server.objects.filter(host_name="chat-1").update(host="other.example.com")
    response = operator.post(PATH, {"text": TWO, "act": "apply", "seen": seen}, headers=HX)
    page = text(response, 409)
    assert "have changed since you looked: nothing was written" in page
    assert "host other.example.com → chat.example.com" in page
    assert not Server.objects.filter(host_name="web-1").exists()
    again = {"text": TWO, "act": "apply", "seen": response.context["proposal"].mark}
    assert operator.post(PATH, again, headers=HX).status_code == 204
    assert Server.objects.get(host_name="chat-1").host == "chat.example.com"


def test_nothing_is_written_when_the_list_is_another_than_the_one_shown(operator):
    seen = previewed(operator, text=TWO).context["proposal"].mark
    other = TWO.replace("443", "444")
    assert "nothing was written" in text(operator.post(PATH, {"text": other, "act": "apply", "seen": seen}), 409)
    assert not Server.objects.exists()


def test_nothing_is_written_without_a_look(operator):
    assert "nothing was written" in text(operator.post(PATH, {"text": TWO, "act": "apply"}), 409)
    assert not Server.objects.exists()


def test_one_rejected_row_stops_all_unless_it_is_left_out(operator):
    page = text(previewed(operator, text=BROKEN_ROW_7))
    assert "line 8, row 7" in page
    assert "port: " in page
    page = text(applied(operator, text=BROKEN_ROW_7), 422)
    assert "tick this to leave them out" in page
    assert not Server.objects.exists()
    assert applied(operator, text=BROKEN_ROW_7, skip_rejected="on").status_code == 204
    assert Server.objects.count() == 8


def test_a_list_that_changes_nothing_has_nothing_to_agree_to(operator):
    applied(operator, text=TWO)
    page = text(previewed(operator, text=TWO))
    assert "Nothing would change" in page
    assert 'value="apply"' not in page


UNREADABLE = {  # sentence: (what is given, words)
    "nothing": ({"text": ""}, "empty"),
    "blanks": ({"text": " \n "}, "empty"),
    "an empty file": ({"file": b""}, "empty"),
    "both": ({"text": TWO, "file": TWO.encode()}, "not both"),
    "a text that is nothing": ({"text": "hello"}, "Line 1: "),
    "a null character": ({"text": f"{HEADER}a\0,b,80,1,LIVE"}, "Null characters"),
    "JSON nested too deeply": ({"text": "[" * 100_000}, "deeply"),
    "JSON cut off": ({"text": '[\n{"host_name": "a",'}, "Line 2: not valid JSON"),
    "another format than it is": ({"text": TWO, "format": "json"}, "list of servers"),
    "a format that does not exist": ({"text": TWO, "format": "xml"}, "not one of the available choices"),
    "a file in another encoding": ({"file": HEADER.encode() + "웹".encode("cp949")}, "Line 2: the file is not UTF-8"),
    "a YAML alias": ({"text": "- host_name: a\n- *bomb\n"}, "Line 2: anchors"),
    "too many rows": (
        {"text": HEADER + "".join(f"web-{n},a.example.com,80,1,LIVE\n" for n in range(5_001))},
        "At most 5000",
    ),
}


@pytest.mark.parametrize("act", ["preview", "apply"])
@pytest.mark.parametrize(("given", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_list_that_cannot_be_read_is_refused_with_its_line(operator, given, words, act):
    given = {
        name: SimpleUploadedFile("list", content) if name == "file" else content for name, content in given.items()
    }
    page = text(operator.post(PATH, {**given, "act": act}, headers=HX), 422)
    assert words in page
    assert "Nothing was written" in page
    assert not Server.objects.exists()


@pytest.mark.parametrize("field", ["text", "file"])
def test_a_body_that_is_too_large_is_413(operator, field):
    content = "a" * 9 * 1024 * 1024
    given = {field: SimpleUploadedFile("list.csv", content.encode()) if field == "file" else content}
    page = text(operator.post(PATH, given), 413)
    assert "8 MB" in page


WRONG_ROWS = {  # sentence: (a row as JSON text, the field, words)
    "half of a character": ('{"host_name": "a\\ud800", "host": "b", "port": 80, "type": 1}', "host_name", "surrogate"),
    "a null character": ('{"host_name": "a\\u0000", "host": "b", "port": 80, "type": 1}', "host_name", "\\0"),
    "a truth value for a number": ('{"host_name": "a", "host": "b", "port": true, "type": 1}', "port", "whole number"),
    "an unknown key": ('{"host_name": "a", "hots": "b", "port": 80, "type": 1}', "hots", "did you mean host"),
    "a list for a row": ("[]", "", "object of keys and values"),
    "a mask with nothing behind it": (
        json.dumps({**json.loads(LISTS["JSON"])[0], "request_headers": {"X-A": MASK}}),
        "request_headers",
        "none is stored",
    ),
}


@pytest.mark.parametrize(("row", "field", "words"), WRONG_ROWS.values(), ids=WRONG_ROWS)
def test_what_is_wrong_with_a_row_is_said_with_its_field(operator, row, field, words):
    response = previewed(operator, text=f"[\n{row}]")
    text(response)
    [entry] = response.context["proposal"].entries
    assert entry.row.line == 2
    assert any(problem.field == field and words in problem.message for problem in entry.problems)


def test_what_the_database_refuses_is_said_and_nothing_is_written(operator, monkeypatch):
    def refuses(*_args: object, **_more: object) -> None:
        raise DataError("column too short")

    monkeypatch.setattr(recording, "create", refuses)
    assert "The database refuses a value" in text(applied(operator, text=TWO), 422)
    assert not Server.objects.exists()


def test_secrets_are_neither_shown_nor_needed(operator):
    server(host_name="web-1", host="web-1.example.com", port=443, request_headers={"Authorization": SECRET})
    exported = str(operator.get("/servers/servers.yaml").content, "utf-8")
    assert SECRET not in exported
    assert "Nothing would change" in text(previewed(operator, text=exported))
    page = text(previewed(operator, text=exported.replace(MASK, "Bearer other")))
    assert "Bearer other" not in page
    assert "request_headers" in page


@pytest.mark.parametrize("suffix", ["csv", "yaml", "json"])
def test_what_is_exported_is_what_can_be_pasted(operator, suffix):
    applied(operator, text=TWO)
    server(host_name="=cmd()", tags=["a", "b"], expected_text=" ok", verify_tls=False, notification=False)
    response = visitor("viewer").get(f"/servers/servers.{suffix}")
    assert f'.{suffix}"' in response["Content-Disposition"]
    page = text(previewed(operator, file=SimpleUploadedFile(f"servers.{suffix}", response.content)))
    assert "<strong>3</strong> unchanged" in page


def test_an_export_takes_the_permission_to_view():
    assert visitor("").get("/servers/servers.csv").status_code == 403
    assert visitor("viewer").get("/servers/servers.exe").status_code == 404


def test_five_thousand_rows_take_few_statements(operator, django_assert_max_num_queries):
    many = HEADER + "".join(f"web-{n},a.example.com,80,1,LIVE\n" for n in range(5_000))
    with django_assert_max_num_queries(30):
        response = previewed(operator, text=many)
    page = text(response)
    assert "<strong>5000</strong> created" in page
    assert "and 4900 more" in page
    assert len(page) < 60_000


def test_names_that_only_the_database_takes_for_one_are_left_out_when_agreed(monkeypatch):
    """Every database has a collation of its own; ours is made not to know about case."""
    monkeypatch.setattr("monitors.seeding.planning.name_key", str)
    server(host_name="WEB-1")
    rows = seeding.read(TWO.encode())
    mark = seeding.propose(rows).mark
    found = seeding.carry_out(rows, mark, skip_rejected=False, actor="tests", now=NOW)
    assert not found.done
    assert [entry.name for entry in found.of(seeding.Action.REJECTED)] == ["web-1"]
    assert Server.objects.count() == 1
    assert found.mark == mark
    assert seeding.carry_out(rows, mark, skip_rejected=True, actor="tests", now=NOW).done
    assert set(Server.objects.values_list("host_name", flat=True)) == {"WEB-1", "chat-1"}
