"""Every error of the API in one shape: `{"code": "invalid", "detail": "2 fields are wrong", "errors": [...]}`."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from rest_framework import exceptions, status
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.settings import api_settings

logger = logging.getLogger(__name__)

BODY = "body"
"""The `field` of an error that is about the whole."""
MAX_MESSAGE = 300
"""Characters of a message; some repeat what was sent."""
WRONG_CHARACTERS = frozenset({1366, 1267, 1270, 1271, 3854, 3988})
"""MySQL: the column's character set lacks a character that was to be stored in it, or compared with it. The driver
calls these operational errors. `monitors.charsets` foresees them where it knows the column."""

Entry = dict[str, Any]


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = gettext_lazy("The body is too large.")
    default_code = "too_large"


class LengthRequired(exceptions.APIException):
    status_code = status.HTTP_411_LENGTH_REQUIRED
    default_detail = gettext_lazy("Announce the size of the body by Content-Length.")
    default_code = "length_required"


class Conflict(exceptions.APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = gettext_lazy("What you want to change is no longer as you saw it.")
    default_code = "conflict"


class Unavailable(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = gettext_lazy("The database is not available. Try again shortly.")
    default_code = "unavailable"
    wait = 5


def handle(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """The answer to `exc`, or None for a bug of ours."""
    problem = _as_problem(exc)
    if problem is None:
        return None
    if request := context.get("request"):
        render_as_json(request)
    headers = {}
    if auth_header := getattr(problem, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(problem, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return Response(as_body(problem), status=problem.status_code, headers=headers)


def render_as_json(request: Request) -> None:
    """Whatever is accepted and whatever the view makes otherwise. Only people who browse the API see pages."""
    browses = isinstance(getattr(request, "accepted_renderer", None), BrowsableAPIRenderer)
    if not browses or "Authorization" in request.headers:
        request.accepted_renderer = JSONRenderer()
        request.accepted_media_type = JSONRenderer.media_type


def as_body(problem: exceptions.APIException) -> dict[str, Any]:
    if isinstance(problem, exceptions.ValidationError):
        entries = list(_entries(problem.detail))
        return {"code": "invalid", "detail": _summary(entries), "errors": entries}
    codes = problem.get_codes()
    code = codes if isinstance(codes, str) else problem.default_code
    return {"code": code, "detail": _printable(problem.detail), "errors": []}


def _as_problem(exc: Exception) -> exceptions.APIException | None:
    match exc:
        case exceptions.APIException():
            return exc
        case Http404():
            return exceptions.NotFound()
        case PermissionDenied():
            return exceptions.PermissionDenied()
        case DjangoValidationError():
            return exceptions.ValidationError(as_serializer_error(exc))
        case RequestDataTooBig():
            return TooLarge()
        case SuspiciousOperation():
            return exceptions.ParseError()
        case DatabaseError() if is_refusal(exc):
            return _refused_by_database(exc)
        case OperationalError() | InterfaceError():
            logger.error("database not available", exc_info=exc)
            return Unavailable()
    return None


def is_refusal(error: DatabaseError) -> bool:
    """Whether the database works and only refused what it was to store."""
    wrong = isinstance(error, OperationalError) and bool(WRONG_CHARACTERS.intersection(error.args[:1]))
    return wrong or isinstance(error, IntegrityError | DataError)


def _refused_by_database(exc: Exception) -> exceptions.ValidationError:
    """What validation could not foresee: a stranger was faster, or an adopted column is narrower than ours.

    The database's own words may quote other people's data, so only the column is taken from them.
    """
    column = re.search(r"column (?:\S*[.`'])?(\w+)[`']", str(exc))
    return exceptions.ValidationError(
        {column[1] if column else BODY: [_("The database refuses this value; nothing was written.")]}
    )


def _entries(detail: Any, field: str = "", row: int | None = None) -> Iterator[Entry]:
    """Flatten the framework's nested errors. A number at the top is the position of a row in a list."""
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            if isinstance(key, int) and not field:
                yield from _entries(value, row=key + 1)
            elif key == api_settings.NON_FIELD_ERRORS_KEY:
                yield from _entries(value, field, row)
            else:
                yield from _entries(value, f"{field}.{key}" if field else str(key), row)
    elif isinstance(detail, Sequence) and not isinstance(detail, str):
        for item in detail:
            yield from _entries(item, field, row)
    else:
        where = {} if row is None else {"row": row}
        yield {**where, "field": _printable(field or BODY), "message": _printable(detail)}


def _summary(entries: Sequence[Entry]) -> str:
    rows = {entry["row"] for entry in entries if "row" in entry}
    if rows:
        return ngettext("%(count)d row is wrong", "%(count)d rows are wrong", len(rows)) % {"count": len(rows)}
    fields = {entry["field"] for entry in entries}
    return ngettext("%(count)d field is wrong", "%(count)d fields are wrong", len(fields)) % {"count": len(fields)}


def _printable(text: object) -> str:
    """Bounded, and without lone surrogates: they came in as JSON escapes and cannot go out as UTF-8."""
    return str(text)[:MAX_MESSAGE].encode("utf-8", "backslashreplace").decode()
