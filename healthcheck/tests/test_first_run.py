from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from healthcheck import first_run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in ("ADMIN_USERNAME", "ADMIN_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


def test_the_first_admin_gets_a_password_that_is_shown_once():
    username, password = first_run.ensure_admin()
    assert username == "admin"
    assert password
    admin = User.objects.get()
    assert (admin.is_superuser, admin.check_password(password)) == (True, True)
    assert first_run.ensure_admin() == ("admin", None)


def test_a_given_password_is_used_and_not_shown(monkeypatch):
    monkeypatch.setenv("ADMIN_USERNAME", "kim")
    monkeypatch.setenv("ADMIN_PASSWORD", "given-by-the-owner")
    assert first_run.ensure_admin() == ("kim", None)
    assert User.objects.get(username="kim").check_password("given-by-the-owner")


def test_an_existing_superuser_is_left_alone(monkeypatch):
    User.objects.create_superuser("root", password="old")
    monkeypatch.setenv("ADMIN_PASSWORD", "new")
    assert first_run.ensure_admin() == ("root", None)
    assert User.objects.get().check_password("old")


def test_nobody_is_made_an_admin_by_name_alone():
    User.objects.create_user("admin")
    with pytest.raises(SystemExit, match="choose another ADMIN_USERNAME"):
        first_run.ensure_admin()
    assert not User.objects.filter(is_superuser=True).exists()
