"""From the stored columns of a server to the address that is probed. Pure: knows no Django.

A `host` is a bare name or address, or carries scheme, port and path (`wss://ws1.example.com:8443/hub/chat`).
Everything that leaves here is valid: probers build requests from these parts without looking at them again.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote

import idna

from monitors.patterns import CONTROLS, none_of

TLS_PORTS = frozenset({443, 8443})
"""Ports that mean TLS when neither the host nor an override names a scheme."""

MAX_NAME = 253
MAX_LABEL = 63
MAX_PORT = 65_535

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_PORT = re.compile(r"[0-9]{1,5}")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+")
_STATUS = "[1-5][0-9]{2}"
_STATUS_RANGE = re.compile(rf"({_STATUS})(?:\s*-\s*({_STATUS}))?")
_RANGE = rf"{_STATUS}(?:\s*-\s*{_STATUS})?"
_PATH_SAFE = "/?:@!$&'()*+,;=-._~%[]"

UNBROKEN = none_of(rf"\s{CONTROLS}\\#")
"""What a host and a path look like, for the OpenAPI document; so do the two below."""
SCHEME = "^(?:[Hh][Tt][Tt][Pp][Ss]?|[Ww][Ss][Ss]?)?$"
EXPECTED_STATUS = rf"^\s*(?:{_RANGE}\s*(?:,\s*{_RANGE}\s*)*)?$"
"""Ranges that are the wrong way round are refused as well."""


def _(message: str) -> str:
    """Marks a text for the catalogs; this module knows no language."""
    return message


REVERSED = _("Write the range %(low)s-%(high)s the other way round: %(high)s-%(low)s.")
UNPRINTABLE = _("Remove the unprintable character U+%(code)s.")
OTHER_SCHEME = _("Start with one of %(schemes)s instead of %(scheme)s://.")
NO_SCHEME = _("Choose one of %(schemes)s.")
TEMPLATES = (REVERSED, UNPRINTABLE, OTHER_SCHEME, NO_SCHEME)
"""The remedies that hold values."""


class InvalidAddress(ValueError):  # noqa: N818 - the name of a failure kind, not of a mishap in the code
    """A column does not describe something that can be probed.

    `field` is the column at fault (`host`, `port`, `path`, `scheme` or `expected_status`). The text says the remedy, in
    English; whoever shows it to people translates `template`, and puts `values` in.
    """

    def __init__(self, field: str, template: str, **values: object) -> None:
        super().__init__(template % values if values else template)
        self.field = field
        self.template = template
        self.values = values


@dataclass(frozen=True, slots=True)
class Shape:
    """What the addresses of a kind of check are made of. `monitors.kinds` says which kind has which."""

    schemes: tuple[str, ...] = ("http", "https")
    """Without and with TLS; one alone where that is no question."""
    also: tuple[str, ...] = ("ws", "wss")
    """What may be said instead of these, in the same order."""
    path: str = "/"
    """What holds where nobody says one; empty where there is none."""
    host: bool = True
    port: bool = True

    def scheme(self, field: str, said: str | None, port: int) -> str:
        """Which of its schemes `said` in the column `field` means, or the port where it is silent."""
        if said is None:
            secure = port in TLS_PORTS
        elif said in (*self.schemes, *self.also):
            secure = said in (*self.schemes[1:], *self.also[1:])
        elif field == "host":
            starts = ", ".join(f"{scheme}://" for scheme in (*self.schemes, *self.also))
            raise InvalidAddress(field, OTHER_SCHEME, schemes=starts, scheme=said)
        else:
            raise InvalidAddress(field, NO_SCHEME, schemes=", ".join((*self.schemes, *self.also)))
        return self.schemes[secure and len(self.schemes) > 1]


WEB = Shape()


@dataclass(frozen=True, slots=True)
class Address:
    """Where to look. `host` is a lower-case ASCII name, with a final dot if it is absolute, or an address without
    brackets; `path` starts with `/`."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Who receives what is sent there: by which scheme, which host, which port.

        As RFC 6454 5 has it, but for two things: ws and http of one host and port are one server, as they are to
        cookies (RFC 6265 8.5), and a final dot makes no other host.
        """
        scheme = {"ws": "http", "wss": "https"}.get(self.scheme, self.scheme)
        return scheme, self.host.removesuffix("."), self.port

    @property
    def shown(self) -> str:
        """As a URL for everybody: without the query, which may hold a secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{host}{port}{self.path.partition('?')[0]}" if host else ""


