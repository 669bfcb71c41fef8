"""Asking the inventory: one GET with everything about it bounded. Knows no database."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from django.utils.translation import gettext as _
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool

from monitors import outgoing
from monitors.address import InvalidAddress, parse_address
from monitors.engine.deny import DenyList
from monitors.validation import remedy

PATIENCE_SECONDS = 10.0
"""For everything together: the name, the connection, the redirects and the last byte."""
MAX_BYTES = 10 * 1024 * 1024
MAX_REDIRECTS = 5
PIECE = 64 * 1024
DEFAULT_PORTS = {"http": 80, "https": 443}


class InventoryError(Exception):
    """Why the inventory was not synchronised, in a sentence for people. Names no secret. `run` has what is known of
    the differences, where it came that far; `monitors.inventory.synchronise` sets it."""

    run: Any = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class _Line:
    """The connection of one request: never to an address on the deny list, and can be cut from another thread."""

    def __init__(self, deny: DenyList) -> None:
        self._deny = deny
        self._lock = threading.Lock()
        self._cut = False
        self._socket: socket.socket | None = None

    def connect(self, host: str, port: int, timeout: Any, options: Any) -> socket.socket:
        connected = outgoing.connect(host, port, self._deny, timeout, options)
        with self._lock:
            self._socket = connected
            if self._cut:
                connected.close()
                raise OSError
        return connected

    def cut(self) -> None:
        """End whatever waits for the connection, now and later."""
        with self._lock:
            self._cut = True
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)


class _GuardedAdapter(HTTPAdapter):
    """Connects through a `_Line` and trusts the system's certificate authorities beside certifi's, as probes do."""

    def __init__(self, line: _Line) -> None:
        self._line = line
        super().__init__()

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any) -> None:
        context = ssl.create_default_context()
        super().init_poolmanager(connections, maxsize, block, ssl_context=context, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _guarded(HTTPConnectionPool, self._line),
            "https": _guarded(HTTPSConnectionPool, self._line),
        }


def _guarded(pool: type[HTTPConnectionPool], line: _Line) -> type[HTTPConnectionPool]:
    """`pool`, with every connection made by `line`."""

    class Connection(pool.ConnectionCls):  # type: ignore[name-defined]
        def _new_conn(self) -> socket.socket:
            return line.connect(self.host, self.port, self.timeout, self.socket_options)

    class Pool(pool):  # type: ignore[valid-type,misc]
        ConnectionCls = Connection

    return Pool


def fetch(url: str, *, token: str, deny: DenyList, seconds: float = PATIENCE_SECONDS) -> list[Any]:
    """The servers that the inventory at `url` lists. Raises InventoryError.

    In a thread of its own, because a slow name server or a header that drips in byte by byte escapes every timeout
    that `requests` has; when the time is up the connection is cut and the thread ends by itself.
    """
    line = _Line(deny)
    answer: Future[bytes] = Future()

    def ask() -> None:
        try:
            answer.set_result(_ask(url, token, line, deny, seconds))
        except BaseException as error:  # noqa: BLE001  handed to the caller, whatever it is
            answer.set_exception(error)

    threading.Thread(target=ask, name="inventory", daemon=True).start()
    try:
        return _servers(answer.result(timeout=seconds))
    except TimeoutError:
        words = _("The inventory did not answer completely within %(seconds)g s.")
        raise InventoryError(words % {"seconds": seconds}) from None
    finally:
        line.cut()


def _ask(url: str, token: str, line: _Line, deny: DenyList, seconds: float) -> bytes:
    session = requests.Session()
    session.trust_env = False  # neither a proxy, which would hide the peer, nor ~/.netrc, which would replace the token
    for scheme in ("http://", "https://"):
        session.mount(scheme, _GuardedAdapter(line))
    session.headers.update({"Accept": "application/json", "Accept-Encoding": "identity"})
    if token:
        if not (token.isascii() and token.isprintable()):
            raise InventoryError(_("INVENTORY_TOKEN has characters that a header must not have."))
        session.headers["Authorization"] = f"Bearer {token}"
    try:
        with session:
            return _follow(session, url, deny, seconds)
    except outgoing.DeniedError as error:
        raise InventoryError(_("%(address)s must not be connected to.") % {"address": error}) from None
    except (requests.RequestException, OSError, ValueError) as error:
        # The texts of these exceptions have the URL in them, and the URL may have a secret.
        raise InventoryError(_("The inventory cannot be read: %(reason)s.") % {"reason": _reason(error)}) from None


def _follow(session: requests.Session, url: str, deny: DenyList, seconds: float) -> bytes:
    for _hop in range(MAX_REDIRECTS + 1):
        _check(url, deny)
        with session.get(url, timeout=seconds, stream=True, allow_redirects=False) as response:
            if not response.is_redirect:
                return _body(response)
            target = urljoin(url, response.headers["Location"])
        if not _same_place(urlsplit(url), urlsplit(target)):
            raise InventoryError(_("The inventory redirects to another host, which would be given the token."))
        url = target
    raise InventoryError(_("The inventory redirects too often."))


def _check(url: str, deny: DenyList) -> None:
    """Refuse a URL that no request can be made of, or whose host is denied by name; its address is seen later."""
    try:
        parse_address(host=url, port=443)
    except InvalidAddress as error:
        raise InventoryError(_("INVENTORY_URL: %(problem)s") % {"problem": remedy(error)}) from None
    if urlsplit(url).scheme.lower() not in DEFAULT_PORTS:
        raise InventoryError(_("INVENTORY_URL must begin with https:// or http://."))
    outgoing.refuse_host(url, deny)


def _same_place(one: SplitResult, other: SplitResult) -> bool:
    """The same scheme, host and port, or the step from http to https on their usual ports."""

    def place(parts: SplitResult) -> tuple[str, str, int | None]:
        return parts.scheme, (parts.hostname or ""), parts.port or DEFAULT_PORTS.get(parts.scheme)

    return place(one) == place(other) or (
        one.hostname == other.hostname and place(one)[::2] == ("http", 80) and place(other)[::2] == ("https", 443)
    )


def _body(response: requests.Response) -> bytes:
    if response.status_code in (401, 403):
        words = _("The inventory refuses INVENTORY_TOKEN (HTTP %(status)d).")
        raise InventoryError(words % {"status": response.status_code})
    if response.status_code != 200:
        raise InventoryError(_("The inventory answered HTTP %(status)d.") % {"status": response.status_code})
    pieces: list[bytes] = []
    size = 0
    for piece in response.iter_content(PIECE):
        size += len(piece)
        if size > MAX_BYTES:
            words = _("The inventory's answer is larger than %(limit)d MB.")
            raise InventoryError(words % {"limit": MAX_BYTES // 1024 // 1024})
        pieces.append(piece)
    return b"".join(pieces)


def _reason(error: BaseException) -> str:
    """The innermost thing that went wrong, in words without the URL."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        if isinstance(cause, ssl.SSLError):
            return _("TLS failed")
        if isinstance(cause, TimeoutError | requests.Timeout):
            return _("it did not answer in time")
        if isinstance(cause, socket.gaierror):
            return _("unknown host")
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    return _("the answer is not valid HTTP")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _servers(body: bytes) -> list[Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise InventoryError(_("The inventory's answer is not JSON.")) from None
    servers = answer.get("servers") if isinstance(answer, dict) else answer
    if not isinstance(servers, list):
        raise InventoryError(_('The inventory\'s answer is neither a list nor {"servers": [...]}.'))
    return servers
