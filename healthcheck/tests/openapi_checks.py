"""What Schemathesis is told about this API; loaded by its own process, see `test_openapi`.

A check of ours takes the place of `positive_data_acceptance`: the document says for which fields a request may be
refused that is as the schema has it, and such a request is refused for no other.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.core.jsonschema import make_validator

REASON = re.compile(r"^\* `(?P<field>[a-z_]+)`:", re.MULTILINE)
"""How the description of a 400 names a field: see `monitors.openapi`."""
NUMBER = re.compile(r"\s*-?[0-9]+(\.[0-9]+)?\s*")
TRUTHS = {"1": True, "t": True, "true": True, "y": True, "yes": True, "on": True}
TRUTHS |= {"0": False, "f": False, "false": False, "n": False, "no": False, "off": False}
LIKELY = {
    "host": "127.0.0.1",
    "path": "/health",
    "timeout_seconds": None,
    "expected_status": "200-299,301",
    "request_headers": {"X-Key": "secret"},
    "tags": ["seoul"],
    "hook_url": os.environ.get("API_HOOK_URL"),
    "expires_at": None,
}
"""Values that are not refused, by field: what only looks like an address never makes a server."""


@schemathesis.check
def refused_as_documented(_ctx: Any, response: Any, case: Any) -> None:
    """A request that the schema allows is refused with 400 only for a field that the document names."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code != 400:
        return
    stated = set(REASON.findall(case.operation.definition.raw["responses"]["400"].get("description", "")))
    refused = {entry["field"].split(".")[0] for entry in response.json()["errors"]}
    if not refused or refused - stated:
        raise AssertionError(f"refused for {sorted(refused)}, stated are {sorted(stated)}: {response.text[:500]}")


@schemathesis.hook
def map_case(_context: Any, case: Any) -> Any:
    """Of the good requests about half have values that make them succeed, so that there is something to go on with."""
    if case.meta is not None and case.meta.generation.mode.is_positive and len(repr(case.body)) % 2:
        for row in case.body if isinstance(case.body, list) else [case.body]:
            if isinstance(row, dict):
                row |= {name: value for name, value in LIKELY.items() if name in row}
    return case


@schemathesis.hook
def filter_failure(_context: Any, failure: Failure, case: Any, _response: Any) -> bool:
    """What is accepted although the schema forbids it is well when it is only spelled otherwise: texts are trimmed, and
    numbers and truths may be given as texts and the other way round, as the framework has it."""
    return not (isinstance(failure, AcceptedNegativeData) and _is_read_as_valid(case))


def _is_read_as_valid(case: Any) -> bool:
    body = case.operation.get_body_for_media_type(case.media_type)
    if body is None or not isinstance(case.body, dict | list):
        return False
    validator = make_validator(body.optimized_schema, case.operation.schema.adapter.jsonschema_validator_cls)
    return any(validator.is_valid(reading) for reading in _readings_of_all(validator, deepcopy(case.body)))


def _readings_of_all(validator: Any, body: Any) -> Iterator[Any]:
    """`body` with another reading in the place of each value that is wrong."""
    for error in list(validator.iter_errors(body)):
        *way, last = error.instance_path or [None]
        if last is None:
            return
        holder = body
        for step in way:
            holder = holder[step]
        for reading in _readings(holder[last]):
            kept, holder[last] = holder[last], reading
            if not any(list(one.instance_path) == [*way, last] for one in validator.iter_errors(body)):
                break
            holder[last] = kept
    yield body


def _readings(value: Any) -> Iterator[Any]:
    text = str(value).strip()
    yield text
    if NUMBER.fullmatch(text):
        yield float(text) if "." in text else int(text)
    if text.lower() in TRUTHS:
        yield TRUTHS[text.lower()]
    if text.lower() in ("null", ""):
        yield None
