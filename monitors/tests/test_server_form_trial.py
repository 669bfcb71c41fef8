"""Looking at a server before it is saved."""

from __future__ import annotations

import pytest
from django.db import connection

from monitors.forms import server as server_form
from monitors.models import Server, ServerStatus
from monitors.tests.answers import text
from monitors.tests.builders import server
from monitors.tests.forms import TYPED, filled
from monitors.tests.misbehaving import Farm, answer, closed_port, hangs, says
from monitors.tests.people import visitor

pytestmark = pytest.mark.django_db

SECRET = "Bearer very-secret-value"
HX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/?environment=DEV"}


@pytest.fixture
def operator():
    return visitor("operator")


def test_a_look_before_saving_says_what_it_found(operator):
    with Farm() as farm, closed_port() as closed:
        there = {**TYPED, "host": "127.0.0.1", "act": "try"}
        port = farm.serve(says(answer(body=b"hello"))).port
        page = text(operator.post("/servers/new/", {**there, "port": port}, headers=HX))
        assert "It works" in page
        assert "Answered with status 200" in page
        assert f"http://127.0.0.1:{port}/" in page
        page = text(operator.post("/servers/new/", {**there, "port": closed}, headers=HX))
        assert "It would count as failed" in page
        assert "Connection refused" in page
    assert not Server.objects.exists()


def test_a_look_shows_how_a_wrong_answer_began_and_when_the_certificate_ends(operator, monkeypatch):
    with Farm() as farm:
        monkeypatch.setenv("SSL_CERT_FILE", str(farm.authority.file))
        context = farm.authority.context("127.0.0.1", days=(-1, 10))
        port = farm.serve(says(answer(503, b"<script>alert(1)</script>")), tls=context).port
        typed = {**TYPED, "host": "https://127.0.0.1", "port": port, "act": "try"}
        page = text(operator.post("/servers/new/", typed, headers=HX))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "9 days left" in page


def test_a_look_needs_no_name_and_a_page_shows_it_beside_the_form(operator):
    with Farm() as farm:
        port = farm.serve(says(answer())).port
        typed = {**TYPED, "host_name": "", "host": "127.0.0.1", "port": port, "act": "try"}
        page = text(operator.post("/servers/new/", typed))
    assert "It works" in page
    assert 'name="host_name"' in page
    assert "Nothing was saved" in page


def test_a_look_that_cannot_be_taken_says_what_to_correct(operator):
    page = text(operator.post("/servers/new/", {**TYPED, "host": "a b", "port": "0", "act": "try"}, headers=HX))
    assert "Correct this first" in page
    assert 'href="#server_port"' in page
    assert "It works" not in page


def test_a_look_sends_the_stored_secret_behind_a_mask(operator):
    with Farm() as farm:
        there = farm.serve(says(answer()))
        target = server(port=there.port, request_headers={"Authorization": SECRET})
        path = f"/servers/{target.pk}/edit/"
        page = text(operator.post(path, {**filled(operator, path), "act": "try"}, headers=HX))
        assert "It works" in page
        assert SECRET not in page
        assert any(SECRET.encode() in request for request in there.requests)
    assert not ServerStatus.objects.filter(last_checked_at__isnull=False).exists()


def test_a_look_reaches_no_denied_address(operator):
    typed = {**TYPED, "host": "169.254.169.254", "act": "try"}
    assert "never probed" in text(operator.post("/servers/new/", typed, headers=HX))


def test_a_look_takes_no_longer_than_somebody_waits(operator, monkeypatch):
    monkeypatch.setattr(server_form, "PATIENCE_SECONDS", 0.2)
    with Farm() as farm:
        typed = {**TYPED, "host": "127.0.0.1", "port": farm.serve(hangs).port, "timeout_seconds": "300"}
        typed |= {"interval_seconds": "600", "act": "try"}
        page = text(operator.post("/servers/new/", typed, headers=HX))
    assert "It would count as failed" in page
    assert "although the timeout is longer" in page


@pytest.mark.django_db(transaction=True)
def test_nobody_looks_with_a_transaction_open(operator, monkeypatch):
    seen: list[bool] = []
    real = server_form.bounded

    def bounded(*args):
        seen.append(connection.in_atomic_block)
        return real(*args)

    monkeypatch.setattr("monitors.views.server_form.bounded", bounded)
    with closed_port() as closed:
        target = server(port=closed)
        path = f"/servers/{target.pk}/edit/"
        operator.post(path, {**filled(operator, path), "act": "try"})
        operator.post("/servers/new/", {**TYPED, "host": "127.0.0.1", "port": closed, "act": "try"})
    assert seen == [False, False]
