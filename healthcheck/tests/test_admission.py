"""How many requests are worked on at once."""

from __future__ import annotations

import asyncio

from healthcheck.admission import HASHES_AT_ONCE, MOST_WAIT_FOR_A_HASH, Admission

LOGINS = ("/login/", "/admin/login/", "/admin/password_change/", "/admin/auth/user/1/password/", "/login/")


def post(path: str) -> dict[str, object]:
    return {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": []}


class Site:
    """An application whose requests begin their answer when told, and end it when told again."""

    def __init__(self) -> None:
        self.inside: list[str] = []
        self.seen: list[str] = []
        self.begin, self.end = asyncio.Event(), asyncio.Event()

    async def __call__(self, scope, receive, send):
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] == "http.disconnect":
            return
        self.seen.append(scope["path"])
        self.inside.append(scope["path"])
        try:
            await self.begin.wait()
            if scope["path"] == "/broken":
                raise RuntimeError
            await send({"type": "http.response.start"})
            await self.end.wait()
        finally:
            self.inside.remove(scope["path"])


async def whole():
    return {"type": "http.request"}


async def send(message):
    pass


async def asked(site: Admission, *paths: str, receive=whole) -> list[asyncio.Task[None]]:
    """Requests that have gone as far as they can."""
    tasks = [asyncio.create_task(site({"type": "http", "path": path}, receive, send)) for path in paths]
    await settled()
    return tasks


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_requests_beyond_the_limit_wait_until_an_answer_begins_in_order():
    async def script():
        site = Site()
        admission = Admission(site, at_once=2)
        tasks = await asked(admission, "/1", "/2", "/3", "/4", "/5")
        assert site.inside == ["/1", "/2"]
        site.begin.set()
        await settled()
        assert site.inside == ["/1", "/2", "/3", "/4", "/5"]  # what is left of them is sending
        site.end.set()
        await asyncio.gather(*tasks)

    asyncio.run(script())


def test_a_body_that_comes_slowly_takes_no_place():
    async def script():
        parts: asyncio.Queue[bool] = asyncio.Queue()

        async def slowly():
            return {"type": "http.request", "more_body": await parts.get()}

        site = Site()
        admission = Admission(site, at_once=1)
        tasks = await asked(admission, "/slow", receive=slowly)
        parts.put_nowait(True)
        tasks += await asked(admission, "/quick")
        assert site.inside == ["/quick"]
        parts.put_nowait(False)
        site.begin.set()
        site.end.set()
        await asyncio.gather(*tasks)

    asyncio.run(script())


def test_a_request_that_breaks_or_is_given_up_leaves_its_place():
    async def script():
        site = Site()
        admission = Admission(site, at_once=1)
        for path in ("/broken", "/given-up"):
            first, second = await asked(admission, path, "/next")
            assert site.inside == [path]
            if path == "/given-up":
                first.cancel()
            site.begin.set()
            site.end.set()
            await asyncio.wait([first, second])
            assert first.cancelled() or isinstance(first.exception(), RuntimeError)
            assert second.exception() is None
            site.begin.clear()

    asyncio.run(script())


def test_whether_the_process_lives_is_answered_without_waiting():
    async def script():
        site = Site()
        admission = Admission(site, at_once=1)
        tasks = await asked(admission, "/", "/healthz")
        assert site.inside == ["/", "/healthz"]
        site.begin.set()
        site.end.set()
        await asyncio.gather(*tasks)

    asyncio.run(script())


def test_passwords_are_hashed_two_at_a_time_and_take_no_place_from_others():
    async def script():
        site = Site()
        admission = Admission(site, at_once=4)
        tasks = [asyncio.create_task(admission(post(path), whole, send)) for path in LOGINS]
        await settled()
        assert len(site.inside) == HASHES_AT_ONCE
        tasks += await asked(admission, "/1", "/2", "/3")
        assert site.inside[HASHES_AT_ONCE:] == ["/1", "/2"]
        site.begin.set()
        site.end.set()
        await asyncio.gather(*tasks)

    asyncio.run(script())


def test_beyond_a_number_of_logins_that_wait_it_is_said_when_to_come_back():
    sent = []

    async def note(message):
        sent.append(message)

    async def script():
        site = Site()
        admission = Admission(site)
        waiting = HASHES_AT_ONCE + MOST_WAIT_FOR_A_HASH
        tasks = [asyncio.create_task(admission(post("/login/"), whole, send)) for _ in range(waiting)]
        await settled()
        await admission(post("/login/"), whole, note)
        assert sent[0]["status"] == 503
        assert (b"retry-after", b"30") in sent[0]["headers"]
        site.begin.set()
        site.end.set()
        await asyncio.gather(*tasks)
        assert len(site.seen) == waiting

    asyncio.run(script())


def test_whoever_is_gone_before_it_is_their_turn_takes_no_place():
    async def script():
        site = Site()
        admission = Admission(site, at_once=1)
        gone = asyncio.Event()
        messages = [{"type": "http.request"}]

        async def leaves():
            if messages:
                return messages.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        tasks = await asked(admission, "/first")
        tasks += await asked(admission, "/gone", receive=leaves)
        tasks += await asked(admission, "/last")
        gone.set()
        await settled()
        site.begin.set()
        site.end.set()
        await asyncio.gather(*tasks)
        assert site.seen == ["/first", "/last"]

    asyncio.run(script())
