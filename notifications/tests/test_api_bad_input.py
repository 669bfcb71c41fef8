from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.tests.people import client_of
from monitors.tests.test_api_bad_input import BODIES, HUGE, json_values, refused, send
from notifications.models import Channel, Delivery

pytestmark = pytest.mark.django_db

HOOK = "https://hooks.slack.com/services/T0001/B0001/canary"
NEW = {"channel_id": "C2", "name": "new"}

WRONG_IDS: dict[str, Any] = {
    "an id with blanks": "C 1",
    "an id with a slash": "C/1",
    "an id with a dot": "C.1",
    "an id with a hash": "#alerts",
    "a Korean id": "채널",
    "an id of 256 characters": "C" * 256,
    "an id with a NUL": "C\0",
    "an id with a lone surrogate": "C\ud800",
    "an id with a line break": "C1\nC2",
    "a blank id": "  ",
    "an empty id": "",
    "id null": None,
    "id true": True,
    "an id that is an object": {},
    "an id as a list": ["C3"],
    "an id that is a path of its own": "selection",
    "an id that exists": "C1",
}
WRONG = {  # what: (field, value)
    "an empty name": ("name", ""),
    "a blank name": ("name", " "),
    "a name of 81 characters": ("name", "n" * 81),
    "a name with a NUL": ("name", "a\0"),
    "a name with a lone surrogate": ("name", "\udc00"),
    "a name with a line break": ("name", "a\nb"),
    "a name that reads backwards": ("name", "a\u202eb"),
    "a name that is an object": ("name", {}),
    "name true": ("name", True),
    "enabled null": ("enabled", None),
    "enabled in words": ("enabled", "perhaps"),
    "enabled as a list": ("enabled", []),
    "an environment that is none": ("environments", ["LIVE", "PROD"]),
    "an environment in lower case": ("environments", ["live"]),
    "no environment": ("environments", []),
    "environments as a text": ("environments", "LIVE"),
    "environments as an object": ("environments", {"LIVE": True}),
    "an environment as a list": ("environments", [["LIVE"]]),
    "environment null": ("environments", [None]),
    "an environment with a lone surrogate": ("environments", ["\ud800"]),
    "a field that does not exist": ("hookurl", HOOK),
    "a field with a lone surrogate": ("\ud800", 5),
}
WRONG_HOOKS = {
    "another host": "https://canary.example.com/services/T/B/X",
    "Slack's host as a beginning": "https://hooks.slack.com.example.com/services/canary",
    "Slack's host as a user": "https://hooks.slack.com@example.com/services/canary",
    "Slack's host as a user, with a backslash": "https://hooks.slack.com\\@example.com/services/canary",
    "Slack's host as a fragment": "https://example.com/#@hooks.slack.com/services/canary",
    "a user and a password": "https://canary:canary@hooks.slack.com/services/T/B/X",
    "without TLS": "http://hooks.slack.com/services/T/B/canary",
    "another scheme": "ftp://hooks.slack.com/services/T/B/canary",
    "a file": "file:///etc/canary",
    "no scheme": "hooks.slack.com/services/T/B/canary",
    "another port": "https://hooks.slack.com:8443/services/T/B/canary",
    "a port that is none": "https://hooks.slack.com:canary/services/T/B/X",
    "the metadata service": "http://169.254.169.254/services/T/B/canary",
    "this machine": "http://127.0.0.1:8000/services/T/B/canary",
    "an address that is none": "https://[canary/services/T/B/X",
    "no path": "https://hooks.slack.com/?canary",
    "a workflow": "https://hooks.slack.com/workflows/T/A/1/canary",
    "a trigger": "https://hooks.slack.com/triggers/T/1/canary",
    "the answer to a press": "https://hooks.slack.com/actions/T/1/canary",
    "a line break": "https://hooks.slack.com/services/T/B/canary\r\nHost: a",
    "a NUL": "https://hooks.slack.com/services/T/B/canary\0",
    "a lone surrogate": "https://hooks.slack.com/services/T/B/canary\ud800",
    "Korean letters": "https://hooks.slack.com/services/T/B/canary채널",
    "blanks": "https://hooks.slack.com/services/T/B/can ary",
    "600 characters": "https://hooks.slack.com/services/T/B/canary" + "x" * 600,
    "nothing": "",
    "true": True,
    "an object": {"url": HOOK},
    "a list": [HOOK],
}


