from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import DataError, OperationalError
from hypothesis import given
from hypothesis import strategies as st

from monitors import recording
from monitors.models import ApiToken, Policy, Server
from monitors.tests.builders import server
from monitors.tests.people import client_of

pytestmark = pytest.mark.django_db

NEW = {"host_name": "new", "host": "new.example.com", "port": 443, "type": 1, "environment": "DEV"}
HUGE = 10**40

WRONG = {  # what: (field, value)
    "type 9": ("type", 9),
    "type 5": ("type", 5),
    "type true": ("type", True),
    "a type in words": ("type", "web"),
    "type null": ("type", None),
    "a huge type": ("type", HUGE),
    "a type that is an object": ("type", {"a": 1}),
    "port 0": ("port", 0),
    "port -1": ("port", -1),
    "port 70000": ("port", 70_000),
    "a port in words": ("port", "abc"),
    "port null": ("port", None),
    "a huge port": ("port", HUGE),
    "port true": ("port", True),
    "a port with a fraction": ("port", 443.0),
    "a port as a list": ("port", [443]),
    "an endless port": ("port", "9" * 2000),
    "a blank name": ("host_name", "  "),
    "an empty name": ("host_name", ""),
    "name null": ("host_name", None),
    "a name of 256 characters": ("host_name", "n" * 256),
    "a name with a NUL": ("host_name", "a\0b"),
    "a name with a lone surrogate": ("host_name", "a\ud800b"),
    "a name with a line break": ("host_name", "a\nb"),
    "a name that is an object": ("host_name", {}),
    "a name that exists": ("host_name", "Taken"),
    "a name that exists in another case": ("host_name", "tAKEN"),
    "a host with blanks": ("host", "a b.example.com"),
    "a host with CR and LF": ("host", "a.example.com\r\nHost: b"),
    "a host with credentials": ("host", "https://user:hunter2@a.example.com"),
    "a host of 256 characters": ("host", "h" * 256),
    "the metadata service": ("host", "169.254.169.254"),
    "the metadata service as a number": ("host", "http://2852039166"),
    "the metadata service inside IPv6": ("host", "[::ffff:169.254.169.254]"),
    "the metadata service in hexadecimal": ("host", "0xa9fea9fe"),
    "an environment that is none": ("environment", "PROD"),
    "environment null": ("environment", None),
    "an environment with a lone surrogate": ("environment", "\udc00"),
    "notification null": ("notification", None),
    "notification in words": ("notification", "perhaps"),
    "notification as a list": ("notification", []),
    "paused null": ("paused", None),
    "threshold 0": ("unhealthy_threshold", 0),
    "threshold true": ("healthy_threshold", True),
    "a huge threshold": ("healthy_threshold", HUGE),
    "interval 0": ("interval_seconds", 0),
    "interval true": ("interval_seconds", True),
    "interval 30.0": ("interval_seconds", 30.0),
    "interval 3_0": ("interval_seconds", "3_0"),
    "a timeout of 0": ("timeout_seconds", 0),
    "timeout true": ("timeout_seconds", True),
    "a huge timeout": ("timeout_seconds", 10**400),
    "a timeout that is no number": ("timeout_seconds", "nan"),
    "an infinite timeout": ("timeout_seconds", "Infinity"),
    "a path with a line break": ("path", "/a\r\nb"),
    "a path with a NUL": ("path", "/\0"),
    "a scheme that is not probed": ("scheme", "gopher"),
    "a status that is none": ("expected_status", "abc"),
    "a text with a lone surrogate": ("expected_text", "\ud800"),
    "a long text": ("expected_text", "t" * 201),
    "headers as a list": ("request_headers", [["a", "b"]]),
    "headers as a text": ("request_headers", "a: b"),
    "a header with a line break in its name": ("request_headers", {"a\r\nb": "c"}),
    "a header with a line break": ("request_headers", {"a": "b\r\nc: d"}),
    "a header with a lone surrogate in its name": ("request_headers", {"\ud800": "b"}),
    "a header with a number": ("request_headers", {"a": 1}),
    "a masked header that is not stored": ("request_headers", {"a": "********"}),
    "21 headers": ("request_headers", {f"x-{n}": "" for n in range(21)}),
    "verify_tls in words": ("verify_tls", "perhaps"),
    "a subprotocol with a line break": ("subprotocol", "a\nb"),
    "tags as a text": ("tags", "a,b"),
    "tags as numbers": ("tags", [1]),
    "a tag with a comma": ("tags", ["a,b"]),
    "a tag with a lone surrogate": ("tags", ["\ud800"]),
    "a field that does not exist": ("intervall_seconds", 5),
    "a field with a lone surrogate": ("\ud800", 5),
}


