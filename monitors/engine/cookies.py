"""The cookies of one look (RFC 6265): what a server sets while it redirects to itself. Pure.

All of them come from one host and go back to it, so that a domain only decides whether a cookie is taken at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from http.cookiejar import http2time  # type: ignore[attr-defined]  # typeshed leaves it out

from monitors.engine.base import Target

MAX_COOKIE = 4096
"""Longest name and value together, in characters."""
MAX_SENT = 8190
"""Longest Cookie header, in characters, as curl bounds it: servers refuse longer ones."""

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SECONDS = re.compile(r"-?[0-9]+")


@dataclass(frozen=True, slots=True)
class _Cookie:
    pair: str
    secure: bool


class Cookies:
    """The jar. Its order is that of RFC 6265 5.4: longer paths first, then the older."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], _Cookie] = {}

    def take(self, target: Target, lines: Iterable[str], now: float) -> None:
        """Keep what the Set-Cookie headers of `target`'s answer set, and drop what they end; `now` in seconds."""
        for line in lines:
            self._take(target, line.encode("latin-1").decode("utf-8", "replace"), now)

    def _take(self, target: Target, line: str, now: float) -> None:
        pair, *rest = line.split(";")
        name, equals, value = (part.strip() for part in pair.partition("="))
        parts = (part.partition("=") for part in rest)
        attributes = {key.strip().lower(): text.strip() for key, _, text in parts}
        domain = attributes.get("domain", "").removeprefix(".").lower()
        secure = "secure" in attributes
        if not (name and equals) or len(name) + len(value) > MAX_COOKIE or _CONTROL.search(name + value):
            return
        if (secure and target.scheme != "https") or (domain and not _belongs(target.name, domain)):
            return
        path = attributes.get("path", "")
        key = (name, domain, path if path.startswith("/") else _folder(target.path))
        if _is_over(attributes, now):
            self._kept.pop(key, None)
        else:
            self._kept[key] = _Cookie(f"{name}={value}", secure)

    def added_to(self, target: Target) -> Target:
        """`target` with the cookies that belong there, behind those of its own headers."""
        if not self._kept:
            return target
        found = [
            (path, cookie.pair)
            for (_, _, path), cookie in self._kept.items()
            if _covers(path, target.path.partition("?")[0]) and (target.scheme == "https" or not cookie.secure)
        ]
        own = "; ".join(value for name, value in target.headers if name.lower() == "cookie")
        sent = own
        for _, pair in sorted(found, key=lambda item: -len(item[0])):
            more = f"{sent}; {pair}" if sent else pair
            if len(more) > MAX_SENT:
                break
            sent = more
        if sent == own:
            return target
        others = (header for header in target.headers if header[0].lower() != "cookie")
        return replace(target, headers=(*others, ("Cookie", sent)))


def _belongs(host: str, domain: str) -> bool:
    """Whether `host` may set cookies for `domain` (RFC 6265 5.1.3); nobody may for a whole top-level domain."""
    is_name = not host[-1].isdigit() and ":" not in host
    return host == domain or (is_name and "." in domain and host.endswith(f".{domain}"))


def _folder(path: str) -> str:
    """The path of a cookie that names none (RFC 6265 5.1.4)."""
    return path.partition("?")[0].rpartition("/")[0] or "/"


def _covers(folder: str, path: str) -> bool:
    """RFC 6265 5.1.4."""
    return path == folder or path.startswith(folder if folder.endswith("/") else f"{folder}/")


def _is_over(attributes: dict[str, str], now: float) -> bool:
    if _SECONDS.fullmatch(age := attributes.get("max-age", "")):
        return age.startswith("-") or not age.strip("0")
    ends_at = http2time(attributes.get("expires", ""))
    return ends_at is not None and ends_at <= now
