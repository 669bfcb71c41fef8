"""What the columns of an adopted table can hold: their character set may lack characters that people write.

MySQL and MariaDB refuse to store such a text (1366), and to compare a column with it (1267, 3854, 3988). So what is
written is checked first (`problem`), and a comparison with such a text finds nothing, since no row can be equal to it.
Tables of ours hold any text. On SQLite all do.
"""

from __future__ import annotations

import time
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from copy import copy
from functools import lru_cache
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import CharField, TextField, lookups
from django.utils.translation import gettext as _

AT_ONCE = 500
"""Characters asked for by one statement."""
TRUSTED_SECONDS = 60
"""How long a character set of a column is believed: somebody may convert the table meanwhile."""

_held: defaultdict[str, dict[str, bool]] = defaultdict(dict)
"""Of each character set, whether it has a character; as the database said."""


def lacking(table: str, column: str, text: str) -> str:
    """The first character of `text` that the column cannot hold; "" when it can hold them all."""
    if text.isascii():
        return ""
    if connection.vendor == "mysql":
        character_set = _character_sets(str(connection.settings_dict["NAME"]), table, _period()).get(column)
        known = _known(character_set, text) if character_set not in (None, "utf8mb4") else {}
    else:
        known = {}
    return next((char for char in text if not known.get(char, not _is_surrogate(char))), "")


def problem(table: str, column: str, text: str) -> str:
    """What keeps the database from storing `text` in the column, in a sentence; "" when nothing does."""
    char = lacking(table, column, text)
    if not char:
        return ""
    words = {"char": char if char.isprintable() else f"U+{ord(char):04X}"}
    return _("The database's table cannot hold %(char)s: leave it out, or convert the table to utf8mb4.") % words


def storable(table: str, column: str, text: str) -> str:
    """`text` with a question mark for each character that the column cannot hold."""
    missing = {char for char in set(text) if lacking(table, column, char)}
    return "".join("?" if char in missing else char for char in text)


def _is_surrogate(char: str) -> bool:
    """Half of a character, which came in as a JSON escape and no database takes."""
    return unicodedata.category(char) == "Cs"


def _period() -> int:
    return int(time.monotonic() // TRUSTED_SECONDS)


@lru_cache(maxsize=64)
def _character_sets(_database: str, table: str, _period: int) -> Mapping[str, str]:
    """The character set of each column of a table that holds text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, character_set_name FROM information_schema.columns"
            " WHERE table_schema = DATABASE() AND table_name = %s AND character_set_name IS NOT NULL",
            [table],
        )
        return dict(cursor.fetchall())


def _known(character_set: str | None, text: str) -> Mapping[str, bool]:
    """Whether the character set has each character of `text`. The database is asked once for each of them."""
    known = _held[str(character_set)]
    new = sorted({char for char in text if char not in known and not char.isascii() and not _is_surrogate(char)})
    for start in range(0, len(new), AT_ONCE):
        known.update(_asked(str(character_set), new[start : start + AT_ONCE]))
    return known


def _asked(character_set: str, chars: list[str]) -> Iterable[tuple[str, bool]]:
    """A character that is missing is converted to a question mark, and does not come back as it was."""
    returns = f"CONVERT(CONVERT(%s USING {character_set}) USING utf8mb4) = BINARY %s"  # named by the server itself
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join([returns] * len(chars))}",
            [char for char in chars for _twice in range(2)],
        )
        return zip(chars, map(bool, cursor.fetchone()), strict=True)


def _never_meets(lhs: Any, text: Any) -> bool:
    column = getattr(lhs, "target", None)
    return (
        isinstance(text, str) and column is not None and bool(lacking(column.model._meta.db_table, column.column, text))
    )


class _Comparison(lookups.Lookup):
    """A comparison that is false for every row where the column cannot hold the text."""

    def as_mysql(self, compiler: Any, connection: Any) -> Any:
        if _never_meets(self.lhs, self.rhs):
            raise EmptyResultSet
        return self.as_sql(compiler, connection)


class _In(lookups.In):
    def as_mysql(self, compiler: Any, connection: Any) -> Any:
        if not self.rhs_is_direct_value():
            return self.as_sql(compiler, connection)
        possible = copy(self)
        possible.rhs = [value for value in self.rhs if not _never_meets(self.lhs, value)]
        return possible.as_sql(compiler, connection)


COMPARISONS = (
    lookups.Exact,
    lookups.IExact,
    lookups.Contains,
    lookups.IContains,
    lookups.StartsWith,
    lookups.IStartsWith,
    lookups.EndsWith,
    lookups.IEndsWith,
)


def register() -> None:
    """Let every comparison of a column with a text know this. Called once, when the apps are ready."""
    for field in (CharField, TextField):
        field.register_lookup(_In)
        for comparison in COMPARISONS:
            field.register_lookup(type(comparison.__name__, (_Comparison, comparison), {}))
