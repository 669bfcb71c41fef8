"""Columns that Django has no field for: those of the tables we adopt, and those that must stay small or secret."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Now
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from monitors.kinds.options import Secret

if TYPE_CHECKING:  # the stubs' fields are generic, Django's are not
    CharField = models.CharField[Any, Any]
    DateTimeField = models.DateTimeField[Any, Any]
    IntegerField = models.IntegerField[Any, Any]
    BigIntegerField = models.BigIntegerField[Any, Any]
    TextField = models.TextField[Any, Any]
    JSONField = models.JSONField[Any, Any]
else:
    CharField, DateTimeField, IntegerField = models.CharField, models.DateTimeField, models.IntegerField
    BigIntegerField, TextField, JSONField = models.BigIntegerField, models.TextField, models.JSONField

UNREADABLE = gettext_noop("none of ENCRYPTION_KEYS can read a stored secret: restore the key that wrote it")
NOT_HEADERS = gettext_noop("the stored request headers are not an object of texts: enter them again")
MASK = "********"
"""Shown instead of a secret; where it comes back, it stands for the stored one."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


class CurrentSecond(Now):
    """CURRENT_TIMESTAMP without a fraction: MySQL refuses `Now()`, which has six digits, as the default of a column
    that has none."""

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="CURRENT_TIMESTAMP", **context)


class NameField(CharField):
    """A name that compares without regard to case on SQLite too, as it does under MySQL's default collations."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        parameters = super().db_parameters(connection)
        if connection.vendor == "sqlite":
            parameters["collation"] = "NOCASE"
        return parameters


class EnumField(CharField):
    """MySQL's `enum(...)`; a short text elsewhere.

    Reads as one of `values` always: another case is the same value, and what is none of them (MySQL stores "" when it
    is not strict, SQLite takes any text) is the last.
    """

    def __init__(self, *args: Any, values: Iterable[str], **kwargs: Any) -> None:
        self.values = tuple(values)
        kwargs["max_length"] = max(map(len, self.values))
        kwargs["choices"] = [(value, value) for value in self.values]
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_length"], kwargs["choices"]
        return name, path, args, {"values": self.values, **kwargs}

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        if connection.vendor == "mysql":
            return "enum({})".format(", ".join(f"'{value}'" for value in self.values))
        return super().db_type(connection)

    def from_db_value(self, value: str | None, *_args: Any) -> str | None:
        if value is None or value in self.values:
            return value
        folded = str(value).upper()
        return folded if folded in self.values else self.values[-1]


@EnumField.register_lookup
class _EnumExact(Exact):
    """Finds the rows that read as the value."""

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> Any:
        column = getattr(self.lhs, "target", None)
        if not isinstance(column, EnumField) or self.rhs not in column.values:
            return super().as_sql(compiler, connection)
        lhs, params = self.process_lhs(compiler, connection)
        lhs = f"{lhs} COLLATE NOCASE" if connection.vendor == "sqlite" else lhs
        *others, last = column.values
        if self.rhs != last:
            return f"{lhs} = %s", [*params, self.rhs]
        return f"{lhs} NOT IN ({', '.join(['%s'] * len(others))})", [*params, *others]


class _SecondsField(DateTimeField):
    """A date and time without a fraction of a second on MySQL."""

    mysql_type = ""

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return self.mysql_type if connection.vendor == "mysql" else super().db_type(connection)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        if isinstance(value, datetime):
            value = value.replace(microsecond=0)  # MySQL would round up, into the future
        return super().get_db_prep_value(value, connection, prepared)


class TimestampField(_SecondsField):
    mysql_type = "timestamp"


class SecondsDateTimeField(_SecondsField):
    mysql_type = "datetime"


class ChoiceCharField(CharField):
    """A text with choices that stay out of the migrations: adding a choice is no change of the schema."""

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("choices", None)
        return name, path, args, kwargs


class ChoiceIntegerField(IntegerField):
    """An integer with choices that stay out of the migrations."""

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("choices", None)
        return name, path, args, kwargs


def to_milliseconds(value: datetime) -> int:
    """Milliseconds since the epoch; `value` is aware."""
    return (value - EPOCH) // MILLISECOND


def from_milliseconds(value: int) -> datetime:
    return EPOCH + value * MILLISECOND


class InstantField(BigIntegerField):
    """An instant as milliseconds since the epoch: a quarter of the bytes of SQLite's text, cheap to read and write,
    and the same on every database whatever the session's time zone. Aware datetimes in Python."""

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any
    _pyi_lookup_exact_type: Any

    def from_db_value(self, value: int | None, *_args: Any) -> datetime | None:
        return None if value is None else from_milliseconds(value)

    def get_prep_value(self, value: Any) -> Any:
        return to_milliseconds(value) if isinstance(value, datetime) else super().get_prep_value(value)

    def to_python(self, value: Any) -> Any:
        return from_milliseconds(value) if isinstance(value, int) else value

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.get_prep_value(self.value_from_object(obj)))


