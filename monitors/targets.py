"""From a server's stored columns to what a prober is given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_noop

from monitors import concealing, kinds
from monitors.address import InvalidAddress, parse_expected_status
from monitors.engine import failures
from monitors.engine.base import MAX_DETAIL, Outcome, Target
from monitors.fields import NOT_HEADERS, UnreadableHeaders
from monitors.models import Policy, Server
from monitors.policy import Effective, Policies, Rules, rules
from monitors.validation import TOKEN, header_problem

RULE_COLUMNS = ("environment", "interval_seconds", "timeout_seconds", "healthy_threshold", "unhealthy_threshold")
TARGET_COLUMNS = (
    "host",
    "port",
    "type",
    "path",
    "scheme",
    "expected_status",
    "expected_text",
    "verify_tls",
    "subprotocol",
    "request_headers",
)
"""The columns that say where to look and what to expect there: a change of one makes it another target."""


NO_TOKEN = gettext_noop("the stored subprotocol has characters that HTTP does not allow: enter it again")
NO_HEADER = gettext_noop("a stored request header has a name or a value that HTTP does not allow: enter it again")


def variables() -> Rules:
    """The settings that come from environment variables; none of them is inherited."""
    return Rules(
        settings.PROBE_INTERVAL_SECONDS,
        settings.PROBE_TIMEOUT_SECONDS,
        settings.HEALTHY_THRESHOLD,
        settings.UNHEALTHY_THRESHOLD,
    )


def policies() -> Policies:
    """What every server inherits now."""
    return Policies({policy.environment: rules(policy) for policy in Policy.objects.all()}, variables())


def effective_of(server: Server, policies: Policies) -> Effective:
    return policies.effective(*(getattr(server, name) for name in RULE_COLUMNS))


@lru_cache(maxsize=65_536)
def _target(
    host: str,
    port: int,
    type: int,  # noqa: A002
    path: str | None,
    scheme: str | None,
    expected_status: str | None,
    expected_text: str | None,
    verify_tls: bool | None,
    subprotocol: str | None,
    headers: tuple[tuple[str, str], ...],
    timeout: timedelta,
) -> Target | Outcome:
    try:
        address = kinds.parse_address(host=host, port=port, type=type, path=path, scheme=scheme)
        statuses = parse_expected_status(expected_status) if expected_status else ()
    except InvalidAddress as error:
        return _invalid(str(error))
    if subprotocol and not TOKEN.fullmatch(subprotocol):
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
        expected_text=expected_text or "",
        headers=headers,
        verify_tls=verify_tls is not False,
        subprotocol=subprotocol or "",
    )


def _invalid(detail: str) -> Outcome:
    return Outcome(failures.INVALID_ADDRESS, timedelta(0), detail=detail[:MAX_DETAIL])


def target_from(columns: Sequence[Any], timeout: timedelta) -> Target | Outcome:
    """The target that `TARGET_COLUMNS` describe, or the outcome when what is stored cannot be probed."""
    *where, headers = columns
    if isinstance(headers, UnreadableHeaders):
        # Without the key it is our fault, and says nothing about the server.
        return _invalid(headers.problem) if headers.problem == NOT_HEADERS else _unseen(headers.problem)
    return _target(*where, tuple((headers or {}).items()), timeout)


def _unseen(detail: str) -> Outcome:
    return Outcome(failures.PROBER_FAULT, timedelta(0), detail=detail)


def target_of(server: Server, policies: Policies) -> Target | Outcome:
    """What to probe for `server`, or the outcome when its address cannot be read."""
    columns = [getattr(server, name) for name in TARGET_COLUMNS]
    return target_from(columns, effective_of(server, policies).timeout)


def address_text(server: Server) -> str:
    """The server's address as a URL for everybody, or what is stored when it cannot be read; without what may be a
    secret in it."""
    try:
        return concealing.address_of(server).shown
    except InvalidAddress:
        return f"{concealing.shown_host(server.host)}:{server.port}"
