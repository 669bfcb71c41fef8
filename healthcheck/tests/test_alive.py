"""Whoever watches the monitor is answered at once, whatever else it is asked."""

from __future__ import annotations

import asyncio
import json
import threading
from http import HTTPStatus

import pytest

from healthcheck import alive
from healthcheck.admission import Admission
from healthcheck.alive import Alive, Lookout

OK = (HTTPStatus.OK, {"status": "ok"})
PATIENCE_SECONDS = 30


async def never(scope, receive, send):
    await receive()
    await asyncio.Event().wait()


async def whole():
    return {"type": "http.request"}


async def asked(application, path: str, method: str = "GET") -> tuple[int, bytes]:
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": []}
    await asyncio.wait_for(application(scope, whole, send), PATIENCE_SECONDS)
    return sent[0]["status"], sent[1]["body"]


def test_both_are_answered_while_every_place_is_taken_and_hundreds_wait():
    async def script():
        application = Alive(Admission(never, at_once=2), Lookout(lambda: OK))
        crowd = [asyncio.create_task(asked(application, path)) for path in ("/", "/login/") * 200]
        await asyncio.sleep(0)
        assert await asked(application, "/healthz") == (200, b'{"status": "ok"}')
        assert await asked(application, "/readyz") == (200, b'{"status": "ok"}')
        for one in crowd:
            one.cancel()

    asyncio.run(script())


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("method", ["POST", "OPTIONS", "TRACE", "PROPFIND"])
def test_both_are_only_read(path, method):
    assert asyncio.run(asked(Alive(never, Lookout(lambda: OK)), path, method))[0] == 405


def test_however_many_ask_it_is_looked_once():
    looked = []

    def look():
        looked.append(1)
        return OK

    async def script():
        application = Alive(never, Lookout(look))
        answers = await asyncio.gather(*(asked(application, "/readyz") for _ in range(100)))
        assert {status for status, _body in answers} == {200}

    asyncio.run(script())
    assert len(looked) == 1


def test_while_looking_takes_long_what_was_seen_last_is_told(monkeypatch):
    monkeypatch.setattr(alive, "FRESH_SECONDS", 0)
    monkeypatch.setattr(alive, "PATIENCE_SECONDS", 0.01)
    release, looks = threading.Event(), iter([True, False])

    def look():
        if not next(looks):
            release.wait(PATIENCE_SECONDS)
        return OK

    async def script():
        application = Alive(never, Lookout(look))
        assert [(await asked(application, "/readyz"))[0] for _ in range(3)] == [200, 200, 200]
        release.set()

    asyncio.run(script())


def test_while_somebody_watches_it_is_looked_ahead_of_the_next_question(monkeypatch):
    monkeypatch.setattr(alive, "AHEAD_SECONDS", 0.01)

    async def script():
        again, looks = asyncio.Event(), []
        loop = asyncio.get_running_loop()

        def look():
            looks.append(1)
            if len(looks) > 1:
                loop.call_soon_threadsafe(again.set)
            return OK

        assert (await asked(Alive(never, Lookout(look)), "/readyz"))[0] == 200
        await asyncio.wait_for(again.wait(), PATIENCE_SECONDS)

    asyncio.run(script())


def test_what_never_answers_is_not_ready(monkeypatch):
    monkeypatch.setattr(alive, "LONGEST_SECONDS", 0.05)
    release = threading.Event()

    def look():
        release.wait(PATIENCE_SECONDS)
        return OK

    async def script():
        status, body = await asked(Alive(never, Lookout(look)), "/readyz")
        release.set()
        assert (status, json.loads(body)["checks"]["database"]) == (503, {"ok": False})

    asyncio.run(script())


def test_a_bug_in_looking_is_not_ready_and_is_logged(caplog):
    def look():
        raise RuntimeError("a bug")

    assert asyncio.run(asked(Alive(never, Lookout(look)), "/readyz"))[0] == 503
    assert "a bug" in caplog.text
