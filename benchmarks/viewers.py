"""Open dashboards, as many as wanted, in one cheap process: each does what static/js/live.js and dashboard.js do.

`running_viewers` starts it (`python -m benchmarks.viewers URL COUNT FILE`, with the session's key on its standard
input, until that ends). Then it writes packed `SHOWN` records to the file, and a line of JSON with what it asked for.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvloop
from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from benchmarks.measure import cpu_seconds
from healthcheck.processes import dying_with_parent

SHOWN = struct.Struct("<ddHIB")
"""`Shown`, its health as an index of `HEALTHS`."""
HEALTHS = ("healthy", "unhealthy", "unknown", "paused")
OPENED_AT_ONCE = 4

GATHER_SECONDS = 0.15
PAUSE_SECONDS = 0.9
REFRESH_SECONDS = 30.0
MOST_ROWS = 100
ON_SCREEN = 20
"""These constants are those of static/js/dashboard.js; a screen shows so many rows."""
RECONNECT_SECONDS = 2.0

_ROW = re.compile(r'<tr id="s(\d+)" class="row-([a-z]+)')
_NOW = re.compile(r'data-now="([^"]+)"')


@dataclass
class Asked:
    """What all pages together asked for, and got."""

    rows: int = 0
    lists: int = 0
    events: int = 0
    reconnects: int = 0
    """Streams that ended or broke."""
    errors: int = 0
    """Answers that were no page."""
    received: int = 0
    """Bytes of the streams, and of the answers as they are read, decompressed."""


@dataclass
class Page:
    """One open dashboard."""

    number: int
    url: str
    session: ClientSession
    asked: Asked
    shown: bytearray
    latest: str = ""
    late: str = "false"
    rows: list[int] = field(default_factory=list)
    waiting: set[int] = field(default_factory=set)
    told: set[int] = field(default_factory=set)
    everything: bool = False
    busy: bool = False
    timer: asyncio.TimerHandle | None = None
    flushing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Load the page."""
        html = await self._get(self.url)
        now = _NOW.search(html)
        if now is None:
            raise RuntimeError("that is no dashboard: is the session valid?")
        self.latest = str(int(datetime.fromisoformat(now[1]).timestamp() * 1000))
        self._show(html, time.time(), whole=True)

    async def listen(self, opened: asyncio.Event) -> None:
        """Hear what changes, until cancelled; `opened` is set once the first stream stands."""
        while True:
            try:
                address = f"{self.url}api/events/?board=1&since={self.latest}"
                async with self.session.get(address, headers={"Accept": "text/event-stream"}) as answer:
                    answer.raise_for_status()
                    opened.set()
                    await self._read(answer)
            except (ClientError, OSError):
                pass
            self.asked.reconnects += 1
            await asyncio.sleep(RECONNECT_SECONDS)

    async def refresh(self) -> None:
        """What is on the screen grows old although nothing changes its state."""
        await asyncio.sleep(random.uniform(0, REFRESH_SECONDS))  # pages were opened at any time
        while True:
            self.waiting.update(self.rows[:ON_SCREEN])
            self._plan(random.uniform(0, 2))
            await asyncio.sleep(REFRESH_SECONDS)

    def cancel(self) -> None:
        for task in (self.timer, self.flushing):
            if task:
                task.cancel()

    async def _read(self, answer: Any) -> None:
        buffer = b""
        async for part in answer.content.iter_any():
            self.asked.received += len(part)
            *events, buffer = (buffer + part).split(b"\n\n")
            for event in events:
                self._hear(event)

    def _hear(self, event: bytes) -> None:
        fields = dict(line.split(b": ", 1) for line in event.split(b"\n") if b": " in line)
        if fields.get(b"event") != b"change":
            return
        self.asked.events += 1
        news = json.loads(fields[b"data"])
        self.latest = news["id"]
        late = str(news["late"]).lower()
        self.everything |= news.get("all", False) or late != self.late
        self.late = late
        servers = news.get("servers", ())
        if "rows" in news and not self.everything:
            self._show(news["rows"], time.time(), whole=False)
            self.waiting.difference_update(servers)
            self.told.update(servers)
        else:
            self.waiting.update(servers)
        if self.waiting or self.everything:
            self._plan(GATHER_SECONDS)

    def _plan(self, delay: float) -> None:
        if self.timer is None:
            self.timer = asyncio.get_running_loop().call_later(delay, self._flush)

    def _flush(self) -> None:
        self.timer = None
        if self.busy:
            self._plan(PAUSE_SECONDS)
        else:
            self.flushing = asyncio.create_task(self._fetch())

    async def _fetch(self) -> None:
        self.busy = True
        ids, whole = sorted(self.waiting), self.everything or len(self.waiting) > MOST_ROWS
        self.waiting.clear()
        self.told.clear()
        self.everything = False
        begin = time.time()
        try:
            if whole:
                self.asked.lists += 1
                html = await self._get(self.url, {"HX-Request": "true", "HX-Current-URL": self.url})
            else:
                self.asked.rows += 1
                html = await self._get(f"{self.url}rows/?ids={'%2C'.join(map(str, ids))}&late={self.late}")
            self._show(html, begin, whole=whole)
            if whole:
                self.waiting |= self.told
        except (ClientError, OSError):
            self.asked.errors += 1
        finally:
            self.busy = False
            if self.waiting or self.everything:
                self._plan(PAUSE_SECONDS)

    def _show(self, html: str, asked_at: float, *, whole: bool) -> None:
        """Note which rows the page has now."""
        rows = [(int(id_), HEALTHS.index(health)) for id_, health in _ROW.findall(html)]
        at = time.time()
        for id_, health in rows:
            self.shown += SHOWN.pack(at, asked_at, self.number, id_, health)
        if whole:
            self.rows = [id_ for id_, _ in rows]
            self.shown += SHOWN.pack(at, asked_at, self.number, 0, 0)

    async def _get(self, address: str, headers: dict[str, str] | None = None) -> str:
        async with self.session.get(address, headers=headers, allow_redirects=False) as answer:
            answer.raise_for_status()
            if answer.status != 200:
                raise ClientError(f"status {answer.status}")
            body = await answer.read()
            self.asked.received += len(body)
            return body.decode()


