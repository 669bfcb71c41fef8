"""One connection to one server: resolve, connect, TLS, then bytes both ways. Probers share it.

Plain non-blocking sockets on the loop's `add_reader`. Measured beside asyncio's transports they cost the same within
10 µs per probe (less for TLS: no memory buffers in between), every error arrives as itself and in its stage, and
closing is immediate. Nothing here has a timeout of its own: the caller bounds it all by one deadline. Several addresses
are tried as `monitors.engine.race` has it.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from monitors.engine import failures
from monitors.engine.base import CertificateEnd, Target
from monitors.engine.progress import CONNECT, TLS, WRONG_NAME, ProbeFailed, Progress
from monitors.engine.race import Race
from monitors.engine.resolver import is_address
from monitors.engine.sentences import _
from monitors.engine.tls import TlsContexts, by_openssl, earliest_end, is_for

if TYPE_CHECKING:
    from monitors.engine.network import Network

READ_SIZE = 65_536
MAX_PARTING = 100
"""Most connections of a loop that wait for the server to hang up; any more are closed at once."""

_NOT_READY = (BlockingIOError, ssl.SSLWantReadError)


class Connection:
    """A socket on the running loop, closed when its `with` ends, unless it was told to `part`."""

    __slots__ = ("_fd", "_loop", "_parting", "_sock", "_timer", "_waiter", "address")

    def __init__(self, family: socket.AddressFamily) -> None:
        self.address = ""
        """That of the peer, once connected."""
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

    async def connect(self, address: str, port: int) -> None:
        """Connect and note the address that the peer really has. Raises OSError."""
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
        self.address = self._sock.getpeername()[0]

    async def start_tls(self, contexts: TlsContexts, name: str, *, verify: bool) -> CertificateEnd | None:
        """Shake hands as a TLS client of `name`; returns the earliest end of the certificates.

        Raises ProbeFailed, ssl.SSLError and OSError.
        """
        sock = self._sock = contexts.wrap(self._sock, name, verify=verify)
        while True:
            try:
                sock.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._woken()
            except ssl.SSLWantWriteError:
                await self._writable()
        if verify and not (by_openssl(name) or is_for(sock.getpeercert() or {}, name)):
            raise ProbeFailed(*WRONG_NAME)
        return earliest_end(sock)

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

    Raises ProbeFailed (the name does not resolve, the address is denied, the certificate is for another name) and
    OSError.
    """
    addresses = await network.resolver.resolve(target.host)
    if is_address(target.host):
        progress.skip_to(CONNECT)
    else:
        progress.enter(CONNECT)
    late = network.resolver.late(target.host) if network.resolver.unsettled(target.host) else None
    if late is None and len(addresses) == 1:
        connection = await _connect(network, target.port, addresses[0])
    else:
        connection = await Race(partial(_connect, network, target.port), progress.deadline).winner(addresses, late)
    progress.address = connection.address
    if target.secure:
        await encrypt(connection, network, target, progress)
    return connection


async def encrypt(connection: Connection, network: Network, target: Target, progress: Progress, name: str = "") -> None:
    """Go on by TLS; `name` is what the certificate has to be for, where that is not the host. Raises as
    `Connection.start_tls`, with the connection closed."""
    progress.enter(TLS)
    try:
        progress.certificate = await connection.start_tls(network.tls, name or target.name, verify=target.verify_tls)
    except BaseException:
        connection.close()
        raise


async def _connect(network: Network, port: int, address: str) -> Connection:
    """Connect to one address. Raises OSError, and ProbeFailed where the way led to a denied one."""
    connection = Connection(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        await connection.connect(address, port)
        if network.deny.denies(connection.address):
            raise ProbeFailed(failures.DENIED_ADDRESS, _("The connection led to an address that is never probed."))
    except BaseException:
        connection.close()
        raise
    return connection
