"""Servers as a file that `seed_servers` reads back without finding anything to change."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from monitors import concealing
from monitors.models import Server
from monitors.seeding import KEYS, Format
from monitors.seeding.csv_rows import guarded
from monitors.settings_table import NEVER_NULL

_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # libyaml is ten times as fast, where it is there


def described(server: Server, *, secrets: bool) -> dict[str, Any]:
    """Every key of `server`, those that are inherited as None: what a file does not mention would keep its value."""
    values = {key: getattr(server, key) for key in KEYS}
    if secrets:
        values["options"] = concealing.bare(values["options"])
    else:
        values |= {column: concealing.masked(column, values[column]) for column in concealing.COLUMNS}
    return {key: None if key not in NEVER_NULL and value in ("", [], {}) else value for key, value in values.items()}


def rendered(servers: Iterable[dict[str, Any]], format: Format) -> Iterator[str]:  # noqa: A002
    """The file's text, piece by piece."""
    return {Format.YAML: _yaml, Format.JSON: _json, Format.CSV: _csv}[format](servers)


def _yaml(servers: Iterable[dict[str, Any]]) -> Iterator[str]:
    empty = True
    for server in servers:
        empty = False
        yield yaml.dump([server], Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1_000_000)
    if empty:
        yield "[]\n"


def _json(servers: Iterable[dict[str, Any]]) -> Iterator[str]:
    opening = "["
    for server in servers:
        yield f"{opening}\n  {json.dumps(server, ensure_ascii=False)}"
        opening = ","
    yield "[]\n" if opening == "[" else "\n]\n"


def _csv(servers: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Comma-separated, with the line ends of RFC 4180."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(KEYS)
    for server in servers:
        writer.writerow(guarded(_cell(server[key])) for key in KEYS)
        yield _emptied(buffer)
    yield _emptied(buffer)


def _emptied(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
