"""One HTTP POST that is bounded in every way, and that knows whether the other side may have got it.

requests alone bounds neither the name lookup nor the whole exchange (its timeout is per address and per read), reads
answers of any size, follows redirects with the Authorization header, and tells a broken handshake and a broken answer
apart only by the texts of its errors. Here the exchange runs in a thread of its own, which is given up when the time is
over: before the connection stands nothing has been sent and nothing will be; afterwards the outcome is unknown.

What is on the deny list of probes is not connected to either, whatever name leads there. A proxy that the
environment names is our own, and only the built-in list holds for it.

URLs and headers are secrets: they are in no exception raised here, and what urllib3 logs about them is dropped.
"""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from monitors import outgoing
from monitors.engine.deny import DenyList
from monitors.validation import deny_list
from notifications.transports.base import Reply, Verdict

logger = logging.getLogger(__name__)

BUILT_IN = DenyList()
MAX_ANSWER = 64 * 1024
"""Bytes of an answer's body that are read, unless told otherwise; the rest is left."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: str


class UnansweredError(Exception):
    """No answer came. `sent` is True when the other side may have got the request all the same.

    `code` is `invalid_url`, `connection_error`, `timeout`, `connection_lost` or `bad_answer`; `detail` names the kind
    of error and nothing more.
    """

    def __init__(self, code: str, *, sent: bool, detail: str = "") -> None:
        super().__init__(code)
        self.code, self.sent, self.detail = code, sent, detail


def read_silence(unanswered: UnansweredError) -> Reply:
    """What is known of an attempt that got no answer."""
    if unanswered.sent:
        return Reply(Verdict.UNCERTAIN, unanswered.code, detail=unanswered.detail)
    verdict = Verdict.GIVE_UP if unanswered.code == "invalid_url" else Verdict.RETRY
    return Reply(verdict, unanswered.code, detail=unanswered.detail)


def post(url: str, body: bytes, headers: Mapping[str, str], timeout: float, *, longest: int = MAX_ANSWER) -> Answer:
    """POST `body` and return the answer, whatever its status, within `timeout` seconds.

    Raises only `UnansweredError`.
    """
    exchange = _Exchange(url, body, headers, timeout, longest)
    try:
        threading.Thread(target=exchange.run, name="exchange", daemon=True).start()
    except RuntimeError as error:  # there is no thread to be had
        raise UnansweredError("connection_error", sent=False, detail=type(error).__name__) from None
    exchange.over.wait(timeout)
    outcome = exchange.close()
    if isinstance(outcome, UnansweredError):
        raise outcome
    return outcome


class _Exchange:
    """Shared by the thread that talks and the one that waits for it."""

    def __init__(self, url: str, body: bytes, headers: Mapping[str, str], timeout: float, longest: int) -> None:
        self.url, self.body, self.timeout, self.longest = url, body, timeout, longest
        self.headers = {"Accept-Encoding": "identity", "Connection": "close", **headers}
        self.over = threading.Event()
        self._deadline = time.monotonic() + timeout
        self._lock = threading.Lock()
        self._outcome: Answer | UnansweredError | None = None
        self._closed = False
        self._socket: socket.socket | None = None

    def run(self) -> None:
        _talking.exchange = self
        try:
            outcome: Answer | UnansweredError = self._talk()
        except Exception as error:  # noqa: BLE001  (whatever it is, it ends here: the caller waits in another thread)
            outcome = self._explain(error)
        with self._lock:
            self._outcome = outcome
        self.over.set()

    def close(self) -> Answer | UnansweredError:
        """The outcome; when there is none yet, the exchange ends here and a connection made later is not used."""
        with self._lock:
            self._closed = True
            if self._outcome is not None:
                return self._outcome
            if self._socket is None:
                return UnansweredError("connection_error", sent=False, detail="TimeoutError")
            with suppress(OSError):  # SSLSocket's own shutdown() would pull the TLS state from under the reader
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            return UnansweredError("timeout", sent=True, detail="TimeoutError")

    def connected(self, connection: HTTPConnection) -> None:
        """From here on the request may arrive: not from a process that was stopped meanwhile, and so is too late."""
        with self._lock:
            if self._closed or time.monotonic() >= self._deadline:
                connection.close()
                raise TimeoutError
            self._socket = connection.sock

    def _talk(self) -> Answer:
        outgoing.refuse_host(self.url, deny_list())
        with _Session() as session:
            response = session.post(
                self.url,
                data=self.body,
                headers=self.headers,
                timeout=self.timeout,
                auth=_keep_authorization,
                stream=True,
            )
            body = b""
            with response:  # read until nothing comes: only then urllib3 notices that something is missing
                while missing := self.longest - len(body):
                    chunk: bytes = response.raw.read(missing, decode_content=False)
                    if not chunk:
                        break
                    body += chunk
            return Answer(response.status_code, response.headers, body.decode("utf-8", "replace"))

    def _explain(self, error: BaseException) -> UnansweredError:
        root = error
        while (deeper := root.__cause__ or root.__context__) is not None:
            root = deeper
        detail = type(root).__name__
        if isinstance(error, outgoing.DeniedError):
            logger.warning("connection denied", extra={"address": str(error)})
        if self._socket is None:
            code = "invalid_url" if isinstance(error, ValueError) else "connection_error"
            return UnansweredError(code, sent=False, detail=detail)
        if isinstance(root, TimeoutError):
            return UnansweredError("timeout", sent=True, detail=detail)
        lost = isinstance(root, ConnectionError | http.client.IncompleteRead | ssl.SSLError)
        return UnansweredError("connection_lost" if lost else "bad_answer", sent=True, detail=detail)


_talking = threading.local()
"""`exchange`: the one that the current thread runs."""


class _Reporting(HTTPConnection):
    """Tells its exchange when the connection stands, TLS and any proxy's tunnel included."""

    def _new_conn(self) -> socket.socket:
        deny = deny_list() if self.proxy is None else BUILT_IN
        return outgoing.connect(self._dns_host, self.port, deny, self.timeout, self.socket_options)

    def connect(self) -> None:
        super().connect()
        _talking.exchange.connected(self)


class _ReportingTls(_Reporting, HTTPSConnection):
    pass


class _Adapter(HTTPAdapter):
    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> urllib3.HTTPConnectionPool:
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = _ReportingTls if pool.scheme == "https" else _Reporting
        return pool


class _Session(requests.Session):
    """Proxies come from the environment; retries and redirects do not happen."""

    def __init__(self) -> None:
        super().__init__()
        self.mount("https://", _Adapter())
        self.mount("http://", _Adapter())

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def _keep_authorization(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Given as `auth`, so that requests does not take one from ~/.netrc instead."""
    return request


class _DropOurs(logging.Filter):
    """urllib3 logs paths: each request at DEBUG, malformed answers at WARNING. A webhook's path is its secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not hasattr(_talking, "exchange")


for _name in ("urllib3.connection", "urllib3.connectionpool"):
    logging.getLogger(_name).addFilter(_DropOurs())  # filters stay, whatever levels the settings choose later
