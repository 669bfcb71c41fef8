"""WebSocket servers: the opening handshake (RFC 6455 4.1), then a polite goodbye. Pure."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha1
from os import urandom

from monitors.address import Shape
from monitors.engine.base import Outcome, Target
from monitors.engine.body import keep_beginning
from monitors.engine.connection import open_connection
from monitors.engine.failures import Failure
from monitors.engine.message import Head, build_request, exchange
from monitors.engine.network import Network, observe
from monitors.engine.progress import ProbeFailed, Progress
from monitors.engine.sentences import _
from monitors.kinds.base import REQUEST, Kind, Variant

WS_REFUSED = Failure(
    "ws_refused",
    "xx",
    _("WebSocket refused"),
    _("The server answered, but does not speak WebSocket on this path. The detail names the status."),
)
WS_401 = Failure(
    "ws_401",
    "yy",
    _("WebSocket HTTP 401, login required"),
    _("The server wants credentials before the upgrade. Set a request header."),
)
WS_403 = Failure(
    "ws_403",
    "zz",
    _("WebSocket HTTP 403, forbidden"),
    _("The server refuses the upgrade. Check its access rules and allowed origins."),
)
WS_404 = Failure(
    "ws_404",
    "AA",
    _("WebSocket HTTP 404, not found"),
    _("There is no WebSocket on this path. Check the path and what is deployed."),
)
WS_BAD_HANDSHAKE = Failure(
    "ws_bad_handshake",
    "BB",
    _("invalid WebSocket handshake"),
    _("The server agreed to the upgrade, but its handshake breaks the protocol (RFC 6455)."),
)
WS_SUBPROTOCOL = Failure(
    "ws_subprotocol",
    "CC",
    _("WebSocket subprotocol not accepted"),
    _("The server did not choose the subprotocol set for it."),
)
WS_CLOSED = Failure(
    "ws_closed",
    "DD",
    _("WebSocket closed at once"),
    _("The server agreed to the upgrade and then closed the connection. See its log."),
    by_stalls=True,
)
UPGRADE_REFUSED = _("The server refused the upgrade with status %(status)s.")
BAD_UPGRADE = _("The upgrade has no valid %(header)s header.")

GOODBYE_SECONDS = 1.0
"""How long a server may take to answer our Close frame. The outcome does not wait for it."""

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3
_CLOSE_NORMAL = b"\x03\xe8"  # 1000, RFC 6455 7.4.1
_KINDS = {401: WS_401, 403: WS_403, 404: WS_404}


@dataclass(frozen=True, slots=True)
class WebSocketProber:
    """Healthy is a valid 101, with the subprotocol that was asked for. What follows on the socket is not judged."""

    network: Network

    async def __call__(self, target: Target, deadline: float) -> Outcome:
        return await observe(_look, self.network, target, deadline)


async def _look(network: Network, target: Target, progress: Progress) -> None:
    key = b64encode(urandom(16))
    request = build_request(target, _own_headers(target, key.decode("ascii")))
    with await open_connection(network, target, progress) as connection:
        try:
            head, rest = await exchange(connection, request, progress)
        except ConnectionError:
            raise ProbeFailed(WS_CLOSED, _("The server closed the connection during the upgrade.")) from None
        progress.status = head.status
        if head.status != 101:
            await keep_beginning(target, head, rest, connection, progress)
        _judge(head, key, target.subprotocol)
        connection.part(_close_frame(), GOODBYE_SECONDS, network.parting)


def _own_headers(target: Target, key: str) -> dict[str, str]:
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
    }
    if target.subprotocol:
        headers["Sec-WebSocket-Protocol"] = target.subprotocol
    return headers


def _judge(head: Head, key: bytes, subprotocol: str) -> None:
    """Raise ProbeFailed unless the answer is the upgrade that was asked for (RFC 6455 4.1, the numbered list)."""
    if head.status != 101:
        kind = _KINDS.get(head.status, WS_REFUSED)
        raise ProbeFailed(kind, UPGRADE_REFUSED % {"status": head.status})
    accept = b64encode(sha1(key + _GUID, usedforsecurity=False).digest()).decode("ascii")
    for name, token in {"upgrade": "websocket", "connection": "upgrade"}.items():
        if token not in head.tokens(name):
            raise ProbeFailed(WS_BAD_HANDSHAKE, BAD_UPGRADE % {"header": name.capitalize()})
    if set(head.parts("sec-websocket-accept")) != {accept}:
        raise ProbeFailed(WS_BAD_HANDSHAKE, BAD_UPGRADE % {"header": "Sec-WebSocket-Accept"})
    if head.tokens("sec-websocket-extensions"):
        raise ProbeFailed(WS_BAD_HANDSHAKE, _("The server uses an extension that was not offered."))
    if set(head.parts("sec-websocket-protocol") or [""]) != {subprotocol}:
        raise ProbeFailed(WS_SUBPROTOCOL, _("The server did not agree on the subprotocol."))


def _close_frame() -> bytes:
    """A masked Close frame with status 1000 (RFC 6455 5.2, 5.5.1)."""
    mask = urandom(4)
    return b"\x88\x82" + mask + bytes((_CLOSE_NORMAL[0] ^ mask[0], _CLOSE_NORMAL[1] ^ mask[1]))


KIND = Kind(
    word="websocket",
    label="WebSocket",
    numbers={
        101: Variant("WebSocket"),
        2: Variant(_("WebSocket /hub/chat"), "/hub/chat"),
        3: Variant(_("WebSocket /hub/edit"), "/hub/edit"),
        4: Variant(_("WebSocket /hub/game"), "/hub/game"),
    },
    shape=Shape(("ws", "wss"), also=("http", "https")),
    columns=REQUEST,
    prober=WebSocketProber,
    failures=(WS_REFUSED, WS_401, WS_403, WS_404, WS_BAD_HANDSHAKE, WS_SUBPROTOCOL, WS_CLOSED),
    sentences=(UPGRADE_REFUSED, BAD_UPGRADE),
)
