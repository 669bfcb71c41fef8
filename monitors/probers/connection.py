"""One connection to one server: resolve, connect, TLS, then bytes both ways. Both probers share it.

Plain non-blocking sockets on the loop's `add_reader`. Measured beside asyncio's transports they cost the same within
10 µs per probe (less for TLS: no memory buffers in between), every error arrives as itself and in its stage, and
closing is immediate. Nothing here has a timeout of its own: the caller bounds it all by one deadline, and a server with
several addresses shares what is left among those not yet tried.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from cryptography import x509

from monitors.probers.base import Failure, Target
from monitors.probers.failures import ProbeFailed, Progress, Stage
from monitors.probers.resolver import is_address
from monitors.probers.sentences import _

if TYPE_CHECKING:
    from monitors.probers.network import Network

READ_SIZE = 65_536
MAX_PARTING = 100
"""Most connections of a loop that wait for the server to hang up; any more are closed at once."""

_NOT_READY = (BlockingIOError, ssl.SSLWantReadError)


class Connection:
    """A socket on the running loop, closed when its `with` ends, unless it was told to `part`."""

    __slots__ = ("_fd", "_loop", "_parting", "_sock", "_timer", "_waiter")

    def __init__(self, family: socket.AddressFamily) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._fd = self._sock.fileno()
        self._waiter: asyncio.Future[None] | None = None
        self._parting: set[Connection] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        if self._parting is None:
            self.close()

    async def connect(self, address: str, port: int) -> str:
        """Connect and return the address that the peer really has. Raises OSError."""
        code = self._sock.connect_ex((address, port))
        if code == errno.EINPROGRESS:
            await self._writable()
            code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        elif not code:
            self._loop.add_reader(self._fd, self._wake)
        if code == errno.EADDRNOTAVAIL and self._sock.family == socket.AF_INET6:
            code = errno.EAFNOSUPPORT  # IPv6 is switched off here; for IPv4 it would mean that we ran out of ports
        if code:
            raise OSError(code, os.strerror(code))
        peer: str = self._sock.getpeername()[0]
        return peer

    async def start_tls(self, context: ssl.SSLContext, name: str) -> None:
        """Shake hands as a TLS client of `name`. Raises ssl.SSLError and OSError."""
        sock = self._sock = context.wrap_socket(self._sock, server_hostname=name, do_handshake_on_connect=False)
        while True:
            try:
                return sock.do_handshake()
            except ssl.SSLWantReadError:
                await self._woken()
            except ssl.SSLWantWriteError:
                await self._writable()

    def certificate_expires_at(self) -> datetime | None:
        """When the peer's certificate ends; None without TLS, or for one that nobody can read."""
        data = self._sock.getpeercert(binary_form=True) if isinstance(self._sock, ssl.SSLSocket) else None
        try:
            return x509.load_der_x509_certificate(data).not_valid_after_utc if data else None
        except (ValueError, x509.InvalidVersion):
            return None

    async def write(self, data: bytes) -> None:
        """Send all of `data`. Raises OSError."""
        while data:
            try:
                data = data[self._sock.send(data) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                await self._writable()
            except ssl.SSLWantReadError:
                await self._woken()

    async def read(self) -> bytes:
        """The next bytes, b"" when the server has closed. Raises OSError."""
        while True:
            if not (isinstance(self._sock, ssl.SSLSocket) and self._sock.pending()):
                await self._woken()
            with suppress(*_NOT_READY):
                return self._sock.recv(READ_SIZE)

    def part(self, goodbye: bytes, seconds: float, parting: set[Connection]) -> None:
        """Say `goodbye` and close when the server does, after `seconds` at the latest; nobody waits for it.

        Closing at once would reset the connection while the server answers, and fill its log with errors.
        """
        try:
            self._sock.send(goodbye)
        except OSError:
            return
        if len(parting) < MAX_PARTING:
            self._parting = parting
            parting.add(self)
            self._loop.add_reader(self._fd, self._discard)
            self._timer = self._loop.call_later(seconds, self.close)

    def close(self) -> None:
        if self._parting is not None:
            self._parting.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._sock.close()

    def _discard(self) -> None:
        try:
            gone = not self._sock.recv(READ_SIZE)
        except _NOT_READY:
            return
        except OSError:
            gone = True
        if gone:
            self.close()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _woken(self) -> None:
        self._waiter = self._loop.create_future()
        await self._waiter

    async def _writable(self) -> None:
        """Wait until more can be written, then listen for bytes to read.

        Not for both at once: unread bytes would wake the loop again and again. And nothing is added before all is
        removed, because an error on the socket closes uvloop's watcher behind our back.
        """
        self._loop.remove_reader(self._fd)
        self._loop.add_writer(self._fd, self._wake)
        await self._woken()
        self._loop.remove_writer(self._fd)
        self._loop.add_reader(self._fd, self._wake)


async def open_connection(network: Network, target: Target, progress: Progress) -> Connection:
    """Connect to the first address of `target` that accepts, with TLS if its scheme says so.

    Raises ProbeFailed (the name does not resolve, the address is denied) and OSError.
    """
    addresses = await network.resolver.resolve(target.host)
    if is_address(target.host):
        progress.skip_to(Stage.CONNECT)
    else:
        progress.enter(Stage.CONNECT)
    connection = await _connect_to_any(network, addresses, target.port, progress)
    if target.scheme in ("https", "wss"):
        progress.enter(Stage.TLS)
        try:
            context = network.tls.verifying if target.verify_tls else network.tls.trusting
            await connection.start_tls(context, target.host)
            progress.certificate_expires_at = connection.certificate_expires_at()
        except BaseException:
            connection.close()
            raise
    return connection


async def _connect_to_any(network: Network, addresses: tuple[str, ...], port: int, progress: Progress) -> Connection:
    for untried, address in zip(range(len(addresses), 1, -1), addresses, strict=False):
        share = (progress.deadline - asyncio.get_running_loop().time()) / untried
        with suppress(OSError):
            async with asyncio.timeout(share):
                return await _connect(network, address, port, progress)
    return await _connect(network, addresses[-1], port, progress)


async def _connect(network: Network, address: str, port: int, progress: Progress) -> Connection:
    connection = Connection(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        progress.address = await connection.connect(address, port)
        if network.deny.denies(progress.address):
            raise ProbeFailed(Failure.DENIED_ADDRESS, _("The connection led to an address that is never probed."))
    except BaseException:
        connection.close()
        raise
    return connection
