"""Where a redirect leads (RFC 9110 10.2.2, RFC 3986 5.2), if it leads to the same host. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote, unquote

from monitors.address import InvalidAddress, parse_address
from monitors.engine.base import Target
from monitors.engine.message import DEFAULT_PORTS

REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""The statuses of answers whose Location browsers follow."""

_UPGRADE = (("http", 80), ("https", 443))
_AUTHORITY = re.compile(r"(?:(https?):)?//([^/?#]*)", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def redirected(target: Target, locations: Sequence[str]) -> Target | None:
    """Where to ask next; None if that is another host, or nothing that could be asked.

    `locations` are the different values of Location, of which the first counts, as it does for curl. The target's own
    headers may hold a secret: they go along only to the same scheme and port, or from http on port 80 to https on 443.
    """
    location = (locations[0] if locations else "").encode("latin-1").decode("utf-8", "surrogateescape")
    reference = location.partition("#")[0]
    authority = _AUTHORITY.match(reference)
    if authority is None:
        if not location or _SCHEME.match(reference):
            return None
        return replace(target, path=_path(target.path, reference))
    scheme = (authority[1] or target.scheme).lower()
    try:
        address = parse_address(
            host=f"{scheme}://{unquote(authority[2]).removesuffix(':')}", port=DEFAULT_PORTS[scheme]
        )
    except InvalidAddress:
        return None
    if address.host.removesuffix(".") != target.name:
        return None
    before, after = (target.scheme, target.port), (scheme, address.port)
    headers = target.headers if before == after or (before, after) == _UPGRADE else ()
    path = _path("/", reference[authority.end() :])
    return replace(target, scheme=scheme, port=address.port, path=path, headers=headers)


def _path(base: str, reference: str) -> str:
    """Path and query of a reference that names no host, percent-encoded where they hold what no request may hold."""
    path, mark, query = reference.partition("?")
    folder = base.partition("?")[0]
    if not reference:
        return base
    if not path:
        path = folder
    elif not path.startswith("/"):
        path = f"{folder.rpartition('/')[0]}/{path}"
    return quote(f"{_without_dots(path)}{mark}{query}", safe="/?:@!$&'()*+,;=-._~%[]", errors="surrogateescape")


def _without_dots(path: str) -> str:
    """RFC 3986 5.2.4."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            kept[-1:] = []
        elif segment != ".":
            kept.append(segment)
    end = [""] if segments[-1] in (".", "..") else []
    return "/".join(("", *kept, *end))
