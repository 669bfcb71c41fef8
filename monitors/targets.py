"""From a server's stored columns to what a prober is given."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_noop

from monitors import concealing, kinds
from monitors.address import InvalidAddress, parse_expected_status
from monitors.engine import failures
from monitors.engine.base import MAX_DETAIL, Outcome, Target
from monitors.fields import NOT_HEADERS, UNREADABLE, UnreadableHeaders
from monitors.models import Policy, Server
from monitors.policy import RULES, Effective, Policies, Rules, rules
from monitors.settings_table import RULE_COLUMNS, TARGET_COLUMNS
from monitors.validation import TOKEN, header_problem

_rules = attrgetter(*RULE_COLUMNS)
_PLAIN = tuple(name for name in TARGET_COLUMNS if name not in ("request_headers", "options"))
_plain = attrgetter(*_PLAIN)

NO_TOKEN = gettext_noop("the stored subprotocol has characters that HTTP does not allow: enter it again")
NO_HEADER = gettext_noop("a stored request header has a name or a value that HTTP does not allow: enter it again")


def variables() -> Rules:
    """The settings that come from environment variables; none of them is inherited."""
    return Rules(*(getattr(settings, rule.variable) for rule in RULES.values()))


def policies() -> Policies:
    """What every server inherits now."""
    return Policies({policy.environment: rules(policy) for policy in Policy.objects.all()}, variables())


def effective_of(server: Any, policies: Policies) -> Effective:
    """The rules of a server, or of anything that has the columns that decide them."""
    return policies.effective(*_rules(server))


@lru_cache(maxsize=65_536)
def _target(
    plain: tuple[Any, ...], headers: tuple[tuple[str, str], ...], options: str, timeout: timedelta
) -> Target | Outcome:
    columns = dict(zip(_PLAIN, plain, strict=True))
    given = json.loads(options)
    kind = kinds.of(columns["type"])
    try:
        address = kinds.parse_address(**{name: columns[name] for name in ("host", "port", "type", "path", "scheme")})
        statuses = parse_expected_status(columns["expected_status"]) if columns["expected_status"] else ()
        read = kinds.options.read(kind.options, given)
    except InvalidAddress as error:
        return _invalid(str(error))
    if columns["subprotocol"] and not TOKEN.fullmatch(columns["subprotocol"]):
        return _invalid(NO_TOKEN)
    if any(header_problem(*header) for header in headers):
        return _invalid(NO_HEADER)
    return Target(
        scheme=address.scheme,
        host=address.host,
        port=address.port,
        path=address.path,
        timeout=timeout,
        expected_status=statuses,
        expected_text=columns["expected_text"] or "",
        headers=headers,
        verify_tls=columns["verify_tls"] is not False,
        subprotocol=columns["subprotocol"] or "",
        options=read,
        secrets=tuple(given[name] for name in kinds.options.secrets(kind.options) if name in given),
    )


def _invalid(detail: str) -> Outcome:
    return Outcome(failures.INVALID_ADDRESS, timedelta(0), detail=detail[:MAX_DETAIL])


def target_from(server: Any, timeout: timedelta) -> Target | Outcome:
    """What to probe for a server, or for anything that has the columns that say it; the outcome when what is stored
    cannot be probed."""
    headers, options = server.request_headers, server.options
    if isinstance(headers, UnreadableHeaders):
        # Without the key it is our fault, and says nothing about the server.
        return _invalid(headers.problem) if headers.problem == NOT_HEADERS else _unseen(headers.problem)
    if options and concealing.is_unreadable(options):
        return _unseen(UNREADABLE)
    said = json.dumps(options, sort_keys=True) if options else "{}"
    return _target(_plain(server), tuple(headers.items()) if headers else (), said, timeout)


def _unseen(detail: str) -> Outcome:
    return Outcome(failures.PROBER_FAULT, timedelta(0), detail=detail)


def target_of(server: Server, policies: Policies) -> Target | Outcome:
    """What to probe for `server`, or the outcome when its address cannot be read."""
    return target_from(server, effective_of(server, policies).timeout)


def address_text(server: Server) -> str:
    """The server's address as a URL for everybody, or what is stored when it cannot be read; without what may be a
    secret in it."""
    try:
        return concealing.address_of(server).shown
    except InvalidAddress:
        return f"{concealing.shown_host(server.host)}:{server.port}"