@lru_cache(maxsize=1)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(text: str) -> str:
    """Encrypt with the first of ENCRYPTION_KEYS."""
    return _cipher(tuple(settings.ENCRYPTION_KEYS)).encrypt(text.encode()).decode()


@lru_cache(maxsize=65536)
def _decrypted(token: str, keys: tuple[str, ...]) -> str:
    return _cipher(keys).decrypt(token.encode()).decode()


def decrypt(token: str) -> str:
    """Raises ValueError when none of ENCRYPTION_KEYS fits."""
    try:
        return _decrypted(token, tuple(settings.ENCRYPTION_KEYS))
    except (InvalidToken, UnicodeError):
        raise ValueError(UNREADABLE) from None


class UnreadableHeaders(dict[str, str]):
    """Stands for stored headers that cannot be read: no header at all, so that no list fails over one row. Saved again,
    it stays as it is stored; `problem` says what is wrong."""

    def __init__(self, sealed: str, problem: str) -> None:
        super().__init__()
        self.sealed = sealed
        self.problem = problem


def read_headers(sealed: str) -> dict[str, str]:
    """The headers that are stored as `sealed`; `UnreadableHeaders` when they cannot be read, or are something else."""
    try:
        headers = json.loads(decrypt(sealed))
    except RecursionError:
        headers = None
    except ValueError as error:
        return UnreadableHeaders(sealed, UNREADABLE if str(error) == UNREADABLE else NOT_HEADERS)
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        return UnreadableHeaders(sealed, NOT_HEADERS)
    return headers


class EncryptedTextField(TextField):
    """A secret: plain in Python, encrypted in the database. Cannot be searched."""

    def from_db_value(self, value: str | None, *_args: Any) -> str | None:
        return None if value is None else decrypt(value)

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else encrypt(str(value))


class EncryptedHeadersField(EncryptedTextField):
    """HTTP headers as an object of texts, encrypted as a whole: nearly every custom header is a credential."""

    def from_db_value(self, value: str | None, *_args: Any) -> Any:
        return None if value is None else read_headers(value)

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, UnreadableHeaders):
            return value.sealed
        return None if value is None else super().get_prep_value(json.dumps(value, ensure_ascii=False))

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise ValidationError(_("Give the headers as a JSON object of texts.")) from None

    def value_to_string(self, obj: models.Model) -> str:
        return json.dumps(self.value_from_object(obj))


SEALED = "$sealed"
"""The only key of what stands in the database for a secret option."""


class OptionsField(JSONField):
    """The options of a server's kind of check. Secrets in it are `Secret`s in Python and encrypted in the database, one
    by one; what no key reads is empty, and saved again stays as it is stored."""

    def from_db_value(self, value: Any, *_args: Any) -> Any:
        if value is None:
            return None
        try:
            read = json.loads(value, parse_float=_finite, parse_constant=str)
        except (ValueError, RecursionError):
            return value
        return {name: _opened(one) for name, one in read.items()} if isinstance(read, dict) else read

    def get_prep_value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            name: {SEALED: one.sealed or encrypt(one)} if isinstance(one, Secret) else one
            for name, one in value.items()
        }


def _finite(text: str) -> float | str:
    """A number too large for one stays a text, which no option takes for a number."""
    return number if isfinite(number := float(text)) else text


def _opened(stored: Any) -> Any:
    if not isinstance(stored, dict) or list(stored) != [SEALED]:
        return stored
    try:
        return Secret(decrypt(str(stored[SEALED])))
    except ValueError:
        return Secret("", str(stored[SEALED]))


class TagsField(CharField):
    """A list of short words in one text, each between commas, so that `contains=",word,"` finds it on any database."""

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any
    _pyi_lookup_exact_type: Any

    def from_db_value(self, value: str | None, *_args: Any) -> list[str] | None:
        return None if value is None else [tag for tag in value.split(",") if tag]

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return f",{','.join(value)}," if value else ""
        return super().get_prep_value(value)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            return list(dict.fromkeys(filter(None, (tag.strip() for tag in value.split(",")))))
        if value is None or (isinstance(value, list | tuple) and all(isinstance(tag, str) for tag in value)):
            return value
        raise ValidationError(_("Give the tags as a list of words."))

    def value_to_string(self, obj: models.Model) -> str:
        return ",".join(self.value_from_object(obj) or ())
