"""From the bytes of a file to its rows."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from enum import StrEnum

from django.utils.translation import gettext as _

from monitors.seeding.csv_rows import SEPARATOR_LINE, read_csv
from monitors.seeding.json_rows import read_json
from monitors.seeding.rows import MAX_BYTES, MAX_ROWS, Row, SeedError
from monitors.seeding.values import typed
from monitors.seeding.yaml_rows import read_yaml


class Format(StrEnum):
    YAML = "yaml"
    JSON = "json"
    CSV = "csv"


SUFFIXES = {".yaml": Format.YAML, ".yml": Format.YAML, ".json": Format.JSON, ".csv": Format.CSV}
_READERS: dict[Format, Callable[[str], Iterator[tuple[int, object]]]] = {
    Format.YAML: read_yaml,
    Format.JSON: read_json,
    Format.CSV: read_csv,
}
_CSV_HEADER = re.compile(r'\s*"?\w+(?: \w+)?"?[ ]*[,;\t]')


def read(data: bytes, format: Format | None = None) -> list[Row]:  # noqa: A002
    """The rows of a file; the format is guessed from its beginning when it is None. Raises SeedError."""
    text = _decoded(data)
    if not text.strip():
        raise SeedError(_("the file is empty"))
    rows: list[Row] = []
    for number, (line, raw) in enumerate(_READERS[format or guessed(text)](text), 1):
        if number > MAX_ROWS:
            raise SeedError(_("the file has more than %(limit)d servers") % {"limit": MAX_ROWS}, line)
        rows.append(typed(number, line, raw))
    return rows


def guessed(text: str) -> Format:
    """The format that a text without a name seems to be in."""
    if text.lstrip()[:1] in ("[", "{"):
        return Format.JSON
    return Format.CSV if _CSV_HEADER.match(text) or SEPARATOR_LINE.match(text) else Format.YAML


def _decoded(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise SeedError(_("the file is larger than %(limit)d MB") % {"limit": MAX_BYTES // 1024 // 1024})
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise SeedError(_('the file is UTF-16: save it as UTF-8 (in Excel, "CSV UTF-8")'), 1)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SeedError(_('the file is not UTF-8: save it as UTF-8 (in Excel, "CSV UTF-8")'), line) from None
