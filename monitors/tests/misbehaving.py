"""Real servers on ports of their own that do, on demand, everything that a server can do wrong.

A `Farm` runs them in a thread of its own; probers meet them over loopback.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import re
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from monitors import kinds
from monitors.engine.base import Outcome, Target
from monitors.engine.deny import DenyList
from monitors.engine.loop import look

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
DAY = timedelta(days=1)
AMPLE = timedelta(seconds=5)
BRIEF = timedelta(seconds=0.3)
T = TypeVar("T")


@dataclass
class Visit:
    """One connection, as a behaviour sees it."""

    server: Server
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def request(self) -> bytes:
        """The head of the request, remembered by the server."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        self.server.requests.append(head)
        return head

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Behaviour = Callable[[Visit], Awaitable[None]]


@dataclass
class Server:
    """What has arrived at one port. `arrivals` are wall-clock seconds."""

    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    remains: list[bytes] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [request.split(b" ")[1].decode() for request in self.requests]


# --- behaviours ------------------------------------------------------------------------------------------------------


def answer(status: int = 200, body: bytes = b"", headers: str = "") -> bytes:
    lines = f"HTTP/1.1 {status} Whatever\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return lines.encode() + body


def says(*parts: bytes, then: Behaviour | None = None) -> Behaviour:
    """Reads the request, sends `parts` one by one, then closes or does `then`."""

    async def behave(visit: Visit) -> None:
        await visit.request()
        for part in parts:
            await visit.send(part)
            await asyncio.sleep(0)
        if then is not None:
            await then(visit)

    return behave


def replies(choose: Callable[[str], bytes]) -> Behaviour:
    """Answers what `choose` makes of the request's path."""

    async def behave(visit: Visit) -> None:
        await visit.send(choose((await visit.request()).split(b" ")[1].decode()))

    return behave


async def hangs(visit: Visit) -> None:
    """Accepts and stays silent, until the other side has had enough."""
    await visit.reader.read()


async def hangs_up(visit: Visit) -> None:
    await visit.request()


async def resets(visit: Visit) -> None:
    await visit.request()
    visit.reset()


def drips(data: bytes, *, before: bytes = b"", every: float = 0.02) -> Behaviour:
    """Sends `before`, then a byte now and then: always alive, never done."""

    async def behave(visit: Visit) -> None:
        await visit.request()
        await visit.send(before)
        for byte in data:
            await visit.send(bytes([byte]))
            await asyncio.sleep(every)
        await hangs(visit)

    return behave


def floods(head: bytes, block: bytes) -> Behaviour:
    """Never stops sending."""

    async def behave(visit: Visit) -> None:
        await visit.request()
        await visit.send(head)
        while True:
            await visit.send(block)

    return behave


async def opens_with_garbage(visit: Visit) -> None:
    await visit.reader.read(1)
    await visit.send(b"SSH-2.0-OpenSSH_9.2\r\n")
    await hangs(visit)


def upgrades(headers: str = "", *, accept: bool = True, after: bytes = b"") -> Behaviour:
    """Agrees to a WebSocket, with `headers` instead of the usual two; what the client says then is kept."""
    usual = headers or "Upgrade: websocket\r\nConnection: Upgrade\r\n"

    async def behave(visit: Visit) -> None:
        key = re.search(rb"Sec-WebSocket-Key: (\S+)", await visit.request())
        assert key is not None
        digest = hashlib.sha1(key[1] + GUID).digest()
        proof = f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}\r\n" if accept else ""
        await visit.send(f"HTTP/1.1 101 Switching\r\n{usual}{proof}\r\n".encode() + after)
        with suppress(ConnectionError):
            visit.server.remains.append(await visit.reader.read(100))

    return behave


# --- certificates ----------------------------------------------------------------------------------------------------


