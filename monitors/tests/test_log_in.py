"""Logging in, and failing to."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import get_hasher
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from monitors import attempts, retention
from monitors.models import LogInFailures
from monitors.tests.answers import text
from monitors.tests.people import person, visitor

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

PASSWORD = "long-enough-4711"
HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """How long attempts waited, without waiting."""
    slept: list[float] = []
    monkeypatch.setattr(attempts, "sleep", slept.append)
    return slept


@pytest.fixture
def alice():
    return User.objects.create_user("alice", password=PASSWORD, is_staff=True)


def log_in(name="alice", password=PASSWORD, *, address=HERE, path="/login/", forwarded=""):
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return Client(REMOTE_ADDR=address).post(path, {"username": name, "password": password}, headers=headers)


def fail(times, name="alice", **where):
    for number in range(times):
        response = log_in(name, f"wrong-{number}", **where)
        assert response.status_code == 200, number
    return response


def is_in(response):
    return response.status_code == 302


@pytest.mark.parametrize("path", ["/login/", "/admin/login/"])
def test_five_wrong_passwords_lock_a_name_at_an_address(alice, path):
    fail(5, path=path)
    for answer in (log_in(path=path), log_in(password="wrong", path=path)):
        assert answer.status_code == 429
        assert 880 < int(answer["Retry-After"]) <= 900
        assert "Too many failed log-ins" in text(answer, 429)
        assert "Try again in 14 min" in text(answer, 429) or "Try again in 15 min" in text(answer, 429)


def test_the_log_ins_of_pages_and_admin_are_counted_together(alice):
    fail(3, path="/login/")
    fail(2, path="/admin/login/")
    assert log_in().status_code == 429


def test_nobody_locks_somebody_out_elsewhere(alice):
    fail(5)
    assert is_in(log_in(address=ELSEWHERE))
    assert is_in(log_in(address="2001:db8::1"))


def test_a_name_is_never_locked_but_slowed_down(alice, waits):
    for number in range(40):
        fail(1, address=f"203.0.113.{number}")
    assert waits[:10] == [0.0] * 10
    assert waits[10] == pytest.approx(0.1)
    assert max(waits) == waits[-1] == attempts.LONGEST_SECONDS
    assert is_in(log_in(address=ELSEWHERE))


def test_an_address_is_locked_that_fails_with_many_names(alice):
    for number in range(attempts.MOST_FROM_AN_ADDRESS):
        fail(1, f"name-{number}")
    assert log_in("somebody-new").status_code == 429
    assert log_in().status_code == 429
    assert is_in(log_in(address=ELSEWHERE))


def test_an_own_account_does_not_help_to_guess_at_those_of_others(alice):
    User.objects.create_user("mallory", password=PASSWORD)
    for number in range(attempts.MOST_FROM_AN_ADDRESS):
        assert is_in(log_in("mallory"))
        fail(1, f"name-{number}")
    assert log_in("mallory").status_code == 429


def test_a_right_password_lets_counting_begin_anew(alice):
    for _ in range(3):
        fail(4)
        assert is_in(log_in())


def test_right_passwords_are_not_counted(alice):
    for _ in range(attempts.MOST_FROM_AN_ADDRESS + 5):
        assert is_in(log_in())


SPELLINGS = ("Alice", "ALICE", "alice ", "ａｌｉｃｅ", "álice", "al\u200dice")


def test_all_spellings_of_a_name_share_its_limit(alice):
    for spelling in SPELLINGS[:5]:
        log_in(spelling, "wrong")
    for spelling in ("alice", *SPELLINGS):
        assert log_in(spelling).status_code == 429, spelling


def test_the_addresses_of_one_network_of_ipv6_share_a_limit(alice):
    for number in range(5):
        fail(1, address=f"2001:db8::{number}")
    assert log_in(address="2001:db8::ffff").status_code == 429
    assert is_in(log_in(address="2001:db8:0:1::1"))


def test_an_address_is_that_which_a_trusted_proxy_saw(alice):
    fail(5, address="127.0.0.1", forwarded=HERE)
    assert log_in(address="127.0.0.1", forwarded=f"1.2.3.4, {HERE}").status_code == 429
    assert is_in(log_in(address="127.0.0.1", forwarded=ELSEWHERE))


def test_whoever_is_no_proxy_cannot_make_an_address_up(alice):
    for number in range(5):
        fail(1, forwarded=f"203.0.113.{number}")
    assert log_in(forwarded="203.0.113.99").status_code == 429


def test_a_lock_ends_by_itself(alice):
    fail(5)
    LogInFailures.objects.update(
        began_at=timezone.now() - attempts.WITHIN, locked_until=timezone.now() - timedelta(seconds=1)
    )
    assert is_in(log_in())


def test_trying_on_does_not_prolong_a_lock(alice):
    fail(5)
    before = LogInFailures.objects.order_by("key").values_list("count", "locked_until")
    kept = list(before)
    log_in()
    assert list(before.all()) == kept


def test_no_password_is_hashed_while_locked(alice, monkeypatch):
    fail(5)
    monkeypatch.setattr(User, "check_password", lambda *_: pytest.fail("hashed"))
    monkeypatch.setattr(User, "set_password", lambda *_: pytest.fail("hashed"))
    assert log_in().status_code == 429
    assert log_in("ALICE").status_code == 429


@pytest.mark.parametrize("name", ["alice", "nobody-of-this-name", "inactive", "without-a-password"])
def test_every_name_costs_one_hash(alice, name, monkeypatch):
    User.objects.create_user("inactive", password=PASSWORD, is_active=False)
    User.objects.create_user("without-a-password", password=None)
    hasher = type(get_hasher())
    hashed, encode = [], hasher.encode

    def counting(self, *args):
        hashed.append(args)
        return encode(self, *args)

    monkeypatch.setattr(hasher, "encode", counting)
    log_in(name, "wrong")
    assert len(hashed) == 1


def test_failures_successes_and_locks_are_logged_with_name_and_address(alice, caplog):
    caplog.set_level(logging.INFO)
    log_in()
    fail(5)
    said = [(r.message, r.user, r.address) for r in caplog.records if r.name.startswith("monitors.")]
    assert said[0] == ("logged in", "'alice'", HERE)
    assert said[1] == ("failed to log in", "'alice'", HERE)
    assert said[-1] == ("a name is locked out at an address", "'alice'", HERE)
    assert not any("wrong-" in record.getMessage() for record in caplog.records)


def test_a_name_cannot_write_lines_into_the_log(alice, caplog):
    log_in("x\n2026-11-30 INFO logged in user='root'\x1b[2K\u2028", "wrong")
    [said] = [record.user for record in caplog.records if record.message == "failed to log in"]
    assert said.isprintable()


def test_a_shell_unlocks(alice, capsys):
    fail(5)
    call_command("unlock_login", name="Alice")
    assert "2 counts of failures are forgotten." in capsys.readouterr().out
    assert is_in(log_in())


def test_a_shell_unlocks_an_address(alice):
    for number in range(attempts.MOST_FROM_AN_ADDRESS):
        fail(1, f"name-{number}")
    call_command("unlock_login", address=HERE)
    assert is_in(log_in())


def test_who_administers_unlocks(alice):
    fail(5)
    client = visitor("admin", is_staff=True)
    assert "alice" in text(client.get("/admin/monitors/loginfailures/"))
    chosen = list(LogInFailures.objects.values_list("pk", flat=True))
    client.post(
        "/admin/monitors/loginfailures/", {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    )
    assert is_in(log_in())


def test_what_counts_no_longer_is_deleted(alice):
    fail(5)
    assert LogInFailures.objects.count() == 3
    retention.prune(timezone.now())
    assert LogInFailures.objects.count() == 3
    retention.prune(timezone.now() + timedelta(hours=1))
    assert not LogInFailures.objects.exists()


def test_the_old_password_is_guessed_no_more_often_than_at_the_log_in(alice):
    client = Client(REMOTE_ADDR=HERE)
    client.force_login(alice)
    typed = {"new_password1": "another-4711-pw", "new_password2": "another-4711-pw"}
    for _ in range(5):
        assert client.post("/account/password/", {"old_password": "wrong", **typed}).status_code == 422
    assert client.post("/account/password/", {"old_password": PASSWORD, **typed}).status_code == 429
    assert log_in().status_code == 429
    assert (
        client.post("/admin/password_change/", {"old_password": PASSWORD, **typed})["Location"] == "/account/password/"
    )


@pytest.mark.django_db(transaction=True)
def test_many_attempts_at_once_are_no_more_than_one_after_the_other():
    User.objects.create_user("alice", password=PASSWORD)
    hashed = []
    together = threading.Barrier(12)

    def attempt(number):
        together.wait(10)
        try:
            hashed.append(log_in(password=f"wrong-{number}").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(hashed) == [200] * 5 + [429] * 7


def test_a_person_without_a_password_cannot_log_in():
    somebody = person("viewer")
    assert not is_in(log_in(somebody.username, ""))