@pytest.fixture
def operator():
    return client_of("operator")


@pytest.fixture
def untouched():
    """Whatever happens, nothing is written."""
    taken = server(host_name="Taken")
    before = list(Server.objects.values())
    yield taken
    assert list(Server.objects.values()) == before


def send(method: Any, path: str, body: object) -> Any:
    """As ASCII, so that lone surrogates travel as JSON escapes."""
    return method(path, json.dumps(body), content_type="application/json")


def refused(response: Any, status: int = 400) -> Any:
    """The body of an error, which has the shape of every error."""
    assert response.status_code == status, response.content[:500]
    body = response.json()
    assert set(body) == {"code", "detail", "errors"}
    assert isinstance(body["detail"], str)
    for error in body["errors"]:
        assert {"field", "message"} <= set(error) <= {"row", "field", "message"}
        assert len(error["message"]) <= 300
    return body


@pytest.mark.parametrize(("field", "value"), WRONG.values(), ids=WRONG)
def test_a_wrong_value_is_refused_by_its_field_and_in_a_list_by_its_row(operator, untouched, field, value):
    sent = {**NEW, field: value}
    shown = field.encode("utf-8", "backslashreplace").decode()
    created = refused(send(operator.post, "/api/servers/", sent))
    assert [error["field"] for error in created["errors"]] == [shown]
    assert (created["code"], created["detail"]) == ("invalid", "1 field is wrong")
    if value in ("Taken", "tAKEN"):
        return  # its own name, and skipped in a list
    replaced = refused(send(operator.put, f"/api/servers/{untouched.pk}/", sent))
    assert replaced == created
    listed = refused(send(operator.post, "/api/servers/bulk/", [{**NEW, "host_name": "fine"}, sent]))
    assert listed["errors"] == [{"row": 2, **error} for error in created["errors"]]
    assert listed["detail"] == "1 row is wrong"


def test_a_timeout_longer_than_the_interval_is_refused(operator, untouched):
    body = refused(operator.post("/api/servers/", {**NEW, "interval_seconds": 5, "timeout_seconds": 6}, format="json"))
    assert [error["field"] for error in body["errors"]] == ["timeout_seconds"]


def test_a_timeout_longer_than_the_stored_interval_is_refused(operator, untouched):
    body = refused(operator.patch(f"/api/servers/{untouched.pk}/", {"timeout_seconds": 60}, format="json"))
    assert [error["field"] for error in body["errors"]] == ["timeout_seconds"]


def test_everything_wrong_is_said_at_once(operator, untouched):
    body = refused(operator.post("/api/servers/", {"port": 0, "type": 9, "host": "ok"}, format="json"))
    assert {error["field"] for error in body["errors"]} == {"host_name", "port", "type", "environment"}
    assert body["detail"] == "4 fields are wrong"


def test_a_secret_in_a_host_is_not_repeated(operator, untouched):
    response = operator.post("/api/servers/", {**NEW, "host": "https://user:hunter2@a.example.com"}, format="json")
    assert b"hunter2" not in response.content


