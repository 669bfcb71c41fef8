from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from monitors.models import Policy, Server
from monitors.validation import MAX_HEADERS, name_key

VALID: dict[str, Any] = {"host_name": "chat", "host": "chat.example.com", "port": 443, "type": 2, "environment": "LIVE"}


def problems(**changes) -> set[str]:
    """The fields at fault when a valid server is changed so."""
    try:
        Server(**{**VALID, **changes}).full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        return set(error.message_dict)
    return set()


ACCEPTED = {
    "the plainest server": {},
    "every optional value": {
        "path": "/hub/chat?room=1",
        "scheme": "wss",
        "expected_status": "200-299, 301",
        "expected_text": "all\tgood\n",
        "request_headers": {"Host": "other.example.com", "X-Key": "ä secret"},
        "verify_tls": False,
        "subprotocol": "v2.chat",
        "tags": ["payment", "결제"],
        "interval_seconds": 10,
        "timeout_seconds": 10.0,
    },
    "a Korean name": {"host_name": "채팅 서버 1"},
    "a host with scheme, port and path": {"host": "https://web.example.com:8443/health"},
    "a private address": {"host": "10.1.2.3"},
    "loopback": {"host": "127.0.0.1"},
    "a timeout longer than an interval that is inherited": {"timeout_seconds": 60.0},
}

REFUSED = {
    "a type that nobody knows": ("type", {"type": 9}),
    "port 0": ("port", {"port": 0}),
    "port 70000": ("port", {"port": 70_000}),
    "no port": ("port", {"port": None}),
    "an empty name": ("host_name", {"host_name": ""}),
    "a blank name": ("host_name", {"host_name": " \t "}),
    "a name of 256 characters": ("host_name", {"host_name": "n" * 256}),
    "a name with a NUL": ("host_name", {"host_name": "a\0b"}),
    "a name with a line break": ("host_name", {"host_name": "a\r\nb"}),
    "a name with a lone surrogate": ("host_name", {"host_name": "a\ud800b"}),
    "a name that reads backwards": ("host_name", {"host_name": "a\u202eb"}),
    "an environment that nobody knows": ("environment", {"environment": "PROD"}),
    "an empty host": ("host", {"host": ""}),
    "a host with a blank": ("host", {"host": "a b.example.com"}),
    "a host with a line break": ("host", {"host": "a.example.com\r\nX: y"}),
    "a host with a NUL": ("host", {"host": "a.example.com\0"}),
    "a host with credentials": ("host", {"host": "https://user:secret@a.example.com"}),
    "a host of another scheme": ("host", {"host": "file:///etc/passwd"}),
    "a path with a line break": ("path", {"path": "/a\nb"}),
    "a scheme that is not probed": ("scheme", {"scheme": "ftp"}),
    "a status that is none": ("expected_status", {"expected_status": "200-99"}),
    "a text with a NUL": ("expected_text", {"expected_text": "a\0"}),
    "a text with a lone surrogate": ("expected_text", {"expected_text": "\udfff"}),
    "a subprotocol with a blank": ("subprotocol", {"subprotocol": "a b"}),
    "threshold 0": ("unhealthy_threshold", {"unhealthy_threshold": 0}),
    "a threshold of 101": ("healthy_threshold", {"healthy_threshold": 101}),
    "interval 0": ("interval_seconds", {"interval_seconds": 0}),
    "a timeout longer than the interval": ("timeout_seconds", {"interval_seconds": 5, "timeout_seconds": 5.1}),
    "headers that are a list": ("request_headers", {"request_headers": ["a"]}),
    "too many headers": ("request_headers", {"request_headers": {f"X-{n}": "" for n in range(MAX_HEADERS + 1)}}),
    "a header name with a line break": ("request_headers", {"request_headers": {"X\r\nY": "z"}}),
    "a header name with a blank": ("request_headers", {"request_headers": {"X Y": "z"}}),
    "a header value with a line break": ("request_headers", {"request_headers": {"X": "a\r\nY: b"}}),
    "a header value with a lone surrogate": ("request_headers", {"request_headers": {"X": "\ud800"}}),
    "a header value that is a number": ("request_headers", {"request_headers": {"X": 1}}),
    "a header twice": ("request_headers", {"request_headers": {"X": "1", "x": "2"}}),
    "a header that frames the request": ("request_headers", {"request_headers": {"Content-Length": "9"}}),
    "a header of the handshake": ("request_headers", {"request_headers": {"Sec-WebSocket-Key": "9"}}),
    "tags that are numbers": ("tags", {"tags": [1]}),
    "a tag with a comma": ("tags", {"tags": ["a,b"]}),
    "an empty tag": ("tags", {"tags": [" "]}),
    "a long tag": ("tags", {"tags": ["t" * 51]}),
    "a tag with a NUL": ("tags", {"tags": ["a\0"]}),
    "too many tags": ("tags", {"tags": [f"tag-number-{n}" for n in range(50)]}),
}

