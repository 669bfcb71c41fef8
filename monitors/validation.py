"""What makes a server valid beyond what each column says: for the API, the admin, seed files and the inventory alike.

Called by `Server.clean()`, so it imports no model.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils.translation import gettext as _

from monitors import charsets, kinds
from monitors.address import InvalidAddress, parse_expected_status
from monitors.engine.deny import DenyList
from monitors.patterns import BREAKING, CONTROLS, IN_LINE_BREAKING, INVISIBLE, any_of
from monitors.settings_table import OPTIONAL_TEXTS, REQUEST, TEXTS

if TYPE_CHECKING:
    from monitors.models.server import RuleFields, Server

MAX_HEADERS = 20
MAX_HEADER_NAME = 100
MAX_HEADER_VALUE = 4_096
MAX_TAG = 50
MAX_TAGS_TEXT = 500
"""Of all tags together, with a comma around each."""

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""What HTTP calls a token (RFC 9110 5.6.2): names of headers and of WebSocket subprotocols."""
HEADERS_OF_THE_PROBER = frozenset(
    {"connection", "content-length", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers that frame the request or the handshake. Set by hand they break the probe, or smuggle a second request."""
UNREADABLE = any_of(INVISIBLE)
"""In the name of a server."""
UNPRINTABLE = any_of(CONTROLS)
UNPRINTABLE_IN_BODIES = any_of(BREAKING)
UNPRINTABLE_IN_HEADERS = any_of(IN_LINE_BREAKING)


def clean_server(server: Server) -> None:
    """Trim the texts of `server` (empty becomes null) and raise ValidationError with everything that is wrong.

    Columns that are invalid by themselves are passed over: whoever called reports them already.
    """
    settle(server)
    _trim(server)
    problems: dict[str, Any] = {}
    checks = (
        _check_name,
        _check_address,
        _check_columns,
        _check_expectations,
        _check_headers,
        _check_options,
        _check_tags,
    )
    for check in (clean_rules, *checks):
        try:
            check(server)
        except ValidationError as error:
            error.update_error_dict(problems)
    for column in set(TEXTS) - set(problems):
        if problem := _not_stored(server, column):
            problems[column] = problem
    if problems:
        raise ValidationError(problems)


def settle(server: Server) -> Collection[str]:
    """Write into the columns that the kind of `server` does not have what stands for nothing; returns their names."""
    shape = kinds.shape_of(server.type)
    nothing: dict[str, Any] = {**({} if shape.host else {"host": ""}), **({} if shape.port else {"port": 0})}
    for column, value in nothing.items():
        setattr(server, column, value)
    return nothing


def type_of(word: str | None, number: int | None, current: int | None) -> int | None:
    """The `type` that is said by the word of a kind, by the number or by both; `current` is the one that is stored.

    Raises ValidationError, naming `kind`, for words that do not exist and for those that contradict the number.
    """
    if word is None:
        return number
    if kinds.named(word) is None:
        raise ValidationError({"kind": _("Choose one of %(choices)s.") % {"choices": ", ".join(kinds.words())}})
    if number is not None and kinds.of(number).word != word:
        words = _("Type %(type)s is of the kind %(kind)s: give one of the two.")
        raise ValidationError({"kind": words % {"type": number, "kind": kinds.of(number).word}})
    return kinds.number_for(word, current) if number is None else number


def clean_rules(rules: RuleFields) -> None:
    """Refuse a timeout longer than the interval where both are set on one object; inherited ones are clamped."""
    interval, timeout = rules.interval_seconds, rules.timeout_seconds
    if isinstance(interval, int) and isinstance(timeout, float | int) and timeout > interval:
        raise ValidationError(
            {"timeout_seconds": _("The timeout must not be longer than the interval, %(n)d s.") % {"n": interval}}
        )


def _not_stored(server: Server, column: str) -> str:
    """Why the database cannot store the text of a column; "" when it can."""
    value = getattr(server, column)
    text = ",".join(value) if isinstance(value, list) else value
    return charsets.problem(server._meta.db_table, column, text) if isinstance(text, str) else ""


def name_key(name: str) -> str:
    """Two names with the same key are one name to the database.

    SQLite's NOCASE folds ASCII. MySQL's usual collations fold accents too; under a stricter one this key takes names
    for equal that are not, which refuses a list that has both, and never overwrites anything.
    """
    if connection.vendor == "mysql":
        decomposed = unicodedata.normalize("NFKD", name.casefold())
        return "".join(char for char in decomposed if not unicodedata.combining(char))
    return name.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def _trim(server: Server) -> None:
    if isinstance(server.host, str):
        server.host = server.host.strip()
    for field in OPTIONAL_TEXTS:
        value = getattr(server, field)
        if isinstance(value, str) and not value.strip():
            setattr(server, field, None)


def _check_name(server: Server) -> None:
    if not isinstance(server.host_name, str) or not server.host_name:
        return
    server.host_name = name = server.host_name.strip()
    if not name:
        raise ValidationError({"host_name": _("Give the server a name.")})
    if found := UNREADABLE.search(name):
        raise ValidationError({"host_name": remove_words(found[0])})


def _check_address(server: Server) -> None:
    columns = (server.port, server.type)
    if not isinstance(server.host, str) or not all(isinstance(value, int) for value in columns):
        return
    if not server.host:  # said already where there has to be one
        return
    try:
        address = kinds.parse_address(
            host=server.host, port=server.port, type=server.type, path=server.path, scheme=server.scheme
        )
    except InvalidAddress as error:
        raise ValidationError({error.field: remedy(error)}) from None
    if _denied(address.host):
        raise ValidationError(
            {"host": _("This address is never probed: it is link-local, a metadata service, or denied by a setting.")}
        )


def remedy(error: InvalidAddress) -> str:
    """What to do about an address that cannot be probed, in the reader's language."""
    return _(error.template) % error.values if error.values else _(error.template)


def deny_list() -> DenyList:
    """What no probe and no other outgoing request may reach."""
    return _deny_list(tuple(settings.PROBE_DENY_NETWORKS))


def _denied(host: str) -> bool:
    deny = deny_list()
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return deny.denies_name(host)
    return deny.denies(host)


@lru_cache(maxsize=1)
def _deny_list(networks: tuple[str, ...]) -> DenyList:
    return DenyList(networks)


def _check_columns(server: Server) -> None:
    kind = kinds.of(server.type)
    unused = [name for name in REQUEST if name not in kind.columns and getattr(server, name) is not None]
    words = _("A server of the kind %(kind)s has no such setting: leave it empty.") % {"kind": kind.word}
    if unused:
        raise ValidationError(dict.fromkeys(unused, words))


def _check_options(server: Server) -> None:
    try:
        server.options = kinds.options.stored(kinds.of(server.type).options, server.options or {})
    except InvalidAddress as error:
        raise ValidationError({error.field: remedy(error)}) from None


def _check_expectations(server: Server) -> None:
    if found := UNPRINTABLE_IN_BODIES.search(server.expected_text or ""):
        raise ValidationError({"expected_text": remove_words(found[0])})
    if server.subprotocol and not TOKEN.fullmatch(server.subprotocol):
        raise ValidationError({"subprotocol": _("Use letters, digits and the signs !#$%&'*+-.^_`|~ only.")})
    if server.expected_status:
        try:
            parse_expected_status(server.expected_status)
        except InvalidAddress as error:
            raise ValidationError({"expected_status": remedy(error)}) from None


def _check_headers(server: Server) -> None:
    headers = server.request_headers
    if headers is None:
        return
    if not isinstance(headers, dict):
        raise ValidationError({"request_headers": _("Give the headers as a JSON object of texts.")})
    if len(headers) > MAX_HEADERS:
        raise ValidationError({"request_headers": _("At most %(n)d headers are possible.") % {"n": MAX_HEADERS}})
    if len({str(name).lower() for name in headers}) < len(headers):
        raise ValidationError({"request_headers": _("A header is given twice; case does not matter in its name.")})
    for name, value in headers.items():
        if problem := header_problem(name, value):
            raise ValidationError({"request_headers": problem})


def header_problem(name: Any, value: Any) -> str:
    """What is wrong with a header, or "". Never repeats the value, which is likely a secret."""
    words = {"name": str(name)[:MAX_HEADER_NAME]}
    if not isinstance(name, str) or len(name) > MAX_HEADER_NAME or not TOKEN.fullmatch(name):
        return _("%(name)s is not the name of a header.") % words
    if name.lower() in HEADERS_OF_THE_PROBER or name.lower().startswith("sec-websocket-"):
        return _("%(name)s is set by the prober itself.") % words
    if not isinstance(value, str) or len(value) > MAX_HEADER_VALUE:
        return _("The value of %(name)s must be a text of at most 4,096 characters.") % words
    if UNPRINTABLE_IN_HEADERS.search(value):
        return _("The value of %(name)s must not have line breaks or other control characters.") % words
    return ""


def _check_tags(server: Server) -> None:
    tags = server.tags
    if tags is None:
        return
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ValidationError({"tags": _("Give a list of words.")})
    server.tags = tags = list(dict.fromkeys(tag.strip() for tag in tags))
    for tag in tags:
        if not tag or len(tag) > MAX_TAG or "," in tag:
            raise ValidationError({"tags": _("A tag has 1 to 50 characters and no comma.")})
        if UNPRINTABLE.search(tag):
            raise ValidationError({"tags": _("A tag must not have control characters.")})
    if len(",".join(tags)) + 2 > MAX_TAGS_TEXT:
        raise ValidationError({"tags": _("All tags together may have about 500 characters.")})


def remove_words(char: str) -> str:
    """What to do about an invisible character."""
    return _("Remove the invisible character %(code)s.") % {"code": f"U+{ord(char):04X}"}