def parse_address(
    *,
    host: str,
    port: int | None,
    path: str | None = None,
    scheme: str | None = None,
    shape: Shape = WEB,
) -> Address:
    """Read a server's columns as an address of `shape`. Raises `InvalidAddress`, naming the column at fault.

    A port inside `host` wins over `port`; `path` and `scheme` win over what `host` carries; None or "" means "not
    given". A single `/` after the host counts as no path, so that `wss://ws1.example.com/` of type 2 is still probed
    at /hub/chat; give `path` to probe `/` itself.
    """
    if not shape.host:
        return Address(shape.schemes[0], "", 0, "")
    _refuse_unprintable("host", host)
    own_scheme, authority, own_path = _split(host, shape)
    name, own_port = _split_port(authority)
    final_port = 0 if not shape.port else _port(port) if own_port is None else own_port
    if not shape.port and own_port is not None:
        raise InvalidAddress("host", _("Remove the port after the colon: this kind of check has none."))
    if not shape.path and (path or own_path):
        raise InvalidAddress("path" if path else "host", _("Remove the path: this kind of check has none."))
    return Address(
        scheme=shape.scheme("scheme", scheme.lower() if scheme else own_scheme, final_port),
        host=_host(name),
        port=final_port,
        path=shape.path and _path(path or None, own_path, shape.path),
    )


def parse_expected_status(text: str) -> tuple[tuple[int, int], ...]:
    """Read `200-299,301` into inclusive ranges; blank text means none. Raises `InvalidAddress`."""
    if not text.strip():
        return ()
    ranges = []
    for part in text.split(","):
        match = _STATUS_RANGE.fullmatch(part.strip())
        if match is None:
            raise InvalidAddress(
                "expected_status", _("Write status codes and ranges from 100 to 599, like 200-299,301.")
            )
        low = int(match[1])
        high = int(match[2] or low)
        if high < low:
            raise InvalidAddress(
                "expected_status",
                REVERSED,
                low=low,
                high=high,
            )
        ranges.append((low, high))
    return tuple(ranges)


def _refuse_unprintable(field: str, text: str) -> None:
    """Raise for what could split a request or hide in a name: blanks, controls, lone surrogates, `\\` and `#`."""
    for char in text:
        if char.isspace():
            raise InvalidAddress(field, _("Remove the blanks and line breaks."))
        if unicodedata.category(char) in ("Cc", "Cs"):
            raise InvalidAddress(field, UNPRINTABLE, code=f"{ord(char):04X}")
    if "\\" in text:
        raise InvalidAddress(field, _("Use / instead of the backslash."))
    if "#" in text:
        raise InvalidAddress(field, _("Remove the # and what follows it: a fragment is never sent to a server."))


def _split(host: str, shape: Shape) -> tuple[str | None, str, str]:
    """Scheme, authority and path of the column `host`; the path is "" when there is none worth the name."""
    match = _SCHEME.match(host)
    own_scheme = match[1].lower() if match else None
    if own_scheme is not None:
        shape.scheme("host", own_scheme, 0)
    rest = host[match.end() :] if match else host
    end = next((index for index, char in enumerate(rest) if char in "/?"), len(rest))
    authority, own_path = rest[:end], rest[end:]
    if not authority:
        raise InvalidAddress("host", _("Enter a name or an address, like web.example.com."))
    if "@" in authority:
        raise InvalidAddress("host", _("Remove the user name and password before the @; use request headers instead."))
    return own_scheme, authority, "" if own_path == "/" else own_path