class Authority:
    """A certificate authority of our own, made for one run; below `issuer`, or a root.

    `days` from now it is valid from and to. With the `key` of another one it is a cross-signed twin.
    """

    def __init__(
        self,
        folder: Path,
        name: str = "Authority of the tests",
        *,
        issuer: Authority | None = None,
        days: tuple[int, int] = (-1, 1),
        key: ec.EllipticCurvePrivateKey | None = None,
    ) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        certificate = (issuer or self)._sign(self._name, self.key, constraints, days=days)
        self.certificate = certificate.public_bytes(serialization.Encoding.PEM)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self.certificate)

    def below(self, name: str, *, days: tuple[int, int] = (-1, 1)) -> Authority:
        """An intermediate authority that this one vouches for."""
        return Authority(self._folder, name, issuer=self, days=days)

    def context(
        self,
        *names: str,
        days: tuple[int, int] = (-1, 1),
        self_signed: bool = False,
        most: ssl.TLSVersion | None = None,
        common_name: str = "server of the tests",
        sent: Sequence[Authority] = (),
    ) -> ssl.SSLContext:
        """A server's side of TLS, with a certificate for `names` that is valid from and to `days` from now.

        Without `names` it has none but `common_name`. The certificates of `sent` follow it.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])
        entries = [x509.IPAddress(ip_address(n)) if n[0].isdigit() else x509.DNSName(n) for n in names]
        extension = x509.SubjectAlternativeName(entries) if names else x509.BasicConstraints(ca=False, path_length=None)
        certificate = self._sign(subject, key, extension, days=days, signer=key if self_signed else None)
        file = self._folder / f"server{next(self._numbers)}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        chain = b"".join(authority.certificate for authority in sent)
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + chain + private)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        if most is not None:
            context.maximum_version = most
        return context

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        extension: x509.ExtensionType,
        *,
        days: tuple[int, int] = (-1, 1),
        signer: ec.EllipticCurvePrivateKey | None = None,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if signer else self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + days[0] * DAY)
            .not_valid_after(now + days[1] * DAY)
            .add_extension(extension, critical=False)
            .sign(signer or self.key, hashes.SHA256())
        )


# --- names -----------------------------------------------------------------------------------------------------------


class NameServer(asyncio.DatagramProtocol):
    """A DNS server over UDP. The first label says how it behaves: `silent7.test`, `servfail.test`; other names have the
    addresses they were given, or do not exist.

    `codes` says otherwise for a name and a kind of question (`A`, `AAAA`): an RCODE, or None for silence; `delays` are
    seconds.
    """

    transport: asyncio.DatagramTransport

    def __init__(self, addresses: dict[str, list[str]]) -> None:
        self.addresses = addresses
        self.codes: dict[tuple[str, str], int | None] = {}
        self.delays: dict[tuple[str, str], float] = {}
        self.asked: Counter[str] = Counter()
        self.server = ""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.server = "127.0.0.1:{}".format(transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: Any) -> None:
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode().lower())
            at += 1 + data[at]
        question = data[12 : at + 5]
        name, kind = ".".join(labels), int.from_bytes(data[at + 1 : at + 3], "big")
        self.asked[name] += kind == 1  # A; the question for AAAA comes with it
        which = (name, {1: "A", 28: "AAAA"}[kind])
        code = self.codes.get(which, 2 if name.startswith("servfail") else 0 if name in self.addresses else 3)
        if name.startswith("silent") or code is None:
            return
        records = b""
        count = 0
        for ip in map(ip_address, () if code else self.addresses.get(name, ())):
            if kind == {4: 1, 6: 28}[ip.version]:
                records += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(ip.packed)) + ip.packed
                count += 1
        head = data[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, count, 0, 0)
        send = partial(self.transport.sendto, head + question + records, addr)
        if which in self.delays:
            asyncio.get_running_loop().call_later(self.delays[which], send)
        else:
            send()


# --- the farm --------------------------------------------------------------------------------------------------------


class Farm:
    """Servers in a loop of their own. Use it in a `with`."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.authority = Authority(Path(self._folder.name))
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda loop, context: None)  # failed handshakes are what we are here for
        self._visits: set[asyncio.Task[None]] = set()
        self._closers: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._loop.run_forever, name="farm")
        self._thread.start()

    def __enter__(self) -> Farm:
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._folder.cleanup()

    def serve(self, behaviour: Behaviour, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Server:
        """Start a server on a free port."""
        return self._run(self._serve(behaviour, tls, host))

    def names(self, **addresses: list[str]) -> NameServer:
        """Start a name server; `web=["127.0.0.1"]` is the name web.test."""
        return self._run(self._names({f"{name}.test": found for name, found in addresses.items()}))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _serve(self, behaviour: Behaviour, tls: ssl.SSLContext | None, host: str) -> Server:
        server = Server()

        async def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._visits.add(task)
            server.arrivals.append(time.time())
            server.open += 1
            server.most_open = max(server.most_open, server.open)
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
                await behaviour(Visit(server, reader, writer))
            server.open -= 1
            writer.close()
            self._visits.discard(task)

        listener = await asyncio.start_server(visited, host, 0, ssl=tls, backlog=1024)
        self._closers.append(listener.close)
        server.port = listener.sockets[0].getsockname()[1]
        return server

    async def _names(self, addresses: dict[str, list[str]]) -> NameServer:
        transport, server = await self._loop.create_datagram_endpoint(
            lambda: NameServer(addresses), local_addr=("127.0.0.1", 0)
        )
        self._closers.append(transport.close)
        return server

    async def _close(self) -> None:
        for close in self._closers:
            close()
        for task in tuple(self._visits):
            task.cancel()
        while self._visits:
            await asyncio.wait(tuple(self._visits))
        await asyncio.sleep(0.01)  # asyncio closes transports of its own accord, a few turns of the loop later


def see(server: Server, *, deny: DenyList | None = None, nameservers: Sequence[str] = (), **target: Any) -> Outcome:
    """Look at `server` once, by HTTP unless `target` says otherwise."""
    defaults: dict[str, Any] = {"scheme": "http", "host": "127.0.0.1", "port": server.port, "timeout": AMPLE}
    return look(Target(**(defaults | target)), kinds.probers_on, deny=deny or DenyList(), nameservers=nameservers)


@contextmanager
def closed_port() -> Iterator[int]:
    """A port at which nothing listens, and which nobody else can take meanwhile."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@contextmanager
def full_backlog(port: int = 0, host: str = "127.0.0.1") -> Iterator[socket.socket]:
    """A listener that accepts nobody more: the kernel drops what asks to connect."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(0)
        for sock in (first, second):
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield listener


def closing_soon(listener: socket.socket) -> threading.Thread:
    """Close `listener` in the background, once somebody has asked to connect."""
    thread = threading.Timer(0.2, listener.close)
    thread.start()
    return thread
