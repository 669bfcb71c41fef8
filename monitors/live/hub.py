"""One subscription per web process, handed on to every open page of it.

While Redis is away, the database is asked every few seconds; it is asked now and then in any case, because a doorbell
may be missed. A page that reads slowly gets everything at once later: nothing queues up.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import redis.asyncio
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, connections
from django.utils import timezone
from redis.exceptions import RedisError

from monitors import skew
from monitors.live.aging import Aging
from monitors.live.bell import CHANNEL
from monitors.live.ending import on_signal
from monitors.live.news import News, Summary, Viewer, changed_since, merged, servers_of, summary
from monitors.live.readers import Reader, still_valid

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 15.0
GATHER_SECONDS = 0.1
"""Changes come in flocks; each summary costs the database three queries."""
PAUSE_SECONDS = 0.5
"""Between two pieces of news."""
CATCH_UP_SECONDS = 5.0
"""How often the database is asked what nobody told; also how soon a page learns what is out of date."""
RECONNECT_SECONDS = 2.0
MOST_KEPT = 16
"""Events kept for other pages that are told the same: the last few news, for a few kinds of viewers."""
LONGEST_STREAM_SECONDS = 900.0
"""Then the page connects again."""

R = TypeVar("R")


class Stream:
    """One open page: what it has not been told yet."""

    def __init__(self, viewer: Viewer | None, reader: Reader | None = None) -> None:
        """With a viewer it is told in HTML, too. It ends when its reader may not read it any more."""
        self.viewer = viewer
        self.reader = reader
        self.ended = False
        self._news: News | None = None
        self._wake = asyncio.Event()

    def tell(self, news: News) -> None:
        if self._news is not None:
            news = News(news.summary, merged(self._news.servers, news.servers))
        self._news = news
        self._wake.set()

    def end(self) -> None:
        self.ended = True
        self._wake.set()

    async def wait(self, seconds: float) -> News | None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
        self._wake.clear()
        news, self._news = self._news, None
        return news


class Hub:
    """Lives in one event loop; listens while there is anybody to tell."""

    def __init__(self) -> None:
        self._streams: set[Stream] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._told: dict[tuple[datetime, frozenset[int] | None, Viewer | None], asyncio.Future[bytes]] = {}
        self._outlook: Hashable = None
        self._aging = Aging()
        self.ended = False

    def end(self) -> None:
        """Let every stream end. To be called in the loop."""
        self.ended = True
        for stream in self._streams:
            stream.end()
        for task in self._tasks.values():
            task.cancel()

    async def listen(self, stream: Stream, first: News | None) -> AsyncIterator[bytes]:
        """What to send to `stream`, until the process ends or the stream has lasted long enough."""
        loop = asyncio.get_running_loop()
        until = loop.time() + LONGEST_STREAM_SECONDS
        self._streams.add(stream)
        for work in (self._run, self._check_readers):
            task = self._tasks.get(work.__name__)
            if task is None or task.done():
                self._tasks[work.__name__] = asyncio.create_task(work())
        try:
            yield b"retry: 2000\n\n"
            if first:
                stream.tell(first)
            if self.ended:
                stream.end()
            while loop.time() < until:
                news = await stream.wait(HEARTBEAT_SECONDS)
                if stream.ended:
                    break
                if news:
                    yield await self._change(news, stream.viewer)
                else:
                    yield _event("alive", {"now": timezone.now().isoformat()})
        finally:
            self._streams.discard(stream)

    async def _change(self, news: News, viewer: Viewer | None) -> bytes:
        """Made once for all pages that show the same: if each asked for its rows, many pages would be a storm."""
        key = (news.summary.at, news.servers, viewer)
        if key not in self._told:
            while len(self._told) >= MOST_KEPT:
                del self._told[next(iter(self._told))]
            self._told[key] = asyncio.ensure_future(in_thread(lambda: _change(news, viewer)))
        return await asyncio.shield(self._told[key])

    async def _run(self) -> None:
        """Listen to the bell, or to the database while there is none."""
        cursor = timezone.now()
        self._aging = Aging()
        while self._streams:
            try:
                client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=None)
                async with client, client.pubsub() as subscription:
                    await subscription.subscribe(CHANNEL)
                    while self._streams:
                        heard = await self._hear(subscription)
                        cursor = await self._tell(heard, cursor)
            except (RedisError, OSError) as error:
                logger.warning("live updates come from the database", exc_info=error)
                cursor = await self._tell(frozenset(), cursor)
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _check_readers(self) -> None:
        """End the streams whose readers may not read them any more, within a heartbeat of that."""
        while self._streams:
            await asyncio.sleep(HEARTBEAT_SECONDS / 2)
            readers = {stream.reader for stream in self._streams if stream.reader}
            if not readers:
                continue
            try:
                valid = await in_thread(partial(still_valid, readers, timezone.now()))
            except Exception as error:  # noqa: BLE001  the database is away, and so is all news
                logger.warning("readers not checked", extra={"error": type(error).__name__})
                continue
            for stream in list(self._streams):
                if stream.reader in readers - valid:
                    stream.end()

    async def _hear(self, subscription: Any) -> frozenset[int] | bool | None:
        """What the bell names within a while, gathered; False when it did not ring."""
        message = await subscription.get_message(ignore_subscribe_messages=True, timeout=CATCH_UP_SECONDS)
        if message is None:
            return False
        heard = servers_of(json.loads(message["data"]))
        until = asyncio.get_running_loop().time() + GATHER_SECONDS
        while (left := until - asyncio.get_running_loop().time()) > 0:
            message = await subscription.get_message(ignore_subscribe_messages=True, timeout=left)
            if message:
                heard = merged(heard, servers_of(json.loads(message["data"])))
        return heard

    async def _tell(self, heard: frozenset[int] | bool | None, cursor: datetime) -> datetime:
        """Tell every stream what was heard, or what the database knows since `cursor`, and what turned stale or fresh;
        returns the next cursor."""
        now = timezone.now()
        rang = heard is not False
        try:
            if rang and heard != frozenset():
                changed: frozenset[int] | None = heard  # type: ignore[assignment]
            else:
                changed = await in_thread(lambda: changed_since(cursor, now))
            said, turned = await in_thread(lambda: self._look(now))
            changed = merged(changed, turned)
        except Exception as error:  # noqa: BLE001  the database is away: pages say so by themselves when they ask
            logger.warning("nothing to tell", extra={"error": type(error).__name__})
            await asyncio.sleep(RECONNECT_SECONDS)
            return cursor
        if rang or changed is None or changed or said.outlook != self._outlook:
            self._outlook = said.outlook
            for stream in list(self._streams):
                stream.tell(News(said, changed))
            await asyncio.sleep(PAUSE_SECONDS)
        return now

    def _look(self, now: datetime) -> tuple[Summary, frozenset[int] | None]:
        skew.note("web")
        said = summary(now)
        return said, self._aging.turned(said)


def _change(news: News, viewer: Viewer | None) -> bytes:
    try:
        data = news.told(viewer, timezone.now())
    except DatabaseError as error:  # the page asks for the rows itself
        logger.warning("rows not told", extra={"error": type(error).__name__})
        data = news.as_dict()
    return f"id: {data['id']}\n".encode() + _event("change", data)


def _event(name: str, data: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


async def in_thread(ask: Callable[[], R]) -> R:
    """Ask the database in a thread, whose connection is closed again: nobody who waits holds one."""

    def asked() -> R:
        try:
            return ask()
        finally:
            connections.close_all()

    return await sync_to_async(asked, thread_sensitive=False)()


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """That of the running loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
        on_signal(end_all)
    return _hubs[loop]


def end_all() -> None:
    """End every stream of this process. From any thread."""
    for loop, one in list(_hubs.items()):
        if not loop.is_closed():
            loop.call_soon_threadsafe(one.end)
