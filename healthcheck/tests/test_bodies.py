"""Bodies are bounded in size, time and number, before anything is asked about who sent them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.conf import settings as django_settings

from healthcheck import bodies
from healthcheck.bodies import Bodies

LIMIT = 100_000


@pytest.fixture(autouse=True)
def limit(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = LIMIT


class Asked:
    """What a request comes to: what the application was given, and what was answered."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.sent: list[dict[str, Any]] = []

    async def application(self, scope, receive, send):
        while (message := await receive())["type"] == "http.request":
            self.bodies.append(message["body"])
            if not message["more_body"]:
                break

    async def send(self, message):
        self.sent.append(message)

    @property
    def status(self) -> int | None:
        return self.sent[0]["status"] if self.sent else None

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}


def parts(*sizes: int, whole: bool = True):
    """Receives a body in parts, then waits for ever."""
    messages = [{"type": "http.request", "body": b"a" * size, "more_body": True} for size in sizes]
    if whole:
        messages[-1]["more_body"] = False

    async def receive():
        return messages.pop(0) if messages else await asyncio.Event().wait()

    return receive


def scope(path: str = "/login/", **headers: object) -> dict[str, Any]:
    pairs = [(name.replace("_", "-").encode(), str(value).encode()) for name, value in headers.items()]
    return {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": pairs}


def ask(scope: dict[str, Any], receive) -> Asked:
    asked = Asked()
    asyncio.run(asyncio.wait_for(Bodies(asked.application)(scope, receive, asked.send), 30))
    return asked


CHUNKED = {"transfer_encoding": "chunked"}
TOO_LARGE = {
    "by its announcement": (scope(content_length=LIMIT + 1), parts(0, whole=False)),
    "by what comes": (scope(**CHUNKED), parts(LIMIT, 1, whole=False)),
    "by what comes, announced small": (scope(content_length=10, **CHUNKED), parts(LIMIT, 1, whole=False)),
    "as a form with files": (scope(content_type="multipart/form-data; boundary=x", **CHUNKED), parts(LIMIT + 1)),
    "for the API": (scope("/api/servers/", content_type="application/json", **CHUNKED), parts(LIMIT + 1)),
    "for the admin": (scope("/admin/login/", **CHUNKED), parts(LIMIT + 1)),
    "where there is nothing": (scope("/nothing", content_length=LIMIT + 1), parts(0, whole=False)),
    "compressed": (scope(content_length=LIMIT + 1, content_encoding="gzip"), parts(0, whole=False)),
}


@pytest.mark.parametrize(("request_", "receive"), TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_body_is_refused_as_soon_as_it_is_too_large(request_, receive):
    asked = ask(request_, receive)
    assert (asked.status, asked.bodies) == (413, [])
    assert asked.headers["connection"] == "close"


def test_a_refusal_is_json_for_scripts_and_a_page_in_their_language_for_people():
    script = ask(scope("/api/servers/", content_length=LIMIT + 1), parts(0))
    assert json.loads(script.sent[1]["body"])["code"] == "too_large"
    person = ask(scope(content_length=LIMIT + 1, accept_language="ko"), parts(0))
    assert '<html lang="ko">' in person.sent[1]["body"].decode()
    assert "'unsafe-inline'" not in person.headers["content-security-policy"]
    assert person.headers["cache-control"] == "no-store, private"


@pytest.mark.parametrize("sizes", [(LIMIT,), (1, 2, 3), (0,)])
def test_a_body_of_a_possible_size_comes_whole(sizes):
    asked = ask(scope(**CHUNKED), parts(*sizes))
    assert asked.bodies == [b"a" * sum(sizes)]
    assert asked.sent == []


def test_a_body_that_comes_too_slowly_is_refused(monkeypatch):
    monkeypatch.setattr(bodies, "FIRST_SECONDS", 0.05)
    assert ask(scope(content_length=10), parts(5, whole=False)).status == 408


def test_a_body_that_came_fast_and_stops_is_refused(monkeypatch):
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
    assert ask(scope(content_length=LIMIT), parts(LIMIT - 1, whole=False)).status == 408


def test_whoever_goes_away_in_the_middle_is_not_answered():
    async def receive():
        return {"type": "http.disconnect"}

    asked = ask(scope(content_length=10), receive)
    assert (asked.sent, asked.bodies) == ([], [])


def test_large_bodies_are_bounded_together_and_small_ones_always_come_through(monkeypatch):
    monkeypatch.setattr(bodies, "MOST_TOGETHER", 100)
    monkeypatch.setattr(bodies, "SMALL", 1_000)
    large, second, small, later = Asked(), Asked(), Asked(), Asked()
    finish = asyncio.Event()

    async def waits(scope, receive, send):
        await scope["asked"].application(scope, receive, send)
        if scope["asked"] is large:
            await finish.wait()

    async def script():
        door = Bodies(waits)

        def enters(asked: Asked, size: int):
            return asyncio.create_task(door({**scope(**CHUNKED), "asked": asked}, parts(size), asked.send))

        first = enters(large, 1_100)
        await enters(second, 1_100)
        await enters(small, 1_000)
        finish.set()
        await first
        await enters(later, 1_100)

    asyncio.run(asyncio.wait_for(script(), 30))
    assert (second.status, second.headers["retry-after"]) == (503, "5")
    assert [len(one.bodies) for one in (large, second, small, later)] == [1, 0, 1, 1]


def test_django_keeps_the_largest_body_in_memory():
    assert django_settings.FILE_UPLOAD_MAX_MEMORY_SIZE >= 8 * 1024 * 1024