def _split_port(authority: str) -> tuple[str, int | None]:
    if authority.startswith("["):
        name, bracket, tail = authority[1:].partition("]")
        if not bracket:
            raise InvalidAddress("host", _("Close the bracket of the IPv6 address: [2001:db8::1]."))
        return _ipv6(name), _own_port(tail) if tail else None
    if authority.count(":") > 1:
        return _ipv6(authority), None
    name, colon, tail = authority.partition(":")
    return name, _own_port(colon + tail) if colon else None


def _own_port(text: str) -> int:
    """The port of `:8443`, as written inside the column `host`."""
    number = int(text[1:]) if text.startswith(":") and _PORT.fullmatch(text[1:]) else 0
    if not 1 <= number <= MAX_PORT:
        raise InvalidAddress("host", _("Write the port after the colon as a number from 1 to 65535."))
    return number


def _port(port: int | None) -> int:
    if not isinstance(port, int) or not 1 <= port <= MAX_PORT:  # SQLite keeps a text in a column of numbers
        raise InvalidAddress("port", _("Enter a port from 1 to 65535."))
    return port


def _path(override: str | None, own: str, default: str) -> str:
    if override is not None:
        _refuse_unprintable("path", override)
    text = override or own or default
    return quote(text if text.startswith("/") else f"/{text}", safe=_PATH_SAFE)


def _ipv6(text: str) -> str:
    if "%" in text:
        raise InvalidAddress("host", _("Remove the % and the zone after it: link-local addresses are not probed."))
    try:
        return ipaddress.IPv6Address(text).compressed
    except ValueError:
        raise InvalidAddress("host", _("Write the IPv6 address like 2001:db8::1, or [2001:db8::1]:443.")) from None


def _host(text: str) -> str:
    """A name in the form that DNS knows, or an address in its usual spelling.

    A final dot stays: it keeps the search list of resolv.conf from finding another name in place of one that is gone.
    """
    if ":" in text:
        return text
    absolute = _ascii(text)
    name = absolute.removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(name)
    if len(name) > MAX_NAME or any(len(label) > MAX_LABEL for label in labels):
        raise InvalidAddress("host", _("Shorten the name: at most 253 characters, 63 between two dots."))
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidAddress("host", _("Use letters, digits, hyphens and underscores between the dots of the name."))
    return absolute


def _ascii(text: str) -> str:
    """Lower case, international labels IDNA-encoded (RFC 5891, mapped by UTS 46), the others as they are.

    Only the labels that need it go through `idna`, which would refuse the underscore of an internal name. Labels of
    nothing but digits of another script are refused: whether they make a name or an IPv4 address is read either way.
    """
    if text.isascii():
        return text.lower()
    if len(text) > MAX_NAME:
        raise InvalidAddress("host", _("Shorten the name: at most 253 characters, 63 between two dots."))
    try:
        labels = idna.uts46_remap(text, std3_rules=False).split(".")
        if any(label.isdecimal() and not label.isascii() for label in labels):
            raise idna.IDNAError
        return ".".join(label if label.isascii() else idna.alabel(label).decode("ascii") for label in labels)
    except idna.IDNAError:
        raise InvalidAddress("host", _("Correct the name: it has characters that no domain name may have.")) from None


def _ipv4(text: str) -> str:
    """Read an address as inet_aton does, so that `0x7f.1` and `2130706433` meet the deny list as 127.0.0.1."""
    if all(_NUMBER.fullmatch(part) for part in text.split(".")):
        try:
            return socket.inet_ntoa(socket.inet_aton(text))
        except OSError:
            pass
    raise InvalidAddress("host", _("Write the IPv4 address like 192.0.2.10: four numbers from 0 to 255."))
