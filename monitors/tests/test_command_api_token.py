"""`api_token`: a key for a user, shown once."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from monitors.models import ApiToken
from monitors.models.access import digest

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    return get_user_model().objects.create_user("alice")


def issue(*arguments: str) -> list[str]:
    out = io.StringIO()
    call_command("api_token", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_the_token_is_alone_on_the_last_line_and_only_its_hash_is_stored(alice):
    *_, text = issue("alice", "--name", "deploy script")
    token = ApiToken.objects.get()
    assert (token.user, token.name, token.digest, token.hint) == (alice, "deploy script", digest(text), text[-4:])
    assert text not in str(list(ApiToken.objects.values()))


def test_every_call_makes_another_token(alice):
    assert issue("alice")[-1] != issue("alice")[-1]
    assert ApiToken.objects.count() == 2


def test_an_unknown_user_is_told_how_to_make_one():
    with pytest.raises(CommandError, match=r"no user bob.*createsuperuser") as refused:
        issue("bob")
    assert refused.value.returncode == 1


def test_a_user_who_may_not_log_in_gets_none(alice):
    alice.is_active = False
    alice.save()
    with pytest.raises(CommandError, match="not active"):
        issue("alice")


def test_a_name_that_does_not_fit_is_refused(alice):
    with pytest.raises(CommandError, match="at most 100 characters"):
        issue("alice", "--name", "x" * 101)
    assert not ApiToken.objects.exists()