BODIES = {  # what: (body, content type, status, code)
    "no JSON": (b"host_name=a", "application/json", 400, "parse_error"),
    "half of JSON": (b'{"host_name": "a"', "application/json", 400, "parse_error"),
    "JSON nested 10,000 deep": (b"[" * 10_000, "application/json", 400, "parse_error"),
    "JSON nested 10,000 deep and closed": (b"[" * 10_000 + b"]" * 10_000, "application/json", 400, "parse_error"),
    "objects nested 10,000 deep": (b'{"a":' * 10_000, "application/json", 400, "parse_error"),
    "NaN": (b'{"timeout_seconds": NaN}', "application/json", 400, "parse_error"),
    "Infinity": (b'{"timeout_seconds": -Infinity}', "application/json", 400, "parse_error"),
    "a number of 5,000 digits": (b'{"port": ' + b"9" * 5000 + b"}", "application/json", 400, "parse_error"),
    "bytes that are no text": (b'{"host_name": "\xff\xfe"}', "application/json", 400, "parse_error"),
    "surrogates as bytes": (b'{"host_name": "\xed\xa0\x80"}', "application/json", 400, "parse_error"),
    "a NUL byte": (b"\0", "application/json", 400, "parse_error"),
    "a number": (b"1", "application/json", 400, "invalid"),
    "null": (b"null", "application/json", 400, "invalid"),
    "a text": (b'"a"', "application/json", 400, "invalid"),
    "a list": (b"[1]", "application/json", 400, "invalid"),
    "a form": (b"host_name=a", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    "a file": (b"--x--", "multipart/form-data; boundary=x", 415, "unsupported_media_type"),
    "XML": (b"<a/>", "application/xml", 415, "unsupported_media_type"),
    "50 MB": (b" " * 50_000_000, "application/json", 413, "too_large"),
}


@pytest.mark.parametrize("path", ["/api/servers/", "/api/servers/bulk/"])
@pytest.mark.parametrize(("body", "content_type", "status", "code"), BODIES.values(), ids=BODIES)
def test_a_body_that_cannot_be_read_is_refused(operator, untouched, path, body, content_type, status, code):
    response = operator.generic("POST", path, body, content_type=content_type)
    assert refused(response, status)["code"] == code


@pytest.mark.parametrize(("body", "content_type", "status", "code"), BODIES.values(), ids=BODIES)
def test_a_browser_is_told_the_same(operator, untouched, body, content_type, status, code):
    headers = {"Accept": "text/html"}
    response = operator.generic("POST", "/api/servers/", body, content_type=content_type, headers=headers)
    assert response.status_code == status
    assert code in response.content.decode()


def test_a_body_is_refused_by_its_announced_size_without_being_read(operator, untouched):
    response = operator.generic(
        "POST", "/api/servers/", b"{}", content_type="application/json", CONTENT_LENGTH="9" * 15
    )
    assert refused(response, 413)["code"] == "too_large"


@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", "/api/servers/{id}/"), ("POST", "/api/servers/"), ("POST", "/api/inventory/sync/")]
)
def test_a_body_of_unknown_size_is_refused_instead_of_being_ignored(operator, untouched, method, path):
    headers = {"Transfer-Encoding": "chunked"}
    response = operator.generic(method, path.format(id=untouched.pk), b"", headers=headers)
    assert refused(response, 411)["code"] == "length_required"


def test_a_body_with_a_byte_order_mark_is_read(operator):
    body = b"\xef\xbb\xbf" + json.dumps(NEW).encode()
    assert operator.generic("POST", "/api/servers/", body, content_type="application/json").status_code == 201


def test_an_empty_body_lacks_every_field(operator, untouched):
    body = refused(operator.post("/api/servers/"))
    assert {error["field"] for error in body["errors"]} == {"host_name", "host", "port", "type", "environment"}


PATHS = {  # method, path: status, code
    ("get", "/api/servers/" + "9" * 30 + "/"): (404, "not_found"),
    ("get", "/api/servers/999999999999999999/"): (404, "not_found"),
    ("patch", "/api/servers/999999999999999999/"): (404, "not_found"),
    ("get", "/api/servers/0/"): (404, "not_found"),
    ("get", "/api/servers/-1/"): (404, "not_found"),
    ("get", "/api/servers/abc/"): (404, "not_found"),
    ("get", "/api/servers/%00/"): (404, "not_found"),
    ("get", "/api/servers/%ED%A0%80/"): (404, "not_found"),
    ("get", "/api/incidents/999999999999999999/"): (404, "not_found"),
    ("get", "/api/policies/PROD/"): (404, "not_found"),
    ("get", "/api/policies/live/"): (404, "not_found"),
    ("put", "/api/servers/"): (405, "method_not_allowed"),
    ("get", "/api/servers/all/"): (403, "permission_denied"),
    ("post", "/api/servers"): (404, "not_found"),
    ("post", "/api/nothing/"): (404, "not_found"),
    ("get", "/api/servers/?page=0"): (404, "not_found"),
    ("get", "/api/servers/?page=2"): (404, "not_found"),
    ("get", "/api/servers/?page=" + "9" * 6000): (404, "not_found"),
    ("get", "/api/servers/?page=abc"): (400, "invalid"),
    ("get", "/api/servers/?page=-1"): (400, "invalid"),
    ("get", "/api/servers/?page_size=0"): (400, "invalid"),
    ("get", "/api/servers/?page_size=abc"): (400, "invalid"),
    ("get", "/api/servers/?page_size=" + "9" * 6000): (400, "invalid"),
    ("get", "/api/servers/?environment=FOO"): (400, "invalid"),
    ("get", "/api/servers/?type=9"): (400, "invalid"),
    ("get", "/api/servers/?health=SICK"): (400, "invalid"),
    ("get", "/api/servers/?notification=perhaps"): (400, "invalid"),
    ("get", "/api/servers/?ordering=secret"): (400, "invalid"),
    ("get", "/api/servers/?search=%00"): (400, "invalid"),
    ("get", "/api/servers/?tag=%00"): (400, "invalid"),
    ("get", "/api/servers/?enviroment=DEV"): (400, "invalid"),
    ("get", "/api/status/?environment=FOO"): (400, "invalid"),
    ("get", "/api/status/?health=SICK"): (400, "invalid"),
    ("get", "/api/transitions/?after=yesterday"): (400, "invalid"),
    ("get", "/api/transitions/?before=2026-13-01"): (400, "invalid"),
    ("get", "/api/transitions/?after=0001-01-01T00:00:00%2B14:00"): (400, "invalid"),
    ("get", "/api/transitions/?after=9999-12-31T23:59:59-14:00"): (400, "invalid"),
    ("get", "/api/transitions/?server=abc"): (400, "invalid"),
    ("get", "/api/transitions/?server=" + "9" * 30): (400, "invalid"),
    ("get", "/api/transitions/?server=NaN"): (400, "invalid"),
    ("get", "/api/transitions/?environment=FOO"): (400, "invalid"),
    ("get", "/api/incidents/?open=perhaps"): (400, "invalid"),
    ("get", "/api/incidents/?after="): (200, ""),
    ("get", "/api/incidents/?since=2026-01-01"): (400, "invalid"),
}