DENIED = [
    "169.254.169.254",
    "http://2852039166",
    "[::ffff:169.254.169.254]",
    "::ffff:a9fe:a9fe",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "http://169.254.169.254:80/latest/meta-data",
    "metadata.google.internal",
    "Metadata.Google.Internal.",
    "[fe80::1]",
    "0.0.0.0",
    "224.0.0.1",
]


@pytest.mark.parametrize("changes", ACCEPTED.values(), ids=ACCEPTED)
def test_a_valid_server_passes(changes):
    assert problems(**changes) == set()


@pytest.mark.parametrize(("field", "changes"), REFUSED.values(), ids=REFUSED)
def test_an_invalid_server_is_refused_by_the_field_at_fault(field, changes):
    assert problems(**changes) == {field}


@pytest.mark.parametrize("host", DENIED)
def test_a_denied_address_is_refused_in_every_spelling(host):
    assert problems(host=host) == {"host"}


def test_a_setting_denies_more(settings):
    settings.PROBE_DENY_NETWORKS = ["127.0.0.0/8", "::1"]
    assert problems(host="localhost") == set(), "a name is looked up when it is probed"
    assert problems(host="127.1") == problems(host="http://[::1]:8000/") == {"host"}


def test_everything_wrong_is_said_at_once():
    assert problems(host_name="a\0", host="a b", type=9, tags=[""], interval_seconds=1, timeout_seconds=2.0) == {
        "host_name",
        "host",
        "type",
        "tags",
        "timeout_seconds",
    }


def test_texts_are_trimmed_and_empty_ones_become_null():
    untidy = {"host_name": " Chat ", "host": " chat.example.com\n", "path": " ", "tags": [" a ", "a", "b"]}
    server = Server(**{**VALID, **untidy})
    server.full_clean(validate_unique=False, validate_constraints=False)
    assert (server.host_name, server.host, server.path, server.tags) == ("Chat", "chat.example.com", None, ["a", "b"])


def test_a_secret_is_not_repeated_in_the_message():
    with pytest.raises(ValidationError) as error:
        Server(**{**VALID, "request_headers": {"Authorization": "Bearer hunter2\n"}}).clean()
    assert "hunter2" not in str(error.value)


def test_the_timeout_of_a_policy_is_bounded_by_its_interval_too():
    with pytest.raises(ValidationError) as error:
        Policy(environment="DEV", interval_seconds=1, timeout_seconds=5.0).full_clean(validate_unique=False)
    assert set(error.value.message_dict) == {"timeout_seconds"}


@given(st.builds(dict, host_name=st.text(max_size=300), host=st.text(max_size=300), path=st.text(max_size=40)))
def test_any_text_is_accepted_or_refused_and_never_an_accident(changes):
    problems(**changes)


def test_names_compare_as_sqlite_compares_them():
    assert name_key("Chat") == name_key("cHAT")
    assert name_key("Ä") != name_key("ä")


def test_names_compare_as_mysql_compares_them(monkeypatch):
    monkeypatch.setattr("monitors.validation.connection.vendor", "mysql", raising=False)
    assert name_key("Chat") == name_key("CHÄT") == name_key("chat")
    assert name_key("채팅") != name_key("채널")
