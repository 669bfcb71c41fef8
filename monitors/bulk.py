"""The statements of the hot path, one per table and batch, whatever the size of the batch.

Measured per row of a batch of 250 on SQLite: `bulk_update` of five fields 989 µs, `bulk_create(update_conflicts=True)`
94 µs, this 7 µs. An INSERT with an update on conflict is one multi-row statement in mysqlclient too, where an UPDATE
would be one round trip per row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from django.db import connection, models


@lru_cache(maxsize=32)
def _upsert_sql(
    vendor: str,
    table: str,
    columns: tuple[str, ...],
    key: tuple[str, ...],
    sums: frozenset[str],
    maxima: frozenset[str],
) -> str:
    quote = connection.ops.quote_name
    greatest = "GREATEST" if vendor == "mysql" else "MAX"

    def updated(column: str) -> str:
        name = quote(column)
        stored = f"{quote(table)}.{name}"
        incoming = f"VALUES({name})" if vendor == "mysql" else f"excluded.{name}"
        if column in sums:
            return f"{name} = {stored} + {incoming}"
        if column in maxima:
            return f"{name} = {greatest}({stored}, {incoming})"
        return f"{name} = {incoming}"

    names = ", ".join(map(quote, columns))
    places = ", ".join(["%s"] * len(columns))
    updates = ", ".join(updated(column) for column in columns if column not in key)
    conflict = (
        "ON DUPLICATE KEY UPDATE" if vendor == "mysql" else f"ON CONFLICT ({', '.join(map(quote, key))}) DO UPDATE SET"
    )
    return f"INSERT INTO {quote(table)} ({names}) VALUES ({places}) {conflict} {updates}"  # noqa: S608  no value in it


def upsert(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    key: Sequence[str],
    sums: Iterable[str] = (),
    maxima: Iterable[str] = (),
) -> None:
    """Insert `rows` (values as the database stores them); where the unique `key` exists, overwrite the other columns,
    add to those in `sums` and raise those in `maxima`."""
    rows = list(rows)
    if not rows:
        return
    sql = _upsert_sql(
        connection.vendor, model._meta.db_table, tuple(columns), tuple(key), frozenset(sums), frozenset(maxima)
    )
    with connection.cursor() as cursor:
        cursor.executemany(sql, rows)


def insert(instances: Sequence[models.Model]) -> None:
    """Insert new rows of one model by one statement; `bulk_create` makes one of every 100 rows on SQLite. The keys are
    the database's to give, and stay unknown."""
    if not instances:
        return
    options = instances[0]._meta
    fields = [field for field in options.concrete_fields if not field.primary_key]
    quote = connection.ops.quote_name
    names, places = ", ".join(quote(str(field.column)) for field in fields), ", ".join(["%s"] * len(fields))
    sql = f"INSERT INTO {quote(options.db_table)} ({names}) VALUES ({places})"  # noqa: S608  no value in it
    rows = [
        tuple(field.get_db_prep_save(getattr(instance, str(field.attname)), connection) for field in fields)
        for instance in instances
    ]
    with connection.cursor() as cursor:
        cursor.executemany(sql, rows)