@pytest.mark.parametrize(("asked", "answer"), PATHS.items(), ids=[f"{m} {p[:60]}" for m, p in PATHS])
def test_a_wrong_path_or_parameter_is_refused(operator, untouched, asked, answer):
    (method, path), (status, code) = asked, answer
    response = getattr(operator, method)(path)
    if status == 200:
        assert response.status_code == 200
        return
    body = refused(response, status)
    assert body["code"] == code
    if code == "invalid":
        assert [error["field"] for error in body["errors"]] == [path.partition("?")[2].partition("=")[0]]


def test_a_wrong_policy_is_refused(operator):
    for field, value in {"interval_seconds": 0, "timeout_seconds": True, "unhealthy_threshold": 1.0, "x": 1}.items():
        body = refused(operator.put("/api/policies/LIVE/", {field: value}, format="json"))
        assert [error["field"] for error in body["errors"]] == [field]
    both = {"interval_seconds": 5, "timeout_seconds": 6}
    assert refused(operator.put("/api/policies/LIVE/", both, format="json"))["errors"][0]["field"] == "timeout_seconds"
    assert Policy.objects.get(pk="LIVE").interval_seconds is None


def test_a_wrong_token_is_refused(operator):
    name: Any
    for name in ("n" * 101, "a\0", "\ud800", None, {}):
        body = refused(send(operator.post, "/api/tokens/", {"name": name}))
        assert [error["field"] for error in body["errors"]] == ["name"]
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize(
    ("error", "status", "field"),
    [
        (DataError(1406, "Data too long for column 'host_name' at row 1"), 400, "host_name"),
        (OperationalError(1366, "Incorrect string value: '\\xF0' for column `m`.`server_health`.`host`"), 400, "host"),
        (DataError("something else"), 400, "body"),
        (OperationalError(2006, "Server has gone away"), 503, None),
    ],
)
def test_what_the_database_refuses_is_no_accident(operator, monkeypatch, error, status, field):
    def fail(*_args, **_kwargs):
        raise error

    monkeypatch.setattr(recording, "save", fail)
    response = operator.post("/api/servers/", NEW, format="json")
    body = refused(response, status)
    assert [entry["field"] for entry in body["errors"]] == ([field] if field else [])
    assert "gone away" not in response.content.decode()
    assert response.has_header("Retry-After") is (status == 503)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from([*NEW, "path", "scheme", "request_headers", "tags", "timeout_seconds"]), json_values
    )
)
def test_whatever_is_sent_is_answered(operator, changes):
    response = send(operator.post, "/api/servers/", {**NEW, **changes})
    assert response.status_code in (201, 400), response.content[:300]
    if response.status_code == 400:
        refused(response)
    else:
        operator.delete(f"/api/servers/{response.json()['id']}/")
