"""Adding, editing and deleting a server on the pages."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils.html import escape

from monitors import recording
from monitors.fields import MASK
from monitors.models import Policy, Server, ServerStatus, StatusTransition
from monitors.tests.answers import text
from monitors.tests.builders import NOW, see, server
from monitors.tests.forms import TYPED, filled
from monitors.tests.people import person, visitor

pytestmark = pytest.mark.django_db

SECRET = "Bearer very-secret-value"
HOSTILE = "<script>alert(1)</script>"
HX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/?environment=DEV"}


@pytest.fixture
def operator():
    return visitor("operator")


# who may

PATHS = ("/servers/new/", "/servers/{}/edit/", "/servers/{}/delete/")


@pytest.mark.parametrize("path", PATHS)
def test_a_viewer_neither_sees_nor_sends_a_form(path):
    viewer, path = visitor("viewer"), path.format(server().pk)
    assert viewer.get(path).status_code == 403
    assert viewer.post(path, TYPED).status_code == 403
    assert Server.objects.count() == 1


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_is_sent_to_the_login(client, path):
    response = client.post(path.format(server().pk), TYPED)
    assert response.status_code == 302
    assert response["Location"].startswith("/login/")
    assert Server.objects.count() == 1


def test_a_form_takes_its_token():
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(person("operator"))
    assert strict.post("/servers/new/", TYPED).status_code == 403


@pytest.mark.parametrize("path", ["/servers/4711/edit/", "/servers/4711/delete/", f"/servers/{'9' * 40}/edit/"])
def test_a_server_that_does_not_exist_is_404(operator, path):
    assert operator.get(path).status_code == 404
    assert operator.post(path, TYPED).status_code == 404


# adding


def test_a_server_is_added_with_a_name_and_an_address(operator):
    response = operator.post("/servers/new/", {**TYPED, "notification": "on"}, follow=True)
    added = Server.objects.get()
    assert response.redirect_chain == [(f"/servers/{added.pk}/", 302)]
    assert "web-1 is added." in text(response)
    assert (added.host, added.port, added.type, added.environment) == ("https://web.example.com", 443, 1, "LIVE")
    assert added.notification
    assert (added.interval_seconds, added.path, added.verify_tls, added.tags) == (None, None, None, None)
    assert ServerStatus.objects.filter(server=added).exists()


def test_everything_that_a_server_can_have_is_stored(operator):
    more = {
        "tags": "payment, seoul ,payment",
        "interval_seconds": "60",
        "timeout_seconds": "2.5",
        "healthy_threshold": "1",
        "unhealthy_threshold": "5",
        "path": "/health?full=1",
        "scheme": "https",
        "expected_status": "200-299,301",
        "expected_text": " ok ",
        "verify_tls": "False",
        "subprotocol": "chat.v1",
        "request_headers": f"Authorization: {SECRET}\r\n\r\nX-Trace: a:b",
    }
    operator.post("/servers/new/", {**TYPED, **more})
    added = Server.objects.get()
    assert added.tags == ["payment", "seoul"]
    assert (added.interval_seconds, added.timeout_seconds) == (60, 2.5)
    assert (added.healthy_threshold, added.unhealthy_threshold) == (1, 5)
    assert (added.path, added.scheme, added.expected_status) == ("/health?full=1", "https", "200-299,301")
    assert (added.expected_text, added.verify_tls, added.subprotocol) == (" ok ", False, "chat.v1")
    assert added.request_headers == {"Authorization": SECRET, "X-Trace": "a:b"}
    assert not added.notification


def test_the_form_starts_with_what_is_likely(operator):
    form = operator.get("/servers/new/?environment=DEV").context["form"]
    begun = {name: form[name].value() for name in ("port", "type", "environment", "notification")}
    assert begun == {"port": 443, "type": 1, "environment": "DEV", "notification": True}
    assert operator.get("/servers/new/?environment=MOON").context["form"]["environment"].value() == "LIVE"


def test_what_is_inherited_is_shown_with_where_it_comes_from(operator):
    Policy.objects.filter(environment="DEV").update(interval_seconds=120)
    page = text(operator.get("/servers/new/?environment=DEV"))
    assert 'placeholder="120 – policy of the environment"' in page
    assert 'placeholder="5 – environment variable"' in page


BAD = {  # sentence: (what is typed, the field, words)
    "an unknown type": ({"type": "9"}, "type", "not one of the available choices"),
    "an environment that does not exist": ({"environment": "MOON"}, "environment", "not one of"),
    "port 0": ({"port": "0"}, "port", "greater than or equal to 1"),
    "port 70000": ({"port": "70000"}, "port", "less than or equal to 65535"),
    "a port of many digits": ({"port": "4" * 5_000}, "port", ""),
    "no port": ({"port": ""}, "port", "required"),
    "a blank name": ({"host_name": "  "}, "host_name", "required"),
    "a name of 256 characters": ({"host_name": "a" * 256}, "host_name", "at most 255"),
    "a name that exists": ({"host_name": "taken"}, "host_name", "exists already"),
    "a name that exists in another case": ({"host_name": "TAKEN"}, "host_name", "exists already"),
    "a name with an invisible character": ({"host_name": "we\u202eb"}, "host_name", "U+202E"),
    "a name with a null character": ({"host_name": "a\0b"}, "host_name", "Null characters"),
    "a host with blanks": ({"host": "web example"}, "host", "Remove the blanks"),
    "a host with a line break": ({"host": "web\r\nX-Evil: 1"}, "host", "Remove the blanks"),
    "a host with credentials": ({"host": "https://kim:pw@web.example.com"}, "host", "user name and password"),
    "a scheme that is not probed": ({"host": "ftp://web.example.com"}, "host", "instead of ftp"),
    "a denied address": ({"host": "169.254.169.254"}, "host", "never probed"),
    "a denied address in another spelling": ({"host": "0xA9FEA9FE"}, "host", ""),
    "threshold 0": ({"unhealthy_threshold": "0"}, "unhealthy_threshold", "greater than or equal to 1"),
    "an interval of a fraction": ({"interval_seconds": "1.5"}, "interval_seconds", "whole number"),
    "a timeout longer than the interval": (
        {"interval_seconds": "5", "timeout_seconds": "6"},
        "timeout_seconds",
        "not be longer than the interval, 5 s",
    ),
    "a timeout that is no number": ({"timeout_seconds": "NaN"}, "timeout_seconds", "Enter a number"),
    "a status that is none": ({"expected_status": "2xx"}, "expected_status", "200-299,301"),
    "a header without a colon": ({"request_headers": "Authorization"}, "request_headers", "Line 1"),
    "a header twice": ({"request_headers": "X-A: 1\nx-a: 2"}, "request_headers", "twice"),
    "a header of the prober": ({"request_headers": "Connection: close"}, "request_headers", "by the prober itself"),
    "a mask with nothing behind it": ({"request_headers": f"X-A: {MASK}"}, "request_headers", "no value is stored"),
    "a tag that is too long": ({"tags": "a" * 51}, "tags", "1 to 50 characters"),
    "a subprotocol with a blank": ({"subprotocol": "a b"}, "subprotocol", "letters, digits"),
}


@pytest.mark.parametrize("headers", [{}, HX], ids=["page", "dialog"])
@pytest.mark.parametrize(("typed", "field", "words"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_written(operator, typed, field, words, headers):
    server(host_name="taken")
    response = operator.post("/servers/new/", {**TYPED, **typed}, headers=headers)
    page = text(response, 422)
    errors = response.context["form"].errors
    assert list(errors) == [field]
    assert words in str(errors[field])
    assert f'id="server_{field}_error"' in page
    assert f'href="#server_{field}"' in page  # from the summary
    assert Server.objects.count() == 1


def test_all_that_is_wrong_is_said_at_once(operator):
    response = operator.post("/servers/new/", {"host_name": "", "host": "", "port": "x", "interval_seconds": "0"})
    assert "6 fields are wrong" in text(response, 422)


def test_a_body_that_is_too_large_is_413(operator):
    response = operator.post("/servers/new/", {**TYPED, "tags": "a" * 9 * 1024 * 1024})
    assert response.status_code == 413
    assert not Server.objects.exists()


def test_a_secret_that_was_typed_is_not_sent_back(operator):
    page = text(operator.post("/servers/new/", {**TYPED, "port": "0", "request_headers": f"X-A: {SECRET}"}), 422)
    assert SECRET not in page
    assert "Type the request headers again" in page


def test_what_was_typed_is_kept_when_something_else_is_wrong(operator):
    page = text(operator.post("/servers/new/", {**TYPED, "port": "0", "tags": HOSTILE}), 422)
    assert 'value="web-1"' in page
    assert f'value="{escape(HOSTILE)}"' in page
    assert "<script>alert" not in page


def test_somebody_who_takes_the_name_in_between_wins(operator, monkeypatch):
    """The check of the form passes and the database has the last word."""
    server(host_name="taken")
    monkeypatch.setattr(Server, "validate_constraints", lambda *_args, **_more: None)
    monkeypatch.setattr(Server, "validate_unique", lambda *_args, **_more: None)
    assert "exists already" in text(operator.post("/servers/new/", {**TYPED, "host_name": "taken"}), 422)


def test_a_dialog_that_is_done_lets_the_page_beneath_load_anew(operator):
    response = operator.post("/servers/new/", TYPED, headers=HX)
    assert (response.status_code, response["HX-Refresh"]) == (204, "true")


# editing


def test_the_form_sent_back_as_it_is_changes_nothing(operator):
    target = server(
        host_name="full",
        host="wss://chat.example.com:8443/x",
        type=2,
        tags=["a", "b"],
        request_headers={"Authorization": SECRET},
        verify_tls=True,
        expected_text=" ok",
        notification=False,
        timeout_seconds=2.5,
    )
    see(target, "+")
    path = f"/servers/{target.pk}/edit/"
    before = Server.objects.filter(pk=target.pk).values().get()
    operator.post(path, filled(operator, path))
    after = Server.objects.filter(pk=target.pk).values().get()
    assert {**after, "updated_at": None} == {**before, "updated_at": None}
    assert ServerStatus.objects.get().health == "HEALTHY"  # the same target: nothing is forgotten


def test_a_masked_value_stays_and_a_new_one_takes_its_place(operator):
    target = server(request_headers={"Authorization": SECRET, "X-Old": "1", "X-Gone": "2"})
    path = f"/servers/{target.pk}/edit/"
    assert SECRET not in text(operator.get(path))
    typed = {**filled(operator, path), "request_headers": f"authorization: {MASK}\nX-Old: new"}
    assert operator.post(path, typed).status_code == 302
    assert Server.objects.get().request_headers == {"authorization": SECRET, "X-Old": "new"}


def test_a_setting_that_is_emptied_is_inherited_again(operator):
    target = server(interval_seconds=10, path="/x", tags=["a"], request_headers={"X-A": "1"})
    path = f"/servers/{target.pk}/edit/"
    gone = dict.fromkeys(("interval_seconds", "path", "tags", "request_headers"), "")
    operator.post(path, {**filled(operator, path), **gone})
    edited = Server.objects.get()
    assert (edited.interval_seconds, edited.path, edited.tags, edited.request_headers) == (None, None, None, None)


def test_another_address_is_another_target(operator):
    target = server()
    see(target, "--")
    path = f"/servers/{target.pk}/edit/"
    operator.post(path, {**filled(operator, path), "host": "10.1.2.3"})
    last = StatusTransition.objects.order_by("-id")[0]
    assert (last.reason, last.to_health) == ("edited", "UNKNOWN")
    assert last.actor.startswith("operator-")


def test_a_pause_stays_when_a_server_is_edited(operator):
    target = server()
    recording.pause([target.pk], actor="tests", now=NOW, reason="replaced")
    path = f"/servers/{target.pk}/edit/"
    operator.post(path, {**filled(operator, path), "port": "81"})
    edited = Server.objects.get()
    assert (edited.port, edited.paused, edited.paused_reason) == (81, True, "replaced")


def test_of_two_who_edit_at_once_the_second_is_told(operator):
    target = server(port=80)
    path = f"/servers/{target.pk}/edit/"
    typed = {**filled(operator, path), "host": "10.1.2.3"}
    Server.objects.filter(pk=target.pk).update(port=81)
    response = operator.post(path, typed)
    assert "Somebody else has changed this server" in text(response, 409)
    assert Server.objects.get().host == "127.0.0.1"
    again = {**typed, "seen": response.context["form"].initial["seen"]}
    assert operator.post(path, again).status_code == 302
    assert (Server.objects.get().host, Server.objects.get().port) == ("10.1.2.3", 80)


def test_whoever_chooses_another_type_meanwhile_is_told_so_as_well(operator):
    target = server(port=80)
    path = f"/servers/{target.pk}/edit/"
    typed = filled(operator, path)
    Server.objects.filter(pk=target.pk).update(port=81)
    shown = operator.post(path, {**typed, "type": "2", "act": "kind"})
    again = {**typed, "type": "2", "seen": shown.context["form"].initial["seen"]}
    assert "Somebody else has changed this server" in text(operator.post(path, again), 409)


def test_an_adopted_type_has_to_be_corrected(operator):
    target = server()
    Server.objects.filter(pk=target.pk).update(type=9)
    path = f"/servers/{target.pk}/edit/"
    typed = filled(operator, path)
    assert "not one of the available choices" in text(operator.post(path, typed), 422)
    assert operator.post(path, {**typed, "type": "6"}).status_code == 302


# deleting


def test_a_server_is_deleted_after_a_question(operator):
    target = server(host_name=HOSTILE)
    see(target, "--")
    page = text(operator.get(f"/servers/{target.pk}/delete/"))
    assert escape(HOSTILE) in page
    assert "<script>alert" not in page
    assert "whoever was told so is told" in page
    assert Server.objects.exists()
    response = operator.post(f"/servers/{target.pk}/delete/", follow=True)
    assert response.redirect_chain == [("/", 302)]
    assert not Server.objects.exists()
    assert StatusTransition.objects.filter(reason="deleted").get().outage == "ended"


def test_the_page_of_a_server_that_is_gone_is_left(operator):
    target = server()
    here = {**HX, "HX-Current-URL": f"http://testserver/servers/{target.pk}/"}
    response = operator.post(f"/servers/{target.pk}/delete/", headers=here)
    assert (response.status_code, response["HX-Redirect"]) == (204, "/")


# budgets


def test_a_form_takes_few_queries(operator, django_assert_max_num_queries):
    target = server()
    with django_assert_max_num_queries(6):
        operator.get(f"/servers/{target.pk}/edit/")
    with django_assert_max_num_queries(6):
        operator.get("/servers/new/")