async def view(url: str, count: int, session_key: str) -> tuple[Asked, bytearray]:
    """Keep `count` dashboards open until standard input ends."""
    asked, shown = Asked(), bytearray()
    connector = TCPConnector(limit=0)
    headers = {"Cookie": f"sessionid={session_key}"}
    timeout = ClientTimeout(total=None, sock_connect=30, sock_read=60)
    async with ClientSession(connector=connector, headers=headers, timeout=timeout) as session:
        pages = [Page(number, url, session, asked, shown) for number in range(count)]
        gate = asyncio.Semaphore(OPENED_AT_ONCE)

        async def opened(page: Page) -> None:
            async with gate:
                await page.open()

        await asyncio.gather(*(opened(page) for page in pages))
        standing = [asyncio.Event() for _ in pages]
        tasks = [asyncio.create_task(page.listen(event)) for page, event in zip(pages, standing, strict=True)]
        await asyncio.gather(*(event.wait() for event in standing))
        tasks += [asyncio.create_task(page.refresh()) for page in pages]
        print("open", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        for task in tasks:
            task.cancel()
        for page in pages:
            page.cancel()
    return asked, shown


@dataclass(frozen=True, slots=True)
class Shown:
    """A page got a row."""

    at: float
    """Wall-clock second."""
    asked_at: float
    """When the page asked for it."""
    page: int
    server: int
    """0 stands for all of them: the page loaded its list anew."""
    health: str


class Viewers:
    """Dashboards that are open; see `running_viewers`."""

    def __init__(self, process: subprocess.Popen[bytes], record: Path) -> None:
        self._process, self._record = process, record
        self.asked: dict[str, int] = {}

    @property
    def cpu(self) -> float:
        """Seconds so far."""
        return cpu_seconds(self._process.pid)

    def close(self) -> list[Shown]:
        """Close all pages; returns what they were shown."""
        found, _ = self._process.communicate(timeout=60)
        if self._process.returncode:
            raise RuntimeError(f"the dashboards ended with {self._process.returncode}")
        self.asked = json.loads(found)
        return [
            Shown(at, asked, page, server, HEALTHS[health])
            for at, asked, page, server, health in SHOWN.iter_unpack(self._record.read_bytes())
        ]


@contextmanager
def running_viewers(url: str, count: int, session_key: str) -> Iterator[Viewers]:
    """So many dashboards at `url`, opened and listening, until they are closed or the block ends."""
    with ExitStack() as exits:
        record = Path(exits.enter_context(TemporaryDirectory(prefix="shm-viewers-"))) / "shown"
        command = [*dying_with_parent(), sys.executable, "-m", "benchmarks.viewers", url, str(count), str(record)]
        process = exits.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(session_key.encode() + b"\n")
            process.stdin.flush()
            if process.stdout.readline() != b"open\n":
                raise RuntimeError("the dashboards do not open")
            yield Viewers(process, record)
        finally:
            if process.poll() is None:
                process.kill()


def main() -> None:
    url, count, record = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    session_key = sys.stdin.readline().strip()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        asked, shown = runner.run(view(url, count, session_key))
    record.write_bytes(shown)
    print(json.dumps(asdict(asked)))


if __name__ == "__main__":
    main()
