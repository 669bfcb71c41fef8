"""The prober of WebSocket servers: the opening handshake (RFC 6455 4.1), then a polite goodbye."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha1
from os import urandom

from monitors.probers import sentences
from monitors.probers.base import Failure, Outcome, Target
from monitors.probers.body import keep_beginning
from monitors.probers.connection import open_connection
from monitors.probers.failures import ProbeFailed, Progress
from monitors.probers.message import Head, build_request, exchange
from monitors.probers.network import Network, observe
from monitors.probers.sentences import _

GOODBYE_SECONDS = 1.0
"""How long a server may take to answer our Close frame. The outcome does not wait for it."""

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3
_CLOSE_NORMAL = b"\x03\xe8"  # 1000, RFC 6455 7.4.1
_KINDS = {401: Failure.WS_401, 403: Failure.WS_403, 404: Failure.WS_404}


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
            raise ProbeFailed(Failure.WS_CLOSED, _("The server closed the connection during the upgrade.")) from None
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
        kind = _KINDS.get(head.status, Failure.WS_REFUSED)
        raise ProbeFailed(kind, sentences.UPGRADE_REFUSED % {"status": head.status})
    accept = b64encode(sha1(key + _GUID, usedforsecurity=False).digest()).decode("ascii")
    for name, token in {"upgrade": "websocket", "connection": "upgrade"}.items():
        if token not in head.tokens(name):
            raise ProbeFailed(Failure.WS_BAD_HANDSHAKE, sentences.BAD_UPGRADE % {"header": name.capitalize()})
    if set(head.parts("sec-websocket-accept")) != {accept}:
        raise ProbeFailed(Failure.WS_BAD_HANDSHAKE, sentences.BAD_UPGRADE % {"header": "Sec-WebSocket-Accept"})
    if head.tokens("sec-websocket-extensions"):
        raise ProbeFailed(Failure.WS_BAD_HANDSHAKE, _("The server uses an extension that was not offered."))
    if set(head.parts("sec-websocket-protocol") or [""]) != {subprotocol}:
        raise ProbeFailed(Failure.WS_SUBPROTOCOL, _("The server did not agree on the subprotocol."))


def _close_frame() -> bytes:
    """A masked Close frame with status 1000 (RFC 6455 5.2, 5.5.1)."""
    mask = urandom(4)
    return b"\x88\x82" + mask + bytes((_CLOSE_NORMAL[0] ^ mask[0], _CLOSE_NORMAL[1] ^ mask[1]))
