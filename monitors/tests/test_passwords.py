"""Passwords: set by commands as Django sets them, and never hashed while others wait for locks."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection

from healthcheck.first_run import ensure_admin
from monitors.models import AuditEntry
from monitors.tests.test_account import OTHER, PASSWORD, WAYS, alice, here, is_logged_in, logged_in

__all__ = ["alice", "here"]  # fixtures
pytestmark = pytest.mark.django_db


@pytest.fixture
def typed(monkeypatch):
    """What somebody types when asked for a password, one line after the other."""
    lines: list[str] = []
    monkeypatch.setattr("getpass.getpass", lambda prompt="": lines.pop(0))
    return lines


def command(name, *arguments, **options):
    out = StringIO()
    call_command(name, *arguments, stdout=out, stderr=out, **options)
    return out.getvalue()


def changes():
    return AuditEntry.objects.latest("id").changes


# commands


def test_a_superuser_is_made_without_questions_and_cannot_log_in_before_there_is_a_password(monkeypatch):
    monkeypatch.delenv("DJANGO_SUPERUSER_PASSWORD", raising=False)
    said = command("createsuperuser", "--noinput", "--username", "lee", "--email", "lee@EXAMPLE.com")
    lee = User.objects.get()
    assert said == "Superuser created successfully.\n"
    assert (lee.username, lee.email, lee.is_staff, lee.is_superuser) == ("lee", "lee@example.com", True, True)
    assert not lee.has_usable_password()
    assert changes()["is_superuser"] == [None, True]


def test_a_superuser_is_made_with_the_password_of_the_environment(monkeypatch, client):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    command("createsuperuser", "--noinput", "--username", "lee", "--email", "")
    assert client.login(username="lee", password=PASSWORD)
    assert PASSWORD not in str(changes())


def test_a_name_that_is_taken_makes_no_superuser(alice):
    with pytest.raises(CommandError, match="already taken"):
        command("createsuperuser", "--noinput", "--username", "alice", "--email", "")
    assert not AuditEntry.objects.exists()


def test_a_password_is_changed_by_typing_it_twice_and_ends_the_sessions(alice, here, typed):
    typed += [OTHER, "mistyped", OTHER, OTHER]
    said = command("changepassword", "alice")
    assert "do not match" in said
    assert "Password changed successfully for user 'alice'" in said
    assert not is_logged_in(here)
    assert is_logged_in(logged_in(OTHER))
    assert changes() == {"password": ["********", "********"]}


def test_a_password_that_is_weak_three_times_is_not_changed(alice, typed):
    typed += ["short"] * 6
    with pytest.raises(CommandError, match="after 3 attempts"):
        command("changepassword", "alice")
    assert User.objects.get().check_password(PASSWORD)
    assert not AuditEntry.objects.exists()


def test_the_password_of_nobody_is_not_changed():
    with pytest.raises(CommandError, match="'bob' does not exist"):
        command("changepassword", "bob")


def test_without_a_password_nobody_logs_in_any_more_and_it_is_written_down(alice, admin_client):
    form = {"usable_password": "false", "unset-password": "yes"}
    assert admin_client.post(f"/admin/auth/user/{alice.pk}/password/", form).status_code == 302
    assert not User.objects.get(pk=alice.pk).has_usable_password()
    assert changes() == {"password": ["********", None]}


# hashing


class Watching(MD5PasswordHasher):
    algorithm = "watching"
    hashed: list[bool] = []

    def encode(self, password, salt):
        self.hashed.append(connection.in_atomic_block)
        return super().encode(password, salt)


@pytest.fixture
def hashed(settings):
    """Of each password that is hashed, whether a transaction was open."""
    settings.PASSWORD_HASHERS = [f"{__name__}.Watching", *settings.PASSWORD_HASHERS]
    Watching.hashed.clear()
    return Watching.hashed


def by_command(alice, _here):
    command("changepassword", "alice")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", [*WAYS.values(), by_command], ids=[*WAYS, "a command"])
def test_no_password_is_hashed_inside_a_transaction(alice, here, typed, hashed, change):
    typed += [OTHER, OTHER]
    hashed.clear()
    change(alice, here)
    assert hashed
    assert not any(hashed)


@pytest.mark.django_db(transaction=True)
def test_no_password_of_a_new_superuser_is_hashed_inside_a_transaction(monkeypatch, hashed):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    command("createsuperuser", "--noinput", "--username", "lee", "--email", "")
    User.objects.all().delete()
    ensure_admin()
    assert hashed == [False, False]
