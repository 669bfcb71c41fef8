"""Connections that the monitor makes beside its probes: never to what is on the deny list."""

from __future__ import annotations

import socket
from typing import Any

from urllib3.util.connection import create_connection

from monitors.address import InvalidAddress, parse_address
from monitors.engine.deny import DenyList


class DeniedError(Exception):
    """The way leads to an address that is never connected to. The text is that address, or the name that is denied.

    No OSError: HTTP clients wrap those in errors of their own.
    """


def refuse_host(url: str, deny: DenyList) -> None:
    """Raise DeniedError for a URL whose host is denied as it is written; where a name leads is seen by `connect`."""
    try:
        host = parse_address(host=url, port=443).host
    except InvalidAddress:
        return  # whoever makes the request says so
    literal = ":" in host or host.rpartition(".")[2].isdigit()
    if deny.denies(host) if literal else deny.denies_name(host):
        raise DeniedError(host)


def connect(host: str, port: int, deny: DenyList, timeout: Any, options: Any) -> socket.socket:
    """Connect to the first address of `host` that is allowed and listens. Raises OSError, and DeniedError where no
    address is allowed, or the peer turns out to be another.

    What is connected to is what was looked at: the name is not asked a second time, when it might say something else.
    """
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)]
    refusal: Exception = DeniedError(found[0])
    for address in found:
        if deny.denies(address):
            continue
        try:
            connected = create_connection((address, port), timeout, socket_options=options)
        except OSError as error:
            refusal = error
            continue
        peer = connected.getpeername()[0]
        if not deny.denies(peer):
            return connected
        connected.close()
        refusal = DeniedError(peer)
    raise refusal
