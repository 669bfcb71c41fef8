"""What keeps a Redis from being used, with a Redis that really does so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from healthcheck.broker import answers, problem, problem_of
from healthcheck.tests.private_redis import private_redis
from monitors.models import Server
from monitors.tests.builders import server
from monitors.tests.people import client_of, visitor

NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Of a Redis that this module may spoil."""
    with private_redis() as found:
        yield found


TROUBLES: dict[str, tuple[list[Any], list[Any], bool]] = {  # problem: (what makes it, what mends it, is it readable)
    "read_only": (["REPLICAOF", "127.0.0.1", 1], ["REPLICAOF", "NO", "ONE"], True),
    "out_of_memory": (["CONFIG", "SET", "maxmemory", 1], ["CONFIG", "SET", "maxmemory", 0], True),
    "refuses_commands": (
        ["CONFIG", "SET", "min-replicas-to-write", 1],
        ["CONFIG", "SET", "min-replicas-to-write", 0],
        True,
    ),
    "access_denied": (["CONFIG", "SET", "requirepass", "secret"], ["CONFIG", "SET", "requirepass", ""], False),
}


@pytest.mark.parametrize(("name", "make", "mend", "readable"), [(name, *rest) for name, rest in TROUBLES.items()])
def test_a_redis_that_takes_no_messages_says_why(url, name, make, mend, readable):
    assert problem(url) == ""
    with redis.Redis.from_url(url) as server:
        server.execute_command(*make)
        try:
            assert problem(url) == name
            assert answers(url) is readable
        finally:
            server.execute_command(*mend)
    assert problem(url) == ""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("make", "mend"), [trouble[:2] for trouble in TROUBLES.values()], ids=TROUBLES)
def test_people_work_on_while_redis_takes_no_messages(url, make, mend, settings):
    """Pages show and changes are stored: what is announced to open pages may be lost."""
    settings.REDIS_URL = url
    changed = server()
    page, api = visitor("operator"), client_of("operator")
    with redis.Redis.from_url(url) as broken:
        broken.execute_command(*make)
        try:
            assert page.get("/").status_code == 200
            assert page.get(f"/servers/{changed.pk}/").status_code == 200
            assert api.patch(f"/api/servers/{changed.pk}/", {"paused": True}).status_code == 200
        finally:
            broken.execute_command(*mend)
    assert Server.objects.get().paused


def test_a_redis_that_is_not_there_is_unreachable():
    assert problem(NOBODY) == "unreachable"


def test_a_redis_that_still_loads_is_told_from_one_that_is_away():
    assert problem_of(redis.exceptions.BusyLoadingError("LOADING")) == "loading"


def test_an_error_of_ours_is_none_of_the_broker():
    assert problem_of(ValueError("of ours")) == ""