@pytest.fixture
def operator():
    return client_of("operator")


@pytest.fixture
def untouched():
    """Whatever happens, nothing is written."""
    channel = Channel.objects.create(channel_id="C1", name="alerts", hook_url=HOOK)
    before = (Channel.objects.values("channel_id", "name", "enabled", "environments", "hook_url_hint", "updated_at"),)
    seen = [list(rows) for rows in before]
    yield channel
    assert [list(rows.all()) for rows in before] == seen
    assert Channel.objects.get().hook_url == HOOK
    assert not Delivery.objects.exists()


def fields(body) -> list[str]:
    return [error["field"] for error in body["errors"]]


@pytest.mark.parametrize("value", WRONG_IDS.values(), ids=WRONG_IDS)
def test_a_wrong_id_is_refused(operator, untouched, value):
    assert fields(refused(send(operator.post, "/api/channels/", {**NEW, "channel_id": value}))) == ["channel_id"]


@pytest.mark.parametrize(("field", "value"), WRONG.values(), ids=WRONG)
def test_a_wrong_value_is_refused_by_its_field(operator, untouched, field, value):
    created = refused(send(operator.post, "/api/channels/", {**NEW, field: value}))
    assert set(fields(created)) == {field.encode("utf-8", "backslashreplace").decode()}
    for method in (operator.put, operator.patch):
        assert refused(send(method, "/api/channels/C1/", {field: value})) == created


@pytest.mark.parametrize("value", WRONG_HOOKS.values(), ids=WRONG_HOOKS)
def test_a_wrong_webhook_is_refused_and_never_repeated(operator, untouched, caplog, value):
    caplog.set_level("DEBUG")
    for method, path in ((operator.post, "/api/channels/"), (operator.put, "/api/channels/C1/")):
        response = send(method, path, {"name": "new", "hook_url": value})
        assert fields(refused(response)) == ["hook_url"]
        assert "canary" not in response.content.decode()
    assert "canary" not in caplog.text


def test_everything_wrong_is_said_at_once(operator, untouched):
    body = {"channel_id": "a b", "name": "", "hook_url": "x", "enabled": "x", "environments": ["x"]}
    answer = refused(send(operator.post, "/api/channels/", body))
    assert set(fields(answer)) == set(body)
    assert answer["detail"] == "5 fields are wrong"


@pytest.mark.parametrize("path", ["/api/channels/", "/api/channels/selection/"])
@pytest.mark.parametrize(("body", "content_type", "status", "code"), BODIES.values(), ids=BODIES)
def test_a_body_that_cannot_be_read_is_refused(operator, untouched, path, body, content_type, status, code):
    method = "PUT" if "selection" in path else "POST"
    response = operator.generic(method, path, body, content_type=content_type)
    assert refused(response, status)["code"] == code


def test_half_of_a_body_with_a_webhook_is_refused_without_repeating_it(operator, untouched, caplog):
    caplog.set_level("DEBUG")
    body = json.dumps({"hook_url": HOOK})[:-1].encode()
    for broken in (body, body + b"\xff}", body + b"}}"):
        response = operator.generic("POST", "/api/channels/", broken, content_type="application/json")
        refused(response)
        assert "canary" not in response.content.decode()
    assert "canary" not in caplog.text


SELECTIONS = {
    "nothing": {},
    "null": {"channel_ids": None},
    "a text": {"channel_ids": "C1"},
    "an object": {"channel_ids": {"C1": True}},
    "numbers as objects": {"channel_ids": [{}]},
    "a list of lists": {"channel_ids": [["C1"]]},
    "an empty id": {"channel_ids": ["C1", ""]},
    "a NUL": {"channel_ids": ["C1\0"]},
    "a lone surrogate": {"channel_ids": ["\ud800"]},
    "256 characters": {"channel_ids": ["C" * 256]},
    "a huge number": {"channel_ids": [HUGE]},
    "an id in another case": {"channel_ids": ["c1"]},
    "Korean letters": {"channel_ids": ["채널"]},
    "5,001 ids": {"channel_ids": ["C1"] * 5_001},
    "5,000 unknown ids": {"channel_ids": [f"U{n}" for n in range(5_000)]},
}


