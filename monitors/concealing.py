"""The secrets of a server: how they are shown, how a mask that comes back is read, and where they may go.

They are the values of its request headers and of some options, and what its address may hold beside the place: the
query, and the user name and password that rows written by others may have.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from monitors import kinds
from monitors.address import Address, InvalidAddress, parse_address
from monitors.fields import MASK, UnreadableHeaders
from monitors.kinds.options import Secret

if TYPE_CHECKING:
    from monitors.models import Server

COLUMNS = ("host", "path", "request_headers", "options")
"""The columns that may hold secrets."""
OBJECTS = ("request_headers", "options")
MASKED_QUERY = f"?{MASK}"
MASKED_USER = f"{MASK}@"


class MaskedError(ValueError):
    """A mask came for which no secret is stored. `name` is that of the column or of the header."""

    def __init__(self, column: str, name: str) -> None:
        super().__init__(name)
        self.column, self.name = column, name


def masked(column: str, value: Any) -> Any:
    """What stands in `column`, one of `COLUMNS`, with a mask in the place of each secret."""
    if not value:
        return value
    if column == "request_headers":
        return dict.fromkeys(value, MASK)
    if column == "options":
        named = value if isinstance(value, Mapping) else {}  # SQL may have written anything
        return {name: MASK if _is_secret(name, one) else one for name, one in named.items()}
    scheme, user, place, query = _split(value) if column == "host" else ("", "", *_cut(value))
    return f"{scheme}{MASKED_USER if user else ''}{place}{MASKED_QUERY if query else ''}"


def bare(value: Any) -> Any:
    """`value` for who may see the secrets in it: plain texts."""
    if not isinstance(value, Mapping):
        return None
    return {name: str(one) if isinstance(one, Secret) else one for name, one in value.items()} or None


def _is_secret(name: str, value: Any) -> bool:
    """Also where SQL wrote it in plain."""
    return isinstance(value, Secret) or bool(value and name in kinds.secret_options())


def is_unreadable(options: Any) -> bool:
    """Whether none of our keys reads one of the secrets."""
    return isinstance(options, dict) and any(isinstance(one, Secret) and one.sealed for one in options.values())


def has_secrets(server: Server) -> bool:
    return any(masked(column, value) != value for column in COLUMNS if (value := getattr(server, column)))


def shown_host(host: str) -> str:
    """The column `host` without its secrets."""
    scheme, _user, place, _query = _split(host)
    return scheme + place


def _split(host: str) -> tuple[str, str, str, str]:
    """Scheme with `://`, user with password, place, query. Only what is no address can have a user: `parse_address`
    refuses one. A password may hold any sign, so that whatever is before the last @ belongs to it."""
    scheme, mark, rest = host.partition("://") if "://" in host else ("", "", host)
    user, _at, rest = rest.rpartition("@") if "@" in rest and not _is_address(host) else ("", "", rest)
    return (scheme + mark, user, *_cut(rest))


def _cut(text: str) -> tuple[str, str]:
    """What comes before the query, and the query."""
    end = min((position for mark in "?#" if (position := text.find(mark)) >= 0), default=len(text))
    return (text[:end], text[end + 1 :]) if text[end + 1 :] else (text, "")


def _is_address(host: str) -> bool:
    try:
        parse_address(host=host, port=1)
    except InvalidAddress:
        return False
    return True


def has_mask(column: str, value: Any) -> bool:
    """Whether `value` leaves a secret as it is stored. Headers that cannot be read are their own mask."""
    if column in OBJECTS:
        return isinstance(value, UnreadableHeaders) or (isinstance(value, dict) and MASK in value.values())
    return isinstance(value, str) and (MASKED_QUERY in value or MASKED_USER in value)


def unmasked(column: str, sent: Any, stored: Any) -> Any:
    """`sent` with the secrets of `stored` in the places of masks. Raises MaskedError where nothing is stored.

    No headers and no options are null, not an empty object: there is one way to say it.
    """
    if column in OBJECTS and isinstance(sent, dict) and not isinstance(sent, UnreadableHeaders):
        return _unmasked_object(column, sent, stored) or None
    if column in OBJECTS or not has_mask(column, sent):
        return sent
    if sent != masked(column, stored):
        raise MaskedError(column, column)
    return stored


def _unmasked_object(column: str, sent: Mapping[str, Any], stored: Mapping[str, Any] | None) -> dict[str, Any]:
    known = {name.lower(): value for name, value in stored.items()} if isinstance(stored, Mapping) else {}
    for name, value in sent.items():
        if value == MASK and name.lower() not in known:
            raise MaskedError(column, name)
    return {name: known[name.lower()] if value == MASK else value for name, value in sent.items()}


def given(sent: Mapping[str, Any]) -> set[str]:
    """Of the columns that `sent` sets, those of `COLUMNS` that it sets without a mask."""
    return {column for column in COLUMNS if column in sent and not has_mask(column, sent[column])}


def carried_off(before: Server, after: Server, anew: Collection[str]) -> dict[str, str]:
    """What is to be done about each column whose stored secret a change of `before` to `after` would send to another
    scheme, host or port; `anew` are the columns whose secrets were given with the change.

    Whoever may change an address could otherwise read by a server of their own what is shown to nobody.
    """
    if before.pk is None or _origin(before) == _origin(after):
        return {}
    problems: dict[str, str] = {}
    headers = after.request_headers
    if "request_headers" not in anew and (headers or isinstance(headers, UnreadableHeaders)):
        words = _("The server's scheme, host or port changes: enter the values of its request headers again.")
        problems["request_headers"] = words
    if "options" not in anew and masked("options", after.options) != after.options:
        words = _("The server's scheme, host or port changes: enter its secret options again.")
        problems["options"] = words
    asked = "path" if after.path else "host"
    if asked not in anew and _cut(getattr(after, asked) or "")[1]:
        problems[asked] = _("The server's scheme, host or port changes: enter the path with its query again.")
    return problems


def _origin(server: Server) -> object:
    """What differs when something sent to `server` arrives elsewhere; for what is no address, all that is stored."""
    try:
        return address_of(server).origin
    except InvalidAddress:
        return server.host, server.port, server.type, server.scheme


def address_of(server: Server) -> Address:
    """Where to look for `server`. Raises InvalidAddress."""
    return kinds.parse_address(
        host=server.host, port=server.port, type=server.type, path=server.path, scheme=server.scheme
    )
