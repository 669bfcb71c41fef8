"""The target farm: thousands of web and WebSocket servers in one cheap process, which notes when each of them was hit.

Every target has an address of its own (127.16.0.0 and up), as a fleet has. One listening socket serves all of them: it
is bound to the loopback device and the address that was connected to says which target is meant.

`running_farm` starts it (`python -m benchmarks.farm COUNT`, until its standard input ends). On a control port
`GET /hits?after=N` answers with packed `HIT` records, and `POST /mode` with `{"mode": "fail", "targets": [7]}` changes
what targets do; `POST /delay` with `{"seconds": 0.8}` how long they take to answer.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ipaddress
import json
import re
import resource
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, cast

import uvloop
from aiohttp import web

from benchmarks.certificates import self_signed
from healthcheck.processes import dying_with_parent
from monitors.tests.misbehaving import NameServer

FIRST_ADDRESS = int(ipaddress.IPv4Address("127.16.0.0"))
HIT = struct.Struct("<dHB")
"""Wall-clock second of the arrival, target, and the mode in which it was met."""
BACKLOG = 4096

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3
_KEY = re.compile(rb"\r\nsec-websocket-key: *([^\r]+)", re.IGNORECASE)
_CLOSE = b"\x88\x02\x03\xe8"
_PAGE = b"<p>All is well.</p>\n"
_REST = (
    b"Server: farm\r\nContent-Type: text/html; charset=utf-8\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(_PAGE)
) + _PAGE


class Mode(IntEnum):
    OK = 0
    FAIL = 1
    """Answers 500."""
    HANG = 2
    """Accepts, reads, and never answers."""


ANSWERS = {
    Mode.OK: b"HTTP/1.1 200 OK\r\n" + _REST,
    Mode.FAIL: b"HTTP/1.1 500 Internal Server Error\r\n" + _REST,
}


def address(target: int) -> str:
    return str(ipaddress.IPv4Address(FIRST_ADDRESS + target))


def name(target: int) -> str:
    """The target's name, known to the farm's name server, which never answers about `silent1.test` and its like."""
    return f"target{target}.test"


@dataclass
class Ground:
    """What the targets do, and every hit so far."""

    modes: bytearray
    delay: float = 0.0
    """Seconds between a request and its answer."""
    hits: bytearray = field(default_factory=bytearray)
    targets: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.targets = {address(target): target for target in range(len(self.modes))}


class Visit(asyncio.Protocol):
    """One connection to one target."""

    __slots__ = ("_buffer", "_ground", "_mode", "_transport", "_upgraded")

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._buffer = b""
        self._upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        now = time.time()
        self._transport = cast(asyncio.Transport, transport)
        target = self._ground.targets.get(transport.get_extra_info("sockname")[0])
        if target is None:
            self._transport.abort()
            self._mode = Mode.HANG
            return
        self._mode = Mode(self._ground.modes[target])
        self._ground.hits += HIT.pack(now, target, self._mode)

    def data_received(self, data: bytes) -> None:
        if self._upgraded:
            self._transport.write(_CLOSE)
            self._transport.close()
            return
        self._buffer += data
        if self._mode is Mode.HANG or not self._buffer.endswith(b"\r\n\r\n"):
            return
        key = _KEY.search(self._buffer) if self._mode is Mode.OK else None
        if key:
            self._upgraded = True
            self._transport.write(_upgrade(key[1].strip()))
        elif self._ground.delay:
            asyncio.get_running_loop().call_later(self._ground.delay, self._answer)
        else:
            self._answer()

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(ANSWERS[self._mode])
            self._transport.close()


def _upgrade(key: bytes) -> bytes:
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def _listening_socket() -> socket.socket:
    """On every loopback address and on no other: one socket for thousands of addresses."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
    listener.bind(("0.0.0.0", 0))
    return listener


def _control(ground: Ground) -> web.Application:
    async def hits(request: web.Request) -> web.Response:
        return web.Response(body=bytes(ground.hits[int(request.query.get("after", "0")) * HIT.size :]))

    async def mode(request: web.Request) -> web.Response:
        order = await request.json()
        for target in order.get("targets", range(len(ground.modes))):
            ground.modes[target] = Mode[order["mode"].upper()]
        return web.json_response({"ok": True})

    async def delay(request: web.Request) -> web.Response:
        ground.delay = (await request.json())["seconds"]
        return web.json_response({"ok": True})

    application = web.Application()
    application.add_routes([web.get("/hits", hits), web.post("/mode", mode), web.post("/delay", delay)])
    return application


async def serve(count: int) -> None:
    loop = asyncio.get_running_loop()
    ground = Ground(bytearray(count))
    with tempfile.TemporaryDirectory(prefix="farm-") as directory:
        certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.load_cert_chain(self_signed(Path(directory)))
    plain = await loop.create_server(lambda: Visit(ground), sock=_listening_socket(), backlog=BACKLOG)
    secure = await loop.create_server(lambda: Visit(ground), sock=_listening_socket(), backlog=BACKLOG, ssl=certificate)
    addresses = {name(target): [address(target)] for target in range(count)}
    names, _ = await loop.create_datagram_endpoint(lambda: NameServer(addresses), local_addr=("127.0.0.1", 0))
    runner = web.AppRunner(_control(ground), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ports = {
        "port": plain.sockets[0].getsockname()[1],
        "tls_port": secure.sockets[0].getsockname()[1],
        "dns_port": names.get_extra_info("sockname")[1],
        "control_port": runner.addresses[0][1],
    }
    print(json.dumps(ports), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


@dataclass(frozen=True, slots=True)
class Hit:
    at: float
    """Wall-clock second at which the farm accepted the connection."""
    target: int
    mode: Mode


@dataclass
class Farm:
    """A running farm, seen from the benchmark; see `running_farm`."""

    pid: int
    port: int
    tls_port: int
    dns_port: int
    control_port: int
    _read: int = 0

    def new_hits(self) -> list[Hit]:
        """What came in since the last call."""
        records = self._ask(f"hits?after={self._read}")
        hits = [Hit(at, target, Mode(mode)) for at, target, mode in HIT.iter_unpack(records)]
        self._read += len(hits)
        return hits

    def set_mode(self, mode: Mode, targets: Iterable[int]) -> None:
        self._ask("mode", {"mode": mode.name, "targets": list(targets)})

    def answer_after(self, seconds: float) -> None:
        """From now on every answer takes so long."""
        self._ask("delay", {"seconds": seconds})

    def _ask(self, path: str, order: Any = None) -> bytes:
        body = None if order is None else json.dumps(order).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.control_port}/{path}", body, timeout=10) as answer:
            return cast(bytes, answer.read())


@contextmanager
def running_farm(targets: int) -> Iterator[Farm]:
    """A farm of so many targets, which ends with the block, and with this process."""
    command = [*dying_with_parent(), sys.executable, "-m", "benchmarks.farm", str(targets)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Farm(process.pid, **json.loads(process.stdout.readline()))
        finally:
            process.stdin.close()


def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