@pytest.mark.parametrize("body", SELECTIONS.values(), ids=SELECTIONS)
def test_a_wrong_selection_is_refused(operator, untouched, body):
    answer = refused(send(operator.put, "/api/channels/selection/", body))
    assert {field.partition(".")[0] for field in fields(answer)} == {"channel_ids"}
    assert len(answer["errors"]) <= 20


def test_a_selection_with_a_field_that_does_not_exist_is_refused(operator, untouched):
    assert fields(refused(send(operator.put, "/api/channels/selection/", {"channel_ids": [], "ids": []}))) == ["ids"]


PATHS = {  # method, path: status, code
    ("get", "/api/channels/C9/"): (404, "not_found"),
    ("patch", "/api/channels/C9/"): (404, "not_found"),
    ("delete", "/api/channels/C9/"): (404, "not_found"),
    ("post", "/api/channels/C9/test/"): (404, "not_found"),
    ("get", "/api/channels/" + "C" * 256 + "/"): (404, "not_found"),
    ("get", "/api/channels/%00/"): (404, "not_found"),
    ("get", "/api/channels/%ED%A0%80/"): (404, "not_found"),
    ("get", "/api/channels/%EC%B1%84/"): (404, "not_found"),
    ("get", "/api/channels/C1/test/"): (405, "method_not_allowed"),
    ("put", "/api/channels/"): (405, "method_not_allowed"),
    ("post", "/api/channels/selection/"): (405, "method_not_allowed"),
    ("get", "/api/channels/?enabled=perhaps"): (400, "invalid"),
    ("get", "/api/channels/?enable=true"): (400, "invalid"),
    ("get", "/api/channels/?page=abc"): (400, "invalid"),
    ("get", "/api/deliveries/0/"): (404, "not_found"),
    ("get", "/api/deliveries/abc/"): (404, "not_found"),
    ("get", "/api/deliveries/" + "9" * 30 + "/"): (404, "not_found"),
    ("post", "/api/deliveries/999999999999999999/resend/"): (404, "not_found"),
    ("get", "/api/deliveries/1/resend/"): (405, "method_not_allowed"),
    ("get", "/api/deliveries/?state=lost"): (400, "invalid"),
    ("get", "/api/deliveries/?state=SENT"): (400, "invalid"),
    ("get", "/api/deliveries/?kind=news"): (400, "invalid"),
    ("get", "/api/deliveries/?channel_id=%00"): (400, "invalid"),
    ("get", "/api/deliveries/?channel_id=" + "C" * 256): (400, "invalid"),
    ("get", "/api/deliveries/?server=abc"): (400, "invalid"),
    ("get", "/api/deliveries/?server=" + "9" * 30): (400, "invalid"),
    ("get", "/api/deliveries/?incident_id=0"): (400, "invalid"),
    ("get", "/api/deliveries/?after=yesterday"): (400, "invalid"),
    ("get", "/api/deliveries/?before=9999-12-31T23:59:59-14:00"): (400, "invalid"),
    ("get", "/api/deliveries/?transition=1"): (400, "invalid"),
}


@pytest.mark.parametrize(("asked", "answer"), PATHS.items(), ids=[f"{m} {p[:60]}" for m, p in PATHS])
def test_a_wrong_path_or_parameter_is_refused(operator, untouched, asked, answer):
    (method, path), (status, code) = asked, answer
    body = refused(getattr(operator, method)(path), status)
    assert body["code"] == code
    if code == "invalid":
        assert fields(body) == [path.partition("?")[2].partition("=")[0]]


@given(st.dictionaries(st.sampled_from(["channel_id", "name", "hook_url", "enabled", "environments"]), json_values))
def test_whatever_is_sent_is_answered(operator, body):
    response = send(operator.post, "/api/channels/", {**NEW, **body})
    assert response.status_code in (201, 400), response.content[:300]
    if response.status_code == 400:
        refused(response)
    else:
        assert operator.delete(f"/api/channels/{response.json()['channel_id']}/").status_code == 204
    assert send(operator.put, "/api/channels/selection/", body).status_code == 400
